"""The worker as its own processes: started, watched from outside, killed."""

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from tests.support.running import ROOT

SECONDS_TO_HAPPEN = 35


class Working:
    """A started `manage.py worker` whose output is kept in a file."""

    def __init__(self, environment: dict[str, str], log: Path) -> None:
        self.environment = environment
        self.log = log
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "worker"],
                cwd=ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def part(self, name: str) -> int:
        """Return the process id of the ticker or the pool; 0 while there is none."""
        found = (each for each in children_of(self.process.pid) if f"--part {name} " in line(each))
        return next(found, 0)

    def parts(self) -> tuple[int, int]:
        """Return the process ids of the pool and the ticker."""
        return self.part("pool"), self.part("ticker")

    def pool_processes(self) -> list[int]:
        """Return the ids of the processes that carry out tasks."""
        return children_of(self.part("pool"))

    def everybody(self) -> list[int]:
        """Return the ids of all processes of the worker."""
        parts = [part for part in self.parts() if part]
        return [self.process.pid, *parts, *self.pool_processes()]

    def wait_for_beat(self) -> None:
        """Wait until a task that is put into the queue now has come through it."""
        before = self._last_beat()
        self.wait_until(lambda: self._last_beat() != before)

    def _last_beat(self) -> Any:
        try:
            return self.value("SELECT beat_at FROM events_worker ORDER BY id DESC LIMIT 1")
        except (sqlite3.OperationalError, psycopg.errors.UndefinedTable):
            return None

    def wait_until(self, is_reached: Callable[[], bool]) -> None:
        """Wait for something to happen; fails with the worker's log."""
        give_up_at = time.monotonic() + SECONDS_TO_HAPPEN
        while not is_reached():
            assert time.monotonic() < give_up_at, self.log.read_text()
            time.sleep(0.1)

    def value(self, query: str) -> Any:
        """Return the first value that a query gives, by a connection of its own."""
        return value_of(self.environment, query)

    def manage(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run another command on the same database."""
        return manage(self.environment, *arguments)

    def put(self, task: str, *arguments: object, times: int = 1) -> None:
        """Put a task into the queue of marketing."""
        call = f"enqueue.TaskCall({task!r}, {arguments!r})"
        code = "from events import enqueue; "
        code += f"enqueue.put(calls=[(enqueue.Lane.MARKETING, {call})] * {times})"
        assert self.manage("shell", "--verbosity", "0", "--command", code).returncode == 0

    def stop(self) -> int:
        """Send SIGTERM and return the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=25)


StartWorker = Callable[[], Working]


@pytest.fixture
def start_worker(environment: dict[str, str], tmp_path: Path) -> Iterator[StartWorker]:
    """Starts workers on one migrated database; ends what the test left running."""
    started: list[Working] = []
    fill_with_tables(environment)

    def begin() -> Working:
        working = Working(environment, tmp_path / f"worker-{len(started)}")
        started.append(working)
        return working

    yield begin
    for working in started:
        if working.process.poll() is None:
            working.process.kill()
            working.process.wait()


def fill_with_tables(environment: dict[str, str]) -> None:
    """Bring an empty database to the newest migration, by a copy of one that was migrated before.

    Migrating takes four seconds, and every test of a worker needs it.
    """
    url = environment.get("DATABASE_URL") or f"sqlite:///{environment['DATA_DIR']}/cueline.sqlite3"
    if url.startswith("sqlite:"):
        file = Path(url.removeprefix("sqlite:///"))
        file.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(_migrated_file(), file)
        return
    server, _, name = url.rpartition("/")
    template = _migrated_template(f"{server}/postgres")
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE {}").format(sql.Identifier(name)))
        copy = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
        connection.execute(copy.format(sql.Identifier(name), sql.Identifier(template)))


def fill(environment: dict[str, str]) -> dict[str, str]:
    """Fill an empty database with tables, people and names; returns what is to be known of them."""
    fill_with_tables(environment)
    printed = subprocess.run(
        [sys.executable, "-m", "tests.support.prepare"],
        cwd=ROOT,
        env={**environment, "DJANGO_SETTINGS_MODULE": "config.settings"},
        capture_output=True,
        check=True,
        timeout=120,
    ).stdout
    known: dict[str, str] = json.loads(printed)
    return known


@cache
def _migrated_file() -> Path:
    folder = tempfile.mkdtemp(prefix="migrated-", dir=os.environ["DATA_DIR"])
    inherited = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    inherited.pop("DJANGO_SETTINGS_MODULE", None)
    assert manage({**inherited, "DATA_DIR": folder}, "migrate", "--verbosity", "0").returncode == 0
    return Path(folder) / "cueline.sqlite3"


@cache
def _migrated_template(url: str) -> str:
    name = f"migrated_{uuid.uuid4().hex}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    inherited = {key: value for key, value in os.environ.items() if key != "DJANGO_SETTINGS_MODULE"}
    given = {**inherited, "DATABASE_URL": f"{url.rpartition('/')[0]}/{name}"}
    assert manage(given, "migrate", "--verbosity", "0").returncode == 0
    return name


def manage(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `manage.py`."""
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip


def value_of(environment: dict[str, str], query: str) -> Any:
    """Return the first value that a query gives on either database."""
    if "DATABASE_URL" in environment:
        with psycopg.connect(environment["DATABASE_URL"]) as connection:
            row = connection.execute(query).fetchone()
    else:
        file = sqlite3.connect(Path(environment["DATA_DIR"]) / "cueline.sqlite3", timeout=20)
        row = file.execute(query).fetchone()
        file.close()
    return row[0] if row else None


def children_of(process_id: int) -> list[int]:
    """Return the ids of a process's children; none for a process that is not there."""
    try:
        text = Path(f"/proc/{process_id}/task/{process_id}/children").read_text()
    except FileNotFoundError:
        return []
    return [int(each) for each in text.split()]


def line(process_id: int) -> str:
    """Return a process's command line; empty when it has ended."""
    try:
        text = Path(f"/proc/{process_id}/cmdline").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""
    return text.replace("\0", " ")


def is_running(process_id: int) -> bool:
    """Tell whether a process is there and has not ended."""
    try:
        state = Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def kill(*process_ids: int) -> None:
    """Kill processes at one blow."""
    for each in process_ids:
        os.kill(each, signal.SIGKILL)
