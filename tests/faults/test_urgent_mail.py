"""A mail that somebody waits for leaves at once, however many newsletters are due.

`URGENT_RUNS` (3,000) newsletters are; with 100,000 it is the test of the releases:
`URGENT_RUNS=100000 uv run pytest tests/faults/test_urgent_mail.py -s`, which prints the seconds.
"""

import os
import sys

import pytest

from tests.faults.test_killed_workers import seed
from tests.support.slow_mail import slow_server, url_of
from tests.support.smtp_server import SmtpServer
from tests.support.working import StartWorker, Working

pytestmark = [pytest.mark.live, pytest.mark.postgresql]

ENROLLMENTS = int(os.environ.get("URGENT_RUNS", "3000"))
# A batch of newsletters takes as long as a batch may: 20 s.
SECONDS_PER_MAIL = 0.25
NEWCOMERS = ["ada@example.com", "bob@example.com", "eve@example.com"]
SIGN_UP = """
from django.utils import timezone
from subscribers.models import Workspace
from subscribers.services.consent import confirmations, ledger
from tests import factories
Workspace.objects.update(from_email="news@example.com")
person = factories.SubscriberFactory.create(
    workspace=Workspace.objects.get(), email={address!r}, status="pending")
confirmations.ask_by_id(
    subscriber_id=person.pk, circumstances=ledger.NOTHING_KNOWN, now=timezone.now())
"""
LEFT = """
SELECT count(*) FROM subscribers_outgoingemail WHERE kind = 'confirmation' AND status = 'sent'
"""
LONGEST = """
SELECT max(extract(epoch FROM sent_at - created_at)) FROM subscribers_outgoingemail
WHERE kind = 'confirmation'
"""
WAITING = """
SELECT count(*) FROM events_enrollment e JOIN events_step s ON s.id = e.step_id
WHERE s.position < 2
"""


def test_confirmations_overtake_newsletters(
    start_worker: StartWorker, environment: dict[str, str]
) -> None:
    with slow_server(SECONDS_PER_MAIL) as server:
        environment |= {"EMAIL_URL": url_of(server), "WORKERS": "2"}
        seed(environment, ENROLLMENTS)
        working = start_worker()
        # Both processes are in the middle of a batch.
        working.wait_until(lambda: len(server.taken) >= 10)

        for address in NEWCOMERS:
            sign_up(working, address)
            wait_for_mail(working, server, address)
        working.wait_until(lambda: working.value(LEFT) == len(NEWCOMERS))

        still_waiting = working.value(WAITING)
    longest, newsletters = working.value(LONGEST), len(server.taken) - len(NEWCOMERS)
    sys.stdout.write(
        f"{longest:.2f} s at most, {newsletters} of {ENROLLMENTS} newsletters meanwhile\n"
    )
    assert still_waiting > ENROLLMENTS * 9 // 10
    assert max(server.count.values()) == 1


def wait_for_mail(working: Working, server: SmtpServer, address: str) -> None:
    working.wait_until(lambda: address in server.recipients)


def sign_up(working: Working, address: str) -> None:
    """Queue a confirmation."""
    command = SIGN_UP.format(address=address)
    done = working.manage("shell", "--verbosity", "0", "--command", command)
    assert done.returncode == 0, done.stderr
