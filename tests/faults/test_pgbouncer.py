"""Everything behind PgBouncer in transaction mode: migrate, web, worker, import."""

import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from config.management.database_lock import LOCK_NUMBER
from tests.support import pgbouncer
from tests.support.running import ROOT, Application, Start
from tests.support.working import manage, value_of

pytestmark = [pytest.mark.live, pytest.mark.postgresql, pgbouncer.needs_pgbouncer]

SECONDS = 30
UNKNOWN = "A pooler such as PgBouncer is between"


@pytest.fixture
def environment(environment: dict[str, str]) -> Iterator[dict[str, str]]:
    """An empty database behind PgBouncer."""
    url = environment["DATABASE_URL"]
    with pgbouncer.running(url) as pooled:
        environment["DATABASE_URL"] = f"{pooled}/{url.rpartition('/')[2]}"
        environment["PGBOUNCER"] = "true"
        yield environment


def test_migrate_again_and_again_beside_all_of_it(
    environment: dict[str, str], start: Start, tmp_path: Path
) -> None:
    running = start()
    printed = running.wait_until_it_runs()
    _, headers, _ = running.printed_call()
    application = Application(running.port, headers["Authorization"].removeprefix("Bearer "))

    with ThreadPoolExecutor(8) as together:
        sent = [
            together.submit(application.send, f"p{each % 40}@example.com", [{"name": "seen"}])
            for each in range(400)
        ]
        migrated = [manage(environment, "migrate", "--verbosity", "0") for _ in range(3)]
        statuses = {each.result() for each in sent}

    assert [each.returncode for each in migrated] == [0, 0, 0]
    assert statuses == {200}
    assert value_of(environment, "SELECT count(*) FROM events_event") == 400
    give_up_at = time.monotonic() + SECONDS
    while not value_of(environment, "SELECT count(beat_at) FROM events_worker"):
        assert time.monotonic() < give_up_at, running.log.read_text()
        time.sleep(0.2)
    log = running.log.read_text()
    assert "prepared statement" not in log
    assert "ERROR" not in log
    assert "Cueline runs" in printed
    rows = tmp_path / "history.csv"
    rows.write_text("email,name,occurredAt\n" + "old@example.com,seen,2026-01-01T00:00:00Z\n" * 20)
    imported = [
        manage(environment, "import_events", str(rows), "--workspace", "default") for _ in range(2)
    ]
    assert [each.returncode for each in imported] == [0, 0], imported[0].stderr
    assert UNKNOWN not in manage(environment, "doctor").stdout
    assert UNKNOWN in manage({**environment, "PGBOUNCER": "false"}, "doctor").stdout


def test_migrate_says_whom_it_waits_for(environment: dict[str, str]) -> None:
    with psycopg.connect(environment["DATABASE_URL"]) as other:
        row = other.execute("SELECT pg_backend_pid()").fetchone()
        other.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK_NUMBER])
        process = subprocess.Popen(
            [sys.executable, "manage.py", "migrate", "--verbosity", "0"],
            cwd=ROOT,
            env=environment,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stderr is not None
        said = process.stderr.readline()
    process.communicate(timeout=SECONDS + 30)

    assert row is not None
    assert f"Waiting for process {row[0]} of PostgreSQL" in said
    assert process.returncode == 0
