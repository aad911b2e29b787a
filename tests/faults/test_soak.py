"""Hours in minutes: live traffic while everything that can go wrong does, at random.

A ledger outside of the product says what was sent, what was answered and what the mail server
took; in the end the product's tables must agree with it to the row. It runs when it is asked for:

    SOAK_SECONDS=1800 SOAK_SEED=7 uv run pytest -m soak tests/faults/test_soak.py -s

`SOAK_SECONDS` (120) is how long things go wrong. The seed is printed, and a timeline.
"""

import http.client
import json
import os
import random
import shutil
import signal
import sqlite3
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import pytest

from tests.support import private_postgres, smtp_server
from tests.support.chaos import Chaos, small_disk
from tests.support.clocks import LIBRARY, faked
from tests.support.ports import free_port
from tests.support.running import BULK, Running
from tests.support.smtp_server import SmtpServer
from tests.support.working import manage

pytestmark = [pytest.mark.live, pytest.mark.soak]

SECONDS = int(os.environ.get("SOAK_SECONDS", "120"))
SEED = int(os.environ.get("SOAK_SEED", str(random.SystemRandom().randrange(10_000))))
CLIENTS = 4
LEASE_SECONDS = 20
SECONDS_TO_SETTLE = 300
MEGABYTES = 400
# Requests that failed lawfully, and are sent again; a 500 is a fault of the product.
AGAIN = {429, 502, 503, 504, 207, 409}
PREPARE = """
from django.utils import timezone
from subscribers.services.workspaces import api_keys, workspaces
from tests.support.sequence_making import MAIL, make_sequence
workspace = workspaces.create(name="Soak", from_email="news@example.com")
make_sequence(workspace, {"type": "update_tags", "add": ["in"]}, MAIL, now=timezone.now())
print(api_keys.create(workspace=workspace, name="app").text)
"""
EVENTS = "SELECT event_id, count(*) FROM events_event GROUP BY event_id"
MAILS = "SELECT recipient, message_id, status, reason, last_error FROM subscribers_outgoingemail"
ENROLLED = """
SELECT s.email, e.status, e.reason, e.last_error
FROM events_enrollment e JOIN subscribers_subscriber s ON s.id = e.subscriber_id
"""
UNSETTLED = """
SELECT (SELECT count(*) FROM events_enrollment
        WHERE status IN ('active', 'waiting', 'waiting_confirmation') OR lease_token IS NOT NULL)
     + (SELECT count(*) FROM subscribers_outgoingemail WHERE status IN ('queued', 'sending'))
     + (SELECT count(*) FROM events_failedstage)
"""


@dataclass
class Ledger:
    """What clients sent, kept outside of the product."""

    answered: set[str] = field(default_factory=set)
    unanswered: set[str] = field(default_factory=set)
    # Whose sign-up was answered, so that a mail is owed.
    owed: set[str] = field(default_factory=set)
    statuses: Counter[object] = field(default_factory=Counter)


class Client(threading.Thread):
    """One application, which sends each request again until it is answered."""

    def __init__(self, number: int, port: int, key: str, ledger: Ledger) -> None:
        super().__init__()
        self.number, self.port, self.key, self.ledger = number, port, key, ledger
        self.choose = random.Random(SEED * 100 + number)  # noqa: S311 - cases, no secrets
        self.is_over = threading.Event()

    def run(self) -> None:
        count = 0
        while not self.is_over.is_set():
            count += 1
            is_new = self.choose.random() < 0.3
            person = f"c{self.number}-{count if is_new else self.choose.randint(1, count)}"
            names = ["signup", "seen"] if is_new else ["seen"] * self.choose.randint(1, 5)
            events = [
                {"name": name, "eventId": f"{self.number}-{count}-{place}"}
                for place, name in enumerate(names)
            ]
            email = f"{person}@example.com"
            is_answered = self.send({"email": email, "events": events}, f"{self.number}-{count}")
            ids = {str(event["eventId"]) for event in events}
            (self.ledger.answered if is_answered else self.ledger.unanswered).update(ids)
            if is_new and is_answered:
                self.ledger.owed.add(email)
            time.sleep(self.choose.uniform(0, 0.1))

    def send(self, body: object, name: str) -> bool:
        """Return whether the request was answered before the end."""
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        if self.choose.random() < 0.5:
            headers["Idempotency-Key"] = name
        while True:
            status = self.try_once(json.dumps(body), headers)
            self.ledger.statuses[status] += 1
            if status == 200:
                return True
            if isinstance(status, int) and status not in AGAIN:
                return False
            if status == 207:
                headers.pop("Idempotency-Key", None)
            if self.is_over.wait(self.choose.uniform(0.1, 0.5)):
                return False

    def try_once(self, body: str, headers: dict[str, str]) -> int | str:
        """Return the status, or the name of what ended the connection."""
        client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=25)
        with closing(client):
            try:
                client.request("POST", BULK, body=body, headers=headers)
                answer = client.getresponse()
                answer.read()
            except (OSError, http.client.HTTPException) as error:
                return type(error).__name__
            return answer.status


@dataclass
class Place:
    """Where the installation is."""

    environment: dict[str, str]
    disk: Path | None
    postgres: private_postgres.PrivatePostgres | None

    def rows(self, query: str) -> list[tuple[object, ...]]:
        if self.postgres:
            with psycopg.connect(self.postgres.url) as connection:
                return connection.execute(query).fetchall()
        name = Path(self.environment["DATA_DIR"]) / "cueline.sqlite3"
        with closing(sqlite3.connect(name, timeout=20)) as file:
            return file.execute(query).fetchall()


