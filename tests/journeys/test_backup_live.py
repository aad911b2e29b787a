"""A backup under load, restored elsewhere: all of one moment, and silent until it is resumed.

Real processes: `up` takes events while it is copied, another worker runs on the copy.
"""

import hashlib
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest

from config.management.backups import archive
from tests.support import disks, private_postgres, smtp_server
from tests.support.running import ROOT, Application, Start
from tests.support.smtp_server import SmtpServer
from tests.support.working import Working, fill_with_tables, manage, value_of

pytestmark = pytest.mark.live

MAILS = 20
EVENTS = 3
# What a copy does not take over; the row of the installation is on hold.
NOT_COPIED = {"subscribers_installation", "django_q_ormq", "events_worker", "django_session"}
DUE = "UPDATE events_enrollment SET due_at = {} WHERE due_at IS NOT NULL"


@pytest.fixture
def environment(environment: dict[str, str]) -> dict[str, str]:
    """The programs of PostgreSQL may be in no folder of PATH."""
    binaries = private_postgres.find_binaries()
    if binaries:
        environment["PATH"] = f"{binaries}{os.pathsep}{environment['PATH']}"
    return environment


@pytest.fixture
def elsewhere(environment: dict[str, str], tmp_path: Path) -> Iterator[dict[str, str]]:
    """Another machine: its own folder and an empty database."""
    other = {**environment, "DATA_DIR": str(tmp_path / "elsewhere"), "WORKERS": "1"}
    url = environment.get("DATABASE_URL")
    if not url:
        yield other
        return
    server, name = url.rpartition("/")[0], f"copy_{uuid.uuid4().hex}"
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    yield {**other, "DATABASE_URL": f"{server}/{name}"}
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@dataclass
class Traffic:
    """Requests of several events each, sent by three clients until the block ends."""

    application: Application
    statuses: list[int] = field(default_factory=list)
    # By number of the request: when it was sent and answered.
    times: dict[str, tuple[float, float]] = field(default_factory=dict)
    is_over: threading.Event = field(default_factory=threading.Event)

    def send(self, client: int) -> None:
        number = 0
        while not self.is_over.is_set():
            number += 1
            name = f"{client}-{number}"
            events = [{"name": "seen", "eventId": f"{name}-{each}"} for each in range(EVENTS)]
            sent = time.monotonic()
            self.statuses.append(self.application.send(f"c{number % 50}@example.com", events))
            self.times[name] = (sent, time.monotonic())

    def wait_for_answers(self) -> None:
        """Wait until every client has sent and got a few more."""
        wanted = len(self.times) + 30
        give_up_at = time.monotonic() + 60
        while len(self.times) < wanted:
            assert time.monotonic() < give_up_at, self.statuses
            time.sleep(0.05)


@contextmanager
def traffic(application: Application) -> Iterator[Traffic]:
    load = Traffic(application)
    clients = [threading.Thread(target=load.send, args=(each,)) for each in range(3)]
    for client in clients:
        client.start()
    try:
        load.wait_for_answers()
        yield load
        load.wait_for_answers()
    finally:
        load.is_over.set()
        for client in clients:
            client.join()


def test_a_backup_under_load_is_restored_elsewhere_and_sends_nothing(
    environment: dict[str, str], elsewhere: dict[str, str], start: Start, tmp_path: Path
) -> None:
    first, second = str(tmp_path / "first"), str(tmp_path / "second")
    # A slow backup leaves time for more requests than a minute may have.
    environment["RATE_LIMIT"] = "0"
    seed(environment)
    running = start()
    running.wait_until_it_runs()
    key = running.printed_call()[1]["Authorization"].removeprefix("Bearer ")

    with traffic(Application(running.port, key)) as load:
        begun = time.monotonic()
        done(environment, "backup", first)
        ended = time.monotonic()
    done(elsewhere, "restore", first)

    assert set(load.statuses) == {200}
    check_moment(elsewhere, load, begun, ended)
    assert Path(first).stat().st_mode & 0o777 == 0o600
    assert key_of(environment) == key_of(elsewhere)

    # The same database at rest: every table is equal.
    running.stop(signal.SIGTERM)
    done(environment, "backup", second)
    other_key = {**elsewhere, "SECRET_KEY": "another key " * 6}
    replace = ("restore", second, "--replace", "--yes")
    assert "it is not the backup's" in manage(other_key, *replace).stderr
    done(elsewhere, *replace)
    assert sums_of(elsewhere) == sums_of(environment)

    # A database that cannot be read to its end changes nothing.
    broken = cut(Path(second), tmp_path / "broken")
    assert manage(elsewhere, "restore", broken, "--replace", "--yes").returncode == 1
    assert sums_of(elsewhere) == sums_of(environment)

    with smtp_server.running() as server:
        check_silence(elsewhere, server, tmp_path)


