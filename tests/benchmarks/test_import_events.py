"""How fast events come in from files, beside what the database alone can do, in one run.

    uv run pytest -m benchmark tests/benchmarks/test_import_events.py -s

`IMPORT_ROWS` (1,000,000) events about `IMPORT_PEOPLE` (100,000) people who are there (with
`IMPORT_KNOWN=0`: who are new, as are the names of events), as CSV and as JSONL, by
`manage.py import_events` as its own process; beside them `\\copy` of the same rows into copies of
the indexed table, with foreign keys and without, or `executemany` of bare sqlite3.
`IMPORT_ROUNDS` (1) rounds, one after the other. The private PostgreSQL runs without fsync, for all
alike. Says CPU seconds too, which others' work on the machine disturbs less. Asserts no figure.
"""

import json
import os
import shutil
import sqlite3
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path

import psycopg
import pytest

from tests.support import private_postgres
from tests.support.databases import cpu_seconds, empty_database, postmaster
from tests.support.running import ROOT

pytestmark = [pytest.mark.benchmark, pytest.mark.live]

ROWS = int(os.environ.get("IMPORT_ROWS", "1000000"))
PEOPLE = int(os.environ.get("IMPORT_PEOPLE", "100000"))
KNOWN = int(os.environ.get("IMPORT_KNOWN", PEOPLE))
ROUNDS = int(os.environ.get("IMPORT_ROUNDS", "1"))
COLUMNS = (
    "id, workspace_id, subscriber_id, definition_id, event_id, occurred_at, received_at,"
    " is_historical, properties, effects"
)
COPY_OUT = f"\\copy (SELECT {COLUMNS} FROM events_event ORDER BY id) TO '{{path}}' CSV"  # noqa: S608
COPY_IN = f"\\copy {{table}} ({COLUMNS}) FROM '{{path}}' CSV"
COUNT = "SELECT count(*) FROM {table}"
SELECT = f"SELECT {COLUMNS} FROM events_event"  # noqa: S608 - the names of columns
INSERT = f"INSERT INTO events_event ({COLUMNS}) VALUES ({{marks}})"  # noqa: S608 - as above
AT_ONCE = 10_000
FORGET = ("TRUNCATE events_eventdefinition CASCADE", "TRUNCATE subscribers_subscriber CASCADE")


def test_postgresql(tmp_path: Path) -> None:
    psql = find_psql()
    if not os.environ.get("DATABASE_URL") or psql is None:
        pytest.skip("no PostgreSQL, or no psql")
    with empty_database("postgresql", tmp_path) as environment:
        prepare(environment, tmp_path)
        url = environment["DATABASE_URL"]
        server = postmaster(url)
        say_head("postgresql")
        found: dict[str, list[float]] = defaultdict(list)
        for turn in range(ROUNDS):
            for kind in ("csv", "jsonl"):
                run(url, "TRUNCATE events_event CASCADE", "DELETE FROM subscribers_importrun")
                if not KNOWN:
                    run(url, *FORGET)
                import_file(environment, tmp_path / f"events.{kind}", found, kind, server)
            # The rows as the table has them, in the order of the file: new people have new ids.
            run_psql(psql, url, COPY_OUT.format(path=tmp_path / "rows.csv"))
            if not turn:
                make_copies(url)
            for table in ("without_keys", "with_keys"):
                run(url, f"TRUNCATE {table}", "CHECKPOINT")
                command = COPY_IN.format(table=table, path=tmp_path / "rows.csv")
                timed(found, f"copy {table}", server, partial(run_psql, psql, url, command))
                assert value(url, COUNT.format(table=table)) == ROWS
        say_shares(found, ("copy with_keys", "copy without_keys"))


