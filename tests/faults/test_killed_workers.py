"""Whatever is killed or away while enrollments are carried out.

All of them end, and no mail leaves twice.

Real processes, PostgreSQL and SMTP server. `FAULT_RUNS` (100) people get a mail each; with 2,000 it
is the test of the releases, with more kinds of faults:

    FAULT_RUNS=2000 uv run pytest tests/faults/test_killed_workers.py
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from tests.support import private_postgres, smtp_server
from tests.support.running import ROOT
from tests.support.smtp_server import Fault, SmtpServer, Stage
from tests.support.working import StartWorker, Working, kill, manage, value_of

pytestmark = [pytest.mark.live, pytest.mark.postgresql]

ENROLLMENTS = int(os.environ.get("FAULT_RUNS", "100"))
WORKERS = 2
SECONDS_TO_FINISH = 90 + ENROLLMENTS // 10
IS_LONG = ENROLLMENTS >= 1000
# The fifteen seconds of the rule, where there is time.
SECONDS_AWAY = 15 if IS_LONG else 6
MAILS = "SELECT count(*) FROM subscribers_outgoingemail"
UNDER_WAY = """
SELECT count(*) FROM events_enrollment e JOIN events_step s ON s.id = e.step_id
WHERE s.position < 2 AND e.status NOT IN ('failed')
"""
MAIL_STEPS_DONE = """
SELECT count(*) FROM events_steprun r JOIN events_step s ON s.id = r.step_id WHERE s.position = 1
"""
POISON = """
UPDATE subscribers_subscriber SET email = 'poison@example.com'
WHERE id = (SELECT id FROM subscribers_subscriber ORDER BY id LIMIT 1 OFFSET 50)
"""


@pytest.fixture
def server() -> Iterator[SmtpServer]:
    with smtp_server.running() as started:
        yield started


@pytest.fixture
def environment(environment: dict[str, str], server: SmtpServer) -> dict[str, str]:
    """The environment of a worker that gives up dead ones soon."""
    environment |= {
        "EMAIL_URL": f"smtp://127.0.0.1:{server.port}",
        "LEASE_SECONDS": "5",
        "STEP_ATTEMPTS": "2",
        "WORKERS": str(WORKERS),
    }
    return environment


KILLED: dict[str, Callable[[Working], list[int]]] = {
    "one process": lambda working: working.pool_processes()[:1],
    "all processes": lambda working: working.pool_processes(),
    "the pool": lambda working: [working.part("pool")],
    "the ticker": lambda working: [working.part("ticker")],
}


# The death of one process is much like that of all: it is tried before a release.
@pytest.mark.parametrize("name", [*KILLED][0 if IS_LONG else 1 :])
def test_what_is_killed_is_made_good(
    start_worker: StartWorker, environment: dict[str, str], server: SmtpServer, name: str
) -> None:
    working = begin(start_worker, environment, server)

    kill(*KILLED[name](working))

    finish(environment, server, working)
    assert most_unknown(environment) <= WORKERS


def test_a_killed_supervisor_is_made_good_by_the_next(
    start_worker: StartWorker, environment: dict[str, str], server: SmtpServer
) -> None:
    working = begin(start_worker, environment, server)

    kill(working.process.pid)
    working.process.wait()
    working = start_worker()

    finish(environment, server, working)
    assert most_unknown(environment) <= WORKERS


@pytest.mark.parametrize(
    "action", ["451 Later", Fault.CLOSE, Fault.HANG, *["421 Not now"] * IS_LONG]
)
def test_a_mail_server_that_refuses_or_hangs(
    start_worker: StartWorker,
    environment: dict[str, str],
    server: SmtpServer,
    action: str | Fault,
) -> None:
    # A lease outlives the longest wait for an answer.
    environment["LEASE_SECONDS"] = "60"
    working = begin(start_worker, environment, server)

    server.always(Stage.GREETING if action is Fault.HANG else Stage.MAIL, action)
    time.sleep(3)
    server.behave()

    finish(environment, server, working)
    assert most_unknown(environment) == 0


@pytest.mark.skipif(not IS_LONG, reason="a process that got no answer waits for half a minute")
def test_a_mail_server_that_closes_after_the_message(
    start_worker: StartWorker, environment: dict[str, str], server: SmtpServer
) -> None:
    working = begin(start_worker, environment, server)

    server.always(Stage.MESSAGE, Fault.CLOSE)
    time.sleep(3)
    server.behave()

    finish(environment, server, working)
    assert most_unknown(environment) <= WORKERS


def test_a_database_that_is_away(
    tmp_path: Path, environment: dict[str, str], server: SmtpServer
) -> None:
    binaries = private_postgres.find_binaries()
    assert binaries is not None
    database = private_postgres.start(binaries)
    environment["DATABASE_URL"] = database.url
    assert manage(environment, "migrate", "--verbosity", "0").returncode == 0
    try:
        working = begin(lambda: Working(environment, tmp_path / "worker"), environment, server)
        database.crash()
        time.sleep(SECONDS_AWAY)
        database.start_again()

        finish(environment, server, working)
        assert most_unknown(environment) <= WORKERS
        assert working.stop() == 0
    finally:
        database.stop()


def test_a_poisoned_step_ends_alone(
    start_worker: StartWorker, environment: dict[str, str], server: SmtpServer
) -> None:
    environment["DJANGO_SETTINGS_MODULE"] = "tests.support.poison"
    seed(environment, 100)
    change(environment, POISON)

    working = start_worker()
    wait_until(environment, UNDER_WAY, 0, working)

    failed = "FROM events_enrollment WHERE status = 'failed'"
    assert value_of(environment, f"SELECT count(*) {failed}") == 1
    said = value_of(environment, f"SELECT last_error {failed}")
    assert said == "The worker ended 2 times while it worked on this step."
    mates = "FROM events_enrollment WHERE status = 'waiting'"
    assert value_of(environment, f"SELECT count(*) {mates}") == 99
    assert value_of(environment, f"SELECT max(attempts) {mates}") == 0
    assert set(server.count.values()) == {1}
    assert len(server.count) == 99


def begin(start: StartWorker, environment: dict[str, str], server: SmtpServer) -> Working:
    """Start a worker on many enrollments, and wait until two fifths of the mails are there."""
    seed(environment, ENROLLMENTS)
    working = start()
    give_up_at = time.monotonic() + SECONDS_TO_FINISH
    while len(server.taken) < ENROLLMENTS * 2 // 5:
        assert time.monotonic() < give_up_at, working.log.read_text()
        time.sleep(0.01)
    return working


def finish(environment: dict[str, str], server: SmtpServer, working: Working) -> None:
    """Wait for the end of all enrollments.

    What left, left once, and all that is not known is listed.
    """
    wait_until(environment, UNDER_WAY, 0, working)
    wait_until(environment, f"{MAILS} WHERE status NOT IN ('sent', 'unknown')", 0, working)

    assert max(server.count.values()) == 1
    assert len(set(server.recipients)) == len(server.recipients)
    assert value_of(environment, MAILS) == ENROLLMENTS
    sent = value_of(environment, f"{MAILS} WHERE status = 'sent'")
    assert sent <= len(server.taken) <= ENROLLMENTS
    leased = "SELECT count(*) FROM events_enrollment WHERE lease_token IS NOT NULL"
    assert value_of(environment, leased) == 0
    assert value_of(environment, MAIL_STEPS_DONE) == ENROLLMENTS


def most_unknown(environment: dict[str, str]) -> int:
    """Return how many mails nobody knows of."""
    count: int = value_of(environment, f"{MAILS} WHERE status = 'unknown'")
    return count


def seed(environment: dict[str, str], count: int) -> None:
    """Fill the database with enrollments whose mail is due."""
    given = {**environment, "DJANGO_SETTINGS_MODULE": "config.settings"}
    command = [sys.executable, "-m", "tests.support.engine_rows", "mails", str(count)]
    subprocess.run(command, cwd=ROOT, env=given, check=True, timeout=600)


def change(environment: dict[str, str], sql: str) -> None:
    """Change rows by hand."""

    with psycopg.connect(environment["DATABASE_URL"], autocommit=True) as connection:
        connection.execute(sql)


def wait_until(environment: dict[str, str], sql: str, wanted: int, working: Working) -> None:
    """Wait for a number in the database; fails with the worker's log."""
    give_up_at = time.monotonic() + SECONDS_TO_FINISH
    while value_of(environment, sql) != wanted:
        found = f"{sql}: {value_of(environment, sql)}\n{working.log.read_text()[-6000:]}"
        assert time.monotonic() < give_up_at, found
        time.sleep(0.2)