# Each of them could undo the hold that a restored copy begins with.
PROGRAMS = {
    "sqlite": (
        (
            "CREATE TRIGGER lifting AFTER INSERT ON subscribers_installation"
            " BEGIN UPDATE subscribers_installation SET on_hold_since = NULL; END"
        ),
        "CREATE VIEW shown AS SELECT 1",
        "CREATE VIRTUAL TABLE words USING fts4(word)",
    ),
    "postgresql": (
        (
            "CREATE FUNCTION lift() RETURNS trigger LANGUAGE plpgsql AS"
            " 'BEGIN NEW.on_hold_since = NULL; RETURN NEW; END'"
        ),
        (
            "CREATE TRIGGER lifting BEFORE INSERT ON subscribers_installation"
            " FOR EACH ROW EXECUTE FUNCTION lift()"
        ),
        "CREATE FUNCTION look() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'",
        "CREATE EVENT TRIGGER looking ON ddl_command_end EXECUTE FUNCTION look()",
        "CREATE RULE ignored AS ON DELETE TO django_session DO INSTEAD NOTHING",
        "CREATE POLICY hidden ON events_worker USING (false)",
        "CREATE VIEW shown AS SELECT 1 AS one",
        "CREATE EXTENSION pg_stat_statements",
    ),
}
NAMED = {
    "sqlite": "table words, trigger lifting, view shown",
    "postgresql": "event trigger looking, function lift, function look, policy hidden, "
    "rule ignored, trigger lifting, view shown",
}


def test_what_runs_inside_a_database_is_restored_only_by_who_trusts_it(
    environment: dict[str, str], elsewhere: dict[str, str], tmp_path: Path
) -> None:
    vendor = "postgresql" if "DATABASE_URL" in environment else "sqlite"
    fill_with_tables(environment)
    for statement in PROGRAMS[vendor]:
        execute(environment, statement)
    backup = str(tmp_path / "backup")

    warned = manage(environment, "backup", backup)
    refused = manage(elsewhere, "restore", backup)
    own_key, left = key_of(elsewhere), tables_of(elsewhere)
    trusted = manage(elsewhere, "restore", backup, "--trusted")

    assert warned.returncode == 0
    assert NAMED[vendor] in warned.stderr
    assert refused.returncode == 1
    assert refused.stderr.startswith(f"CommandError: The backup has {NAMED[vendor]}: ")
    assert left == []
    assert trusted.returncode == 0, trusted.stderr
    assert "SECRET_KEY" in environment or own_key != key_of(elsewhere)


@disks.needs_root
def test_a_restore_that_breaks_off_before_the_key_loses_no_key_and_says_what_to_do(
    environment: dict[str, str], elsewhere: dict[str, str], tmp_path: Path
) -> None:
    """A key that cannot be replaced, as a container mounts it, comes to light after the tables."""
    for each in (environment, elsewhere):
        each.pop("SECRET_KEY", None)
    fill_with_tables(environment)
    backup = str(tmp_path / "backup")
    done(environment, "backup", backup)
    key = Path(elsewhere["DATA_DIR"]) / "secret_key"
    key.parent.mkdir()
    key.write_text("the key of what was here before " * 2)

    with disks.pinned(key):
        restored = manage(elsewhere, "restore", backup)
        its_key = key.read_text()
        refused = manage(elsewhere, "worker")
        is_held = value_of(elsewhere, "SELECT on_hold_since FROM subscribers_installation")

    assert restored.returncode == 1
    assert "Traceback" not in restored.stderr
    assert f"The tables are restored, but the secret key is not in {key}" in restored.stderr
    assert its_key == "the key of what was here before " * 2
    assert refused.returncode != 0
    assert "SECRET_KEY is not the one" in refused.stderr
    assert is_held is not None


