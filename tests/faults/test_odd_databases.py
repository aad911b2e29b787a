"""A database that is read-only, full, away or ahead of the code, seen from outside.

One web server, and on PostgreSQL one server of its own on a small disk, for all tests of the file.
"""

import http.client
import json
import os
import sqlite3
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from email.message import Message
from pathlib import Path

import psycopg
import pytest

from config import web_server
from tests.support import disks, private_postgres
from tests.support.private_postgres import PrivatePostgres
from tests.support.running import BULK, serving
from tests.support.working import fill, manage, value_of

pytestmark = [pytest.mark.live, disks.needs_root]

SECONDS_TO_HAPPEN = 20
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
NEWER = "INSERT INTO django_migrations (app, name, applied) VALUES ('{}', '0099_later', '{}')"
CUT = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"


@dataclass
class Answer:
    status: int
    headers: Message
    text: str


@dataclass
class House:
    """A web server, its database, and the disk of that."""

    environment: dict[str, str]
    port: int
    known: dict[str, str]
    disk: Path
    server: PrivatePostgres | None

    def ask(self, method: str, path: str, body: str = "", **headers: str) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, body=body or None, headers=headers)
            answer = connection.getresponse()
            return Answer(answer.status, answer.headers, answer.read().decode())
        finally:
            connection.close()

    def report(self) -> Answer:
        """Report an event of 20 KB, of a new person."""
        event = {"name": "seen", "properties": {"text": "x" * 20_000}}
        body = json.dumps({"email": f"{uuid.uuid4().hex}@example.com", "events": [event]})
        key = {
            "Authorization": f"Bearer {self.known['BENCHMARK_KEY']}",
            "Content-Type": "application/json",
        }
        return self.ask("POST", BULK, body, **key)

    def click_once(self) -> Answer:
        """Do what a mail program does when its reader unsubscribes."""
        return self.ask("POST", f"/u/{self.known['token']}", "List-Unsubscribe=One-Click", **FORM)

    def wait_until_ready(self) -> None:
        wait_until(lambda: self.ask("GET", "/readyz").status == 200)


def wait_until(is_reached: Callable[[], bool]) -> None:
    give_up_at = time.monotonic() + SECONDS_TO_HAPPEN
    while not is_reached():
        assert time.monotonic() < give_up_at
        time.sleep(0.1)


def check_unavailable(answer: Answer) -> None:
    assert answer.status == 503, answer.text
    assert int(answer.headers["Retry-After"]) > 0


def check_readiness(house: House, word: str) -> None:
    for path in ("/readyz", "/healthz/worker"):
        answer = house.ask("GET", path)
        assert (answer.status, json.loads(answer.text)["database"]) == (503, word)
    assert house.ask("GET", "/healthz").status == 200


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A web server on a database whose disk has room for some hundred events."""
    url = os.environ.get("DATABASE_URL", "")
    folder = tmp_path_factory.mktemp("odd")
    with disks.small(megabytes=180 if url else 12) as disk:
        if url:
            with postgresql_on(disk) as server:
                yield from started(folder, disk, server)
        else:
            yield from started(folder, disk, None)


@contextmanager
def postgresql_on(disk: Path) -> Iterator[PrivatePostgres]:
    binaries = private_postgres.find_binaries()
    assert binaries is not None
    usual = tempfile.tempdir
    tempfile.tempdir = str(disk)
    try:
        server = private_postgres.start(binaries)
    finally:
        tempfile.tempdir = usual
    try:
        yield server
    finally:
        server.stop()


def started(folder: Path, disk: Path, server: PrivatePostgres | None) -> Iterator[House]:
    names = {"DATABASE_URL", "DJANGO_SETTINGS_MODULE"}
    environment = {name: value for name, value in os.environ.items() if name not in names}
    environment["DATA_DIR"] = str(disk if server is None else folder)
    if server:
        with psycopg.connect(server.url, autocommit=True) as connection:
            connection.execute("CREATE DATABASE cueline")
        environment["DATABASE_URL"] = server.url.rpartition("/")[0] + "/cueline"
    known = fill(environment)
    person = "FROM subscribers_subscriber ORDER BY id LIMIT 1"
    token = value_of(environment, f"SELECT unsubscribe_token {person}")
    known["token"] = uuid.UUID(str(value_of(environment, f"SELECT id {person}"))).hex + token
    with serving(web_server.TARGET, environment) as (port, _):
        yield House(environment, port, known, disk, server)


@pytest.fixture(autouse=True)
def healthy(house: House) -> Iterator[None]:
    """Begin and end with a database that takes events."""
    house.wait_until_ready()
    assert house.report().status == 200
    yield
    house.wait_until_ready()
    assert house.report().status == 200


def test_a_full_disk_is_found_before_and_after_an_event_fails(house: House) -> None:
    with disks.filled(house.disk):
        check_readiness(house, "full")
        failed = [house.report() for _ in range(60)][-1]
        check_readiness(house, "full")
        page = house.ask("POST", "/admin/login/", "username=a&password=b", **FORM)

    check_unavailable(failed)
    assert json.loads(failed.text)["error"]["code"] == "UNAVAILABLE"
    assert page.status in {403, 503}


def test_a_newer_database_is_named_and_served(house: House) -> None:
    before = json.loads(house.ask("GET", "/readyz").text)
    change(house, NEWER.format("events", "2026-11-29"))
    try:
        ready = house.ask("GET", "/readyz")
        doctor = json.loads(manage(house.environment, "doctor", "--json").stdout)
    finally:
        change(house, "DELETE FROM django_migrations WHERE name = '0099_later'")

    assert "ahead" not in before
    assert (ready.status, json.loads(ready.text)["ahead"]) == (200, ["events.0099_later"])
    said = next(each for each in doctor["checks"] if each["name"] == "migrations")
    assert said["level"] == "warning"
    assert "events.0099_later" in said["said"]


def change(house: House, sql: str) -> None:
    """Run a statement directly, as another release's `migrate` would."""
    if house.server:
        with psycopg.connect(house.environment["DATABASE_URL"], autocommit=True) as server:
            server.execute(sql)
        return
    with closing(sqlite3.connect(house.disk / "cueline.sqlite3", timeout=20)) as file, file:
        file.execute(sql)


