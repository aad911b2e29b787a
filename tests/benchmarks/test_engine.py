"""How fast the worker carries out what is due: steps, mails, claims among a million, idling.

    uv run pytest -m benchmark tests/benchmarks/test_engine.py -s

The worker runs as in production (`manage.py worker`, two processes), the mails go to a real SMTP
server on loopback, on the same cores. `BENCHMARK_RUNS` (20,000) are due for the steps, a quarter of
them for the mails; `BENCHMARK_PENDING` (1,000,000) rows wait while claims are timed. The private
PostgreSQL runs without fsync. It measures and asserts no figure.
"""

import json
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg
import pytest

from tests.support.databases import cpu_seconds, empty_database
from tests.support.ports import free_port
from tests.support.running import ROOT, wait_for

pytestmark = [pytest.mark.benchmark, pytest.mark.live]

ENROLLMENTS = int(os.environ.get("BENCHMARK_RUNS", "20000"))
PENDING = int(os.environ.get("BENCHMARK_PENDING", "1000000"))
IDLE_SECONDS = int(os.environ.get("BENCHMARK_IDLE_SECONDS", "30"))
LONGEST_SECONDS = 600
WRITTEN = {
    "steps": "SELECT count(*) FROM events_steprun",
    "tags": "SELECT count(*) FROM events_steprun",
    "mails": "SELECT count(*) FROM subscribers_outgoingemail WHERE status = 'sent'",
}


@pytest.fixture(params=["postgresql", "sqlite"])
def kind(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    if name == "postgresql" and not os.environ.get("DATABASE_URL"):
        pytest.skip("no PostgreSQL")
    return name


@pytest.mark.parametrize("work", ["steps", "tags", "mails"])
def test_throughput(kind: str, work: str, tmp_path: Path) -> None:
    enrollments = ENROLLMENTS // 4 if work == "mails" else ENROLLMENTS
    expected = enrollments if work == "mails" else 2 * enrollments
    with empty_database(kind, tmp_path) as environment, smtp_server() as port:
        environment["EMAIL_URL"] = f"smtp://127.0.0.1:{port}"
        prepare(environment, work, str(enrollments))
        with counting(environment, WRITTEN[work]) as count, worker(environment) as process_id:
            began, first = wait_until(lambda: count() > 0), count()
            ended = wait_until(lambda: count() >= expected)
            cpu = cpu_seconds(process_id)
    rate = (expected - first) / (ended - began)
    say(f"{kind:10} {work:6} {expected:7} in {ended - began:6.1f} s: {rate:7.0f}/s, ")
    say(f"{cpu / expected * 1e6:6.0f} us of the worker's CPU each\n")


def test_claims_among_many(kind: str, tmp_path: Path) -> None:
    with empty_database(kind, tmp_path) as environment:
        printed = prepare(environment, "claims", str(PENDING))
    found = json.loads(printed)
    say(f"{kind:10} {found['rows']} rows pending: empty look {found['empty_ms']:.2f} ms, ")
    say(f"claim of 500 {found['claim_500_ms']:.1f} ms, reaper {found['reaper_ms']:.2f} ms\n")


def test_idling(kind: str, tmp_path: Path) -> None:
    with empty_database(kind, tmp_path) as environment:
        prepare(environment, "steps", "0")
        with worker(environment) as process_id:
            time.sleep(10)
            before = cpu_seconds(process_id)
            time.sleep(IDLE_SECONDS)
            used = cpu_seconds(process_id) - before
    say(f"{kind:10} idle: {used / IDLE_SECONDS:.2%} of a core\n")


def say(text: str) -> None:
    """Print what was measured."""
    sys.stdout.write(text)
    sys.stdout.flush()


def prepare(environment: dict[str, str], *arguments: str) -> bytes:
    """Migrate and fill the database; returns what the filling printed."""
    given = {**environment, "DJANGO_SETTINGS_MODULE": "config.settings"}
    printed = b""
    for command in (
        ["manage.py", "migrate", "--verbosity", "0"],
        ["-m", "tests.support.engine_rows", *arguments],
    ):
        done = subprocess.run(
            [sys.executable, *command], cwd=ROOT, env=given, stdout=subprocess.PIPE, check=True
        )
        printed = done.stdout
    return printed


@contextmanager
def worker(environment: dict[str, str]) -> Iterator[int]:
    """Start a worker as operators do; yields its process."""
    command = [sys.executable, "manage.py", "worker"]
    process = subprocess.Popen(command, cwd=ROOT, env=environment, start_new_session=True)
    try:
        yield process.pid
    finally:
        process.terminate()
        process.wait(timeout=60)


@contextmanager
def smtp_server() -> Iterator[int]:
    """Start an SMTP server in a process of its own; yields its port."""
    port = free_port()
    command = [sys.executable, "-m", "tests.support.smtp_sink", str(port)]
    process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE)
    try:
        wait_for(port)
        yield port
    finally:
        process.communicate()


@contextmanager
def counting(environment: dict[str, str], query: str) -> Iterator[Callable[[], int]]:
    """Yield what asks the database for a number."""
    url = environment["DATABASE_URL"]
    if url.startswith("postgresql"):
        with psycopg.connect(url, autocommit=True) as server:
            yield lambda: int((server.execute(query).fetchone() or [0])[0])
        return
    file = sqlite3.connect(url.removeprefix("sqlite:///"), timeout=20)
    with closing(file):
        yield lambda: int(file.execute(query).fetchone()[0])


def wait_until(is_true: Callable[[], bool]) -> float:
    """Wait for something; returns when it was seen."""
    give_up_at = time.monotonic() + LONGEST_SECONDS
    while time.monotonic() < give_up_at:
        if is_true():
            return time.monotonic()
        time.sleep(0.1)
    raise TimeoutError(f"Nothing came of it in {LONGEST_SECONDS} s.")