def check_silence(elsewhere: dict[str, str], server: SmtpServer, tmp_path: Path) -> None:
    """A worker on the copy sends nothing of what is due, until somebody resumes it."""
    execute(elsewhere, DUE.format("CURRENT_TIMESTAMP"))
    given = {**elsewhere, "EMAIL_URL": f"smtp://127.0.0.1:{server.port}"}
    working = Working(given, tmp_path / "copy")
    try:
        working.wait_for_beat()
        time.sleep(3)
        assert (
            "use the database"
            in manage(elsewhere, "restore", str(tmp_path / "second"), "--replace", "--yes").stderr
        )
        assert server.connections == 0
        assert value_of(elsewhere, "SELECT count(*) FROM subscribers_outgoingemail") == 0

        done(elsewhere, "resume")
        working.wait_until(lambda: len(server.taken) == MAILS)
    finally:
        working.stop()
    assert len(set(server.recipients)) == MAILS


def check_moment(elsewhere: dict[str, str], load: Traffic, begun: float, ended: float) -> None:
    """The copy has what was answered before, nothing that was sent after, and whole requests."""
    ids = rows_of(elsewhere, "SELECT event_id FROM events_event WHERE event_id IS NOT NULL")
    found: dict[str, int] = {}
    for (event_id,) in ids:
        name = event_id.rpartition("-")[0]
        found[name] = found.get(name, 0) + 1
    before = {name for name, (_, answered) in load.times.items() if answered < begun}
    after = {name for name, (sent, _) in load.times.items() if sent > ended}

    assert before
    assert after
    assert before <= found.keys()
    assert not after & found.keys()
    assert set(found.values()) == {EVENTS}


def cut(backup: Path, to: Path) -> str:
    """Write a backup whose database ends early, though its checksum is right."""
    database = backup.with_name("rows")
    with backup.open("rb") as source:
        reader = archive.Reader(source)
        key = reader.read(database=database)
    database.write_bytes(database.read_bytes()[: database.stat().st_size // 2])
    with database.open("rb") as content:
        reader.manifest.files[archive.DATABASE] = archive.part_of(content)
    with to.open("wb") as file:
        archive.write(to=file, manifest=reader.manifest, database=database, secret_key=key.encode())
    return str(to)


def seed(environment: dict[str, str]) -> None:
    """Make enrollments whose mail is due in an hour."""
    fill_with_tables(environment)
    command = [sys.executable, "-m", "tests.support.engine_rows", "mails", str(MAILS)]
    given = {**environment, "DJANGO_SETTINGS_MODULE": "config.settings"}
    subprocess.run(command, cwd=ROOT, env=given, check=True, timeout=60)
    is_server = "DATABASE_URL" in environment
    later = "now() + interval '1 hour'" if is_server else "datetime('now', '+1 hour')"
    execute(environment, DUE.format(later))


def done(environment: dict[str, str], *arguments: str) -> None:
    """Run a command that must end well."""
    ended = manage(environment, *arguments)
    assert ended.returncode == 0, ended.stderr


def key_of(environment: dict[str, str]) -> str:
    if "SECRET_KEY" in environment:
        return environment["SECRET_KEY"]
    return (Path(environment["DATA_DIR"]) / "secret_key").read_text().strip()


def sums_of(environment: dict[str, str]) -> dict[str, tuple[int, str]]:
    """Return rows and a checksum of each table that a copy takes over."""
    sums = {}
    for table in tables_of(environment):
        if table not in NOT_COPIED:
            everything = f'SELECT * FROM "{table}"'  # noqa: S608 - a table of ours
            rows = sorted(map(repr, rows_of(environment, everything)))
            sums[table] = (len(rows), hashlib.sha256("\n".join(rows).encode()).hexdigest())
    assert sums["events_event"][0] > 0
    return sums


def tables_of(environment: dict[str, str]) -> list[str]:
    names = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
    if "DATABASE_URL" not in environment:
        names = "SELECT name FROM sqlite_master WHERE type = 'table'"
    return [name for (name,) in rows_of(environment, names)]


def rows_of(environment: dict[str, str], query: str) -> list[tuple[Any, ...]]:
    if "DATABASE_URL" in environment:
        with psycopg.connect(environment["DATABASE_URL"]) as connection:
            return connection.execute(query).fetchall()
    with closing(sqlite3.connect(Path(environment["DATA_DIR"]) / "cueline.sqlite3")) as file:
        return file.execute(query).fetchall()


def execute(environment: dict[str, str], statement: str) -> None:
    if "DATABASE_URL" in environment:
        with psycopg.connect(environment["DATABASE_URL"], autocommit=True) as connection:
            connection.execute(statement)
        return
    name = Path(environment["DATA_DIR"]) / "cueline.sqlite3"
    with closing(sqlite3.connect(name)) as file, file:
        file.execute(statement)
