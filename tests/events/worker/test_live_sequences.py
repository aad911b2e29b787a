"""Sequences with real processes: on time, on a busy worker, and without any worker.

`BUSY_SECONDS` (12) is how long the busy worker is watched. Up to a minute its parts lose patience
with each other within eight seconds; beyond it within the product's own thirty, with 20,000 due:

    BUSY_SECONDS=120 uv run pytest tests/events/worker/test_live_sequences.py -s
"""

import json
import os
import sys
import time
from pathlib import Path

import pytest
import yaml

from tests.faults.test_killed_workers import seed
from tests.support import smtp_server
from tests.support.running import BULK, Application, Running, Start, call, serving
from tests.support.slow_mail import slow_server, url_of
from tests.support.smtp_server import SmtpServer
from tests.support.working import StartWorker, fill, manage

pytestmark = pytest.mark.live

BUSY_SECONDS = int(os.environ.get("BUSY_SECONDS", "12"))
# Two processes: five mails a second.
SECONDS_PER_MAIL = 0.4
SECONDS_TO_ARRIVE = 10
RESTARTS = "SELECT restarts FROM events_worker"
STARTED_ONCE = {
    "name": "Welcome",
    "trigger": "event_received",
    "eventName": "signup",
    "fromEmail": "hello@example.com",
    "steps": [
        {"type": "email", "subject": "First", "text": "Welcome."},
        {"type": "delay", "delayMs": 1000},
        {"type": "email", "subject": "Second", "text": "How is it going?"},
    ],
}
A_DEAD_WORKER = """
from datetime import timedelta
from django.utils import timezone
from tests import factories
long_ago = timezone.now() - timedelta(minutes=1)
factories.WorkerFactory.create(ticked_at=long_ago, beat_at=long_ago)
"""


def test_a_delay_of_a_second_is_one(
    start: Start, environment: dict[str, str], tmp_path: Path
) -> None:
    with smtp_server.running() as server:
        environment["EMAIL_URL"] = url_of(server)
        running = start()
        running.wait_until_it_runs()
        _, headers, _ = running.printed_call()
        file = tmp_path / "welcome.yaml"
        file.write_text(yaml.safe_dump([STARTED_ONCE]))
        done = manage(
            environment, "import_sequences", str(file), "--workspace", "default", "--activate"
        )
        assert done.returncode == 0, done.stdout + done.stderr

        body = json.dumps({"email": "ada@example.com", "events": [{"name": "signup"}]})
        began = time.monotonic()
        status, answer = running.send("POST", BULK, body=body, headers=headers)
        first, second = (arrival(server, number, running) - began for number in (1, 2))

    sys.stdout.write(f"The first mail after {first:.1f} s, the second {second - first:.1f} s on.\n")
    assert (status, answer["subscriber"]["created"]) == (200, True)
    subjects = [mail.content.split(b"Subject: ")[1].split(b"\r\n")[0] for mail in server.taken]
    assert subjects == [b"First", b"Second"]
    assert server.recipients == ["ada@example.com"] * 2


def test_a_busy_worker_is_not_dead(start_worker: StartWorker, environment: dict[str, str]) -> None:
    runs = 20_000
    if BUSY_SECONDS <= 60:
        environment["DJANGO_SETTINGS_MODULE"] = "tests.support.impatient"
        runs = 400
    with slow_server(SECONDS_PER_MAIL) as server:
        environment |= {"EMAIL_URL": url_of(server), "WORKERS": "2"}
        seed(environment, runs)
        working = start_worker()
        working.wait_until(lambda: len(server.taken) >= 2)
        everybody, before = working.everybody(), len(server.taken)

        time.sleep(BUSY_SECONDS)

        assert working.everybody() == everybody
        assert working.value(RESTARTS) == 0
        sent = len(server.taken) - before
        assert max(server.count.values()) == 1
    sys.stdout.write(f"{sent} mails in {BUSY_SECONDS} s\n")
    # It was busy all the time, and with nothing else.
    assert sent > BUSY_SECONDS
    assert "is restarted" not in working.log.read_text()


def test_a_dead_worker_keeps_nobody_from_reporting(environment: dict[str, str]) -> None:
    known = fill(environment)
    assert manage(environment, "shell", "--command", A_DEAD_WORKER).returncode == 0

    with serving("config.rsgi:application", environment) as (port, _):
        application = Application(port, known["BENCHMARK_KEY"])
        reported = application.send("p1@example.com", [{"name": "buy"}])
        ready, _ = call(port, "GET", "/readyz")
        worker, said = call(port, "GET", "/healthz/worker")

    assert (reported, ready, worker) == (200, 200, 503)
    assert (said["status"], said["workers"]) == ("unavailable", 0)
    assert said["reason"].startswith("No worker has reported for ")


def arrival(server: SmtpServer, number: int, running: Running) -> float:
    """Wait for so many mails; returns when the last was seen, by a monotonic clock."""
    give_up_at = time.monotonic() + SECONDS_TO_ARRIVE
    while len(server.taken) < number:
        assert time.monotonic() < give_up_at, running.log.read_text()
        time.sleep(0.01)
    return time.monotonic()