@pytest.fixture
def mail() -> Iterator[SmtpServer]:
    with smtp_server.running() as server:
        yield server


@pytest.fixture
def place(mail: SmtpServer) -> Iterator[Place]:
    """A database of its own, on a small disk where that can be mounted."""
    with ExitStack() as stack:
        root = Path(tempfile.mkdtemp(prefix="soak-"))
        stack.callback(shutil.rmtree, root, ignore_errors=True)
        root.chmod(0o755)
        disk = root / "disk"
        is_mounted = stack.enter_context(small_disk(disk, MEGABYTES))
        (disk / "data").mkdir()
        environment = {**os.environ, "DATA_DIR": str(disk / "data"), "RATE_LIMIT": "0"}
        for name in ("DATABASE_URL", "DJANGO_SETTINGS_MODULE"):
            environment.pop(name, None)
        environment |= {
            "EMAIL_URL": f"smtp://127.0.0.1:{mail.port}",
            "LEASE_SECONDS": str(LEASE_SECONDS),
            "LOG_LEVEL": "warning",
        }
        postgres = None
        if "DATABASE_URL" in os.environ:
            binaries = private_postgres.find_binaries()
            assert binaries
            usual, tempfile.tempdir = tempfile.tempdir, str(disk)
            try:
                postgres = private_postgres.start(binaries)
            finally:
                tempfile.tempdir = usual
            stack.callback(postgres.stop)
            environment["DATABASE_URL"] = postgres.url
        yield Place(environment, disk if is_mounted else None, postgres)


def test_a_soak(place: Place, mail: SmtpServer, tmp_path: Path) -> None:
    assert manage(place.environment, "migrate", "--verbosity", "0").returncode == 0
    prepared = manage(place.environment, "shell", "--verbosity", "0", "--command", PREPARE)
    key, port = prepared.stdout.strip(), free_port()
    started: list[Running] = []

    def start(clock: str | None) -> Running:
        given = {**place.environment, **(faked(clock) if clock else {})}
        started.append(Running(given, port, tmp_path / f"log-{len(started)}"))
        return started[-1]

    choose = random.Random(SEED)  # noqa: S311 - cases, no secrets
    chaos = Chaos(
        start=start, mail=mail, choose=choose, environment=place.environment,
        postgres=place.postgres, disk=place.disk, clock="+0s" if LIBRARY else None,
    )  # fmt: skip
    chaos.note(f"seed {SEED}, {SECONDS} s, small disk: {bool(place.disk)}, clocks: {bool(LIBRARY)}")
    ledger = Ledger()
    try:
        chaos.running.wait_until_it_runs()
        clients = [Client(number, port, key, ledger) for number in range(CLIENTS)]
        for client in clients:
            client.start()
        chaos.run(SECONDS)
        time.sleep(10)
        for client in clients:
            client.is_over.set()
        for client in clients:
            client.join()
        settle(place, chaos)
        chaos.stop()
        compare(place, ledger, mail)
    except BaseException:
        for each in started[-2:]:
            sys.stdout.write(each.log.read_text()[-3000:])
        raise
    finally:
        chaos.is_over.set()
        for each in started:
            with suppress(ProcessLookupError):
                each.process.send_signal(signal.SIGKILL)
            each.process.wait()


def settle(place: Place, chaos: Chaos) -> None:
    """Wait until all work has ended by itself."""
    give_up_at = time.monotonic() + SECONDS_TO_SETTLE
    left: object = None
    while left != 0:
        assert time.monotonic() < give_up_at, f"{left} rows are still under way"
        time.sleep(1)
        with suppress(psycopg.OperationalError):
            left = place.rows(UNSETTLED)[0][0]
    chaos.note("all work has ended")


def compare(place: Place, ledger: Ledger, mail: SmtpServer) -> None:
    """Every answered event is there once; every mail owed left once, or has a reason."""
    found = {str(event_id): count for event_id, count in place.rows(EVENTS)}
    taken = Counter(mail.recipients)
    mails = {str(row[0]): row[1:] for row in place.rows(MAILS)}
    enrolled = {str(row[0]): row[1:] for row in place.rows(ENROLLED)}
    sent = {address for address, row in mails.items() if row[1] == "sent"}
    reasons = dict(Counter(str(row[1:3]) for row in mails.values()))
    states = dict(Counter(str(row) for row in enrolled.values()))
    sys.stdout.write(
        f"{len(ledger.answered)} events answered, {len(ledger.unanswered)} not; answers "
        f"{dict(ledger.statuses)}; {len(ledger.owed)} mails owed, {len(mail.taken)} taken; "
        f"mails {reasons}; enrollments {states}\n"
    )

    answers = {status for status in ledger.statuses if isinstance(status, int)}
    assert answers <= {200} | AGAIN, "a fault of the product"
    assert not ledger.answered - found.keys(), "answered, but not there"
    assert found.keys() <= ledger.answered | ledger.unanswered, "there, but never sent"
    assert set(found.values()) <= {1}, "there twice"
    assert set(taken.values()) <= {1}, {each for each, count in taken.items() if count > 1}
    assert not ledger.owed - enrolled.keys(), "owed, but not enrolled"
    assert sent <= taken.keys(), "said to be sent, but the server did not take it"
    known = {each for each, row in mails.items() if row[1] in {"sent", "unknown"}}
    assert taken.keys() <= known, "taken, but the product does not know it"
    silent = {
        address: (mails.get(address), enrolled[address])
        for address in ledger.owed
        if address not in known and not (enrolled[address][1] or enrolled[address][2])
    }
    assert not silent, f"owed without a reason: {silent}"