def test_sqlite(tmp_path: Path) -> None:
    with empty_database("sqlite", tmp_path) as environment:
        prepare(environment, tmp_path)
        file = Path(environment["DATABASE_URL"].removeprefix("sqlite:///"))
        # Migrated, with the people and without an event: the start of every turn.
        start = tmp_path / "start.sqlite3"
        with closing(sqlite3.connect(file)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        shutil.copy(file, start)
        say_head("sqlite")
        found: dict[str, list[float]] = defaultdict(list)
        for _ in range(ROUNDS):
            for kind in ("csv", "jsonl"):
                put_back(start, file)
                import_file(environment, tmp_path / f"events.{kind}", found, kind, None)
            with closing(sqlite3.connect(file)) as connection:
                rows = connection.execute(SELECT).fetchall()
            put_back(start, file)
            timed(found, "bare sqlite3", None, partial(insert_bare, file, rows))
        say_shares(found, ("bare sqlite3",))


def prepare(environment: dict[str, str], folder: Path) -> None:
    """Migrate, and make people and files."""
    given = {**environment, "DJANGO_SETTINGS_MODULE": "config.settings"}
    for command in (
        ["manage.py", "migrate", "--verbosity", "0"],
        ["-m", "tests.support.event_files", str(folder), str(ROWS), str(PEOPLE), str(KNOWN)],
    ):
        subprocess.run([sys.executable, *command], cwd=ROOT, env=given, check=True)


def import_file(
    environment: dict[str, str],
    path: Path,
    found: dict[str, list[float]],
    kind: str,
    server: int | None,
) -> None:
    """Import a file by a process of its own; all of it must be recorded."""
    command = [sys.executable, "manage.py", "import_events", str(path)]
    command += ["--workspace", "bench", "--json", "--quiet"]

    def work() -> int:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE)
        assert process.stdout is not None
        with process.stdout as output:
            said = json.loads(output.read().splitlines()[-1])
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        assert process.returncode == 0
        assert said["recorded"] == said["rows"] == ROWS, said
        sys.stdout.write(
            f"  {kind}: {used.ru_maxrss // 1024} MiB at most,"
            f" {used.ru_utime + used.ru_stime:.1f} s of its CPU\n"
        )
        return used.ru_maxrss

    timed(found, f"import {kind}", server, work)


def timed(
    found: dict[str, list[float]], name: str, server: int | None, work: Callable[[], object]
) -> None:
    """Do the work and say how long it took."""
    before = cpu_seconds(server) if server else 0.0
    began = time.monotonic()
    work()
    seconds = time.monotonic() - began
    found[name].append(seconds)
    used = f", server's CPU {cpu_seconds(server) - before:6.1f} s" if server else ""
    sys.stdout.write(f"  {name:20} {seconds:7.1f} s {ROWS / seconds:9.0f} rows/s{used}\n")
    sys.stdout.flush()


def insert_bare(file: Path, rows: list[tuple[object, ...]]) -> None:
    """Insert the rows as fast as the driver can: settings as ours, no foreign keys checked."""
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        marks = ", ".join("?" * len(COLUMNS.split(",")))
        for begin in range(0, len(rows), AT_ONCE):
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany(
                INSERT.format(marks=marks),
                rows[begin : begin + AT_ONCE],
            )
            connection.execute("COMMIT")


def put_back(start: Path, file: Path) -> None:
    for suffix in ("-wal", "-shm"):
        file.with_name(file.name + suffix).unlink(missing_ok=True)
    shutil.copy(start, file)


def make_copies(url: str) -> None:
    """Make empty copies of our table with its indexes: one with its foreign keys, one without."""
    for table in ("without_keys", "with_keys"):
        run(url, f"CREATE TABLE {table} (LIKE events_event INCLUDING ALL)")
    with psycopg.connect(url, autocommit=True) as connection:
        keys = connection.execute(
            "SELECT pg_get_constraintdef(oid) FROM pg_constraint"
            " WHERE conrelid = 'events_event'::regclass AND contype = 'f'"
        ).fetchall()
    assert len(keys) == 3
    run(url, *(f"ALTER TABLE with_keys ADD {definition}" for (definition,) in keys))


def find_psql() -> str | None:
    binaries = private_postgres.find_binaries()
    beside = str(binaries / "psql") if binaries and (binaries / "psql").exists() else None
    return beside or shutil.which("psql")


def run_psql(psql: str, url: str, command: str) -> None:
    subprocess.run([psql, url, "-q", "-v", "ON_ERROR_STOP=1", "-c", command], check=True)


def run(url: str, *statements: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement)


def value(url: str, query: str) -> int:
    with psycopg.connect(url) as connection:
        row = connection.execute(query).fetchone()
    return int(row[0]) if row else 0


def say_head(kind: str) -> None:
    about = f"{ROWS} events about {PEOPLE} people, {KNOWN} of them known"
    sys.stdout.write(f"\n{kind}: {about}, {ROUNDS} rounds\n")


def say_shares(found: dict[str, list[float]], floors: tuple[str, ...]) -> None:
    """Say how much of the database's own speed the imports have, by the medians."""
    middle = {name: statistics.median(seconds) for name, seconds in found.items()}
    for kind in ("csv", "jsonl"):
        shares = [f"{middle[name] / middle[f'import {kind}']:.0%} of {name}" for name in floors]
        sys.stdout.write(f"  import {kind}: {', '.join(shares)}\n")
    sys.stdout.flush()
