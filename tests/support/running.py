"""The product as its own processes: started, called, stopped."""

import http.client
import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from config import web_server
from tests.support.ports import free_port

ROOT = Path(__file__).parents[2]
SECONDS_TO_START = 60
SECONDS_TO_STOP = 30
BULK = "/api/v1/subscribers/events/bulk"


class Running:
    """A started `up` whose output is kept in a file."""

    def __init__(
        self, environment: dict[str, str], port: int, log: Path, *, folder: Path = ROOT
    ) -> None:
        """Start the code in a folder, this one unless told."""
        self.port = port
        self.log = log
        self.folder = Path(environment["DATA_DIR"])
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "up", "--port", str(port)],
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                # Most machines', whatever the tests' own is.
                umask=0o022,
            )

    def wait_until_it_runs(self) -> str:
        """Return what was printed until then."""
        give_up_at = time.monotonic() + SECONDS_TO_START
        while time.monotonic() < give_up_at and self.process.poll() is None:
            printed = self.log.read_text()
            if "Cueline runs" in printed:
                return printed
            time.sleep(0.1)
        raise AssertionError(self.log.read_text())

    def stop(self, number: signal.Signals) -> int:
        """Send a signal and return the exit code."""
        self.process.send_signal(number)
        return self.process.wait(timeout=SECONDS_TO_STOP)

    def send(self, method: str, path: str, **sent: Any) -> tuple[int, Any]:
        """Call the web process."""
        return call(self.port, method, path, **sent)

    def first_run(self) -> str:
        """Return what the first run would have shown on a terminal."""
        return "".join(each.read_text() for each in self.folder.glob("first-run-*.txt"))

    def printed_call(self) -> tuple[str, dict[str, str], str]:
        """Return path, headers and body of the first run's curl line."""
        lines = self.first_run().splitlines()
        curl = shlex.split(next(line for line in lines if line.startswith("curl")))
        headers = dict(curl[at + 1].split(": ") for at, word in enumerate(curl) if word == "-H")
        path = curl[3].removeprefix(f"http://127.0.0.1:{self.port}")
        return path, headers, curl[curl.index("-d") + 1]


Start = Callable[[], Running]


@pytest.fixture
def environment(tmp_path: Path) -> Iterator[dict[str, str]]:
    """An environment of a fresh machine: an empty data folder, an empty database."""
    names = {"SECRET_KEY", "RATE_LIMIT", "DATABASE_URL", "DJANGO_SETTINGS_MODULE"}
    fresh = {name: value for name, value in os.environ.items() if name not in names}
    fresh["DATA_DIR"] = str(tmp_path / "data")
    server = os.environ.get("DATABASE_URL")
    if not server:
        yield fresh
        return
    name = f"up_{uuid.uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    fresh["DATABASE_URL"] = server.rpartition("/")[0] + "/" + name
    yield fresh
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
def start(environment: dict[str, str], tmp_path: Path) -> Iterator[Start]:
    """Starts `up` on a free port; ends what the test left running."""
    started: list[Running] = []

    def begin() -> Running:
        running = Running(environment, free_port(), tmp_path / f"log-{len(started)}")
        started.append(running)
        return running

    yield begin
    for running in started:
        if running.process.poll() is None:
            running.process.kill()
            running.process.wait()


class Application:
    """What calls the bulk endpoint of a web process."""

    def __init__(self, port: int, key: str) -> None:
        self.port = port
        self.headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}

    def send(self, email: str, events: list[dict[str, Any]]) -> int:
        """Report events, and return the status."""
        body = json.dumps({"email": email, "events": events})
        status, _ = call(self.port, "POST", BULK, body=body, headers=self.headers)
        return status


def call(port: int, method: str, path: str, **sent: Any) -> tuple[int, Any]:
    """Call a web process by a connection of its own; returns the status and the JSON."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request(method, path, **sent)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


@contextmanager
def serving(target: str, environment: dict[str, str]) -> Iterator[tuple[int, int]]:
    """Start the product's server as `up` does, or a bare WSGI one; yields its port and process."""
    port = free_port()
    command = [*web_server.command(host="127.0.0.1", port=port)[:-1], target]
    if target.startswith("tests.benchmarks."):
        command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--http", "1"]
        command += ["--host", "127.0.0.1", "--port", str(port), "--log-level", "warning", "--no-ws"]
        command += ["--workers", "1", "--blocking-threads", "4", target]
    process = subprocess.Popen(command, cwd=ROOT, env=environment)
    try:
        wait_for(port)
        yield port, process.pid
    finally:
        process.terminate()
        process.wait(timeout=30)


def wait_for(port: int) -> None:
    """Wait until the server takes connections."""
    give_up_at = time.monotonic() + 30
    while time.monotonic() < give_up_at:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise TimeoutError(f"Nothing listens on port {port}.")