@pytest.mark.postgresql
def test_a_database_that_writes_dates_in_its_own_style_is_read(house: House) -> None:
    change(house, "ALTER DATABASE cueline SET datestyle = 'German'")
    change(house, CUT)
    try:
        wait_until(lambda: house.ask("GET", "/readyz").status != 503)
        assert house.ask("GET", "/readyz").status == 200
        assert house.report().status == 200
    finally:
        change(house, "ALTER DATABASE cueline RESET datestyle")
        change(house, CUT)


@pytest.mark.postgresql
def test_a_server_that_became_a_replica_is_unavailable(house: House) -> None:
    set_read_only(house, "on")
    try:
        check_readiness(house, "read-only")
        event = house.report()
        known = house.report()
        page = house.click_once()
    finally:
        set_read_only(house, "off")

    for answer in (event, known, page):
        check_unavailable(answer)
    assert json.loads(event.text)["error"]["code"] == "UNAVAILABLE"


def set_read_only(house: House, value: str) -> None:
    assert house.server is not None
    with psycopg.connect(house.server.url, autocommit=True) as connection:
        connection.execute("SET default_transaction_read_only = off")
        connection.execute(f"ALTER SYSTEM SET default_transaction_read_only = {value}")
        connection.execute("SELECT pg_reload_conf()")
    wait_until(lambda: value_of(house.environment, "SHOW transaction_read_only") == value)


@pytest.mark.postgresql
def test_without_a_database_pages_and_calls_are_unavailable(house: House) -> None:
    session = {"Cookie": "sessionid=abcdefghijklmnopqrstuvwxyzabcdef"}
    key = {"Authorization": f"Bearer {house.known['BENCHMARK_KEY']}"}
    assert house.server is not None
    house.server.crash()
    try:
        # At once: each waits for a connection for as long as the pool does.
        with ThreadPoolExecutor(4) as together:
            asked = [
                together.submit(house.ask, "GET", "/admin/", **session),
                together.submit(house.click_once),
                together.submit(house.ask, "GET", "/api/v1/account", **key),
                together.submit(house.ask, "GET", "/readyz"),
            ]
            page, click, call, ready = (each.result() for each in asked)
        handbook = house.ask("GET", "/docs/")
    finally:
        house.server.start_again()

    for answer in (page, click, call):
        check_unavailable(answer)
    for answer in (page, click):
        assert answer.headers["Content-Type"].startswith("text/html")
        assert "Please try again" in answer.text
    assert json.loads(call.text)["error"]["code"] == "UNAVAILABLE"
    assert (ready.status, json.loads(ready.text)["database"]) == (503, "unreachable")
    assert handbook.status == 200


def test_a_file_that_cannot_be_written_is_unavailable(house: House, tmp_path: Path) -> None:
    if house.server is not None:
        pytest.skip("only meaningful on SQLite")
    view = tmp_path / "view"
    with disks.read_only(house.disk, view):
        environment = {
            **house.environment,
            "DATABASE_URL": f"sqlite:///{view / 'cueline.sqlite3'}",
        }
        with serving(web_server.TARGET, environment) as (port, _):
            readers = House(environment, port, house.known, house.disk, None)
            check_readiness(readers, "read-only")
            event = readers.report()
            page = readers.click_once()

    check_unavailable(event)
    check_unavailable(page)
