"""One click in a mail program, from the header of a mail that arrived, while the next is due.

The request is that of RFC 8058, 8.1: no cookie, no referrer, nothing but the header's address and
its one field, over a socket of its own to a server that enrollments.
"""

import http.client
from collections.abc import Iterator
from datetime import timedelta
from email import message_from_bytes
from urllib.parse import urlsplit
from uuid import UUID

import pytest
from pytest_django.fixtures import Settings
from pytest_django.live_server_helper import LiveServer

from events.models import Enrollment
from events.services import engine
from events.services.engine import claiming
from subscribers.models import ConsentRecord, OutgoingEmail, Subscriber
from subscribers.services.workspaces import workspaces
from tests import factories
from tests.support import smtp_server
from tests.support.beside import beside
from tests.support.engine_running import begin
from tests.support.sequence_making import NOON, make_sequence
from tests.support.smtp_server import SmtpServer, Stage
from tests.support.time_travel import TimeTravel

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.live]
DAY = timedelta(days=1)
FIRST = {"type": "email", "subject": "First", "text": "."}
SECOND = {"type": "email", "subject": "Second", "text": ".", "delay": {"days": 1}}


@pytest.fixture
def server(settings: Settings, live_server: LiveServer) -> Iterator[SmtpServer]:
    settings.PUBLIC_URL = live_server.url
    with smtp_server.receiving(settings) as server:
        yield server


@pytest.fixture
def enrollment(server: SmtpServer) -> Enrollment:
    """Return an enrollment whose first mail has arrived and whose second is due."""
    sequence = make_sequence(workspaces.create(name="Acme"), FIRST, SECOND)
    person = factories.SubscriberFactory.create(workspace=sequence.workspace, email="a@example.com")
    enrollment = begin(sequence, person)
    travel = TimeTravel(NOON)
    travel.tick()
    assert server.recipients == ["a@example.com"]
    enrollment.refresh_from_db()
    assert enrollment.due_at == NOON + DAY
    return enrollment


def click(server: SmtpServer) -> int:
    """Do what a mail program does with the two headers of the last mail; returns the status."""
    mail = message_from_bytes(server.taken[-1].content)
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    # Long headers are folded.
    url = urlsplit(str(mail["List-Unsubscribe"]).strip().strip("<>"))
    client = http.client.HTTPConnection(url.netloc, timeout=20)
    try:
        client.putrequest("POST", url.path, skip_accept_encoding=True)
        client.putheader("Content-Type", "application/x-www-form-urlencoded")
        client.putheader("Content-Length", "26")
        client.endheaders(b"List-Unsubscribe=One-Click")
        answer = client.getresponse()
        answer.read()
    finally:
        client.close()
    assert answer.getheader("Set-Cookie") is None
    assert answer.getheader("Location") is None
    return answer.status


def test_the_next_mail_does_not_leave_though_it_was_claimed(
    server: SmtpServer, enrollment: Enrollment
) -> None:
    (batch,) = claiming.claim_due(now=NOON + DAY, most_batches=1)

    status = click(server)
    engine.advance(token=batch.token, ids=batch.ids, clock=TimeTravel(NOON + DAY).clock)

    assert status == 200
    assert server.recipients == ["a@example.com"]
    assert OutgoingEmail.objects.count() == 1
    enrollment.refresh_from_db()
    assert (enrollment.status, enrollment.reason) == (Enrollment.Status.STOPPED, "unsubscribed")
    assert Subscriber.objects.get().status == "unsubscribed"
    line = ConsentRecord.objects.get()
    assert (line.kind, line.method, line.ip) == ("left", "one_click", "127.0.0.1")


def test_a_click_while_another_person_s_mail_is_handed_over_keeps_the_next_back(
    server: SmtpServer, enrollment: Enrollment
) -> None:
    before = UUID(int=enrollment.subscriber_id.int - 1)
    earlier = factories.SubscriberFactory.create(
        id=before, workspace=enrollment.workspace, email="first@example.com"
    )
    begin(enrollment.sequence, earlier, due_at=NOON + DAY)
    (batch,) = claiming.claim_due(now=NOON + DAY, most_batches=1)
    hold = server.hold(Stage.RCPT)

    with beside(
        lambda: engine.advance(token=batch.token, ids=batch.ids, clock=TimeTravel(NOON + DAY).clock)
    ):
        hold.wait_until_reached()
        # The mail that is held has the other's link; the first mail has this person's.
        status = click(server)
        hold.release()

    assert status == 200
    assert server.recipients == ["a@example.com", "first@example.com"]
    enrollment.refresh_from_db()
    assert (enrollment.status, enrollment.reason) == (Enrollment.Status.STOPPED, "unsubscribed")


def test_a_second_click_is_answered_alike_and_changes_nothing(
    server: SmtpServer, enrollment: Enrollment
) -> None:
    first = click(server)
    left_at = Subscriber.objects.get().unsubscribed_at

    second = click(server)

    assert (first, second) == (200, 200)
    assert Subscriber.objects.get().unsubscribed_at == left_at
    assert ConsentRecord.objects.count() == 1
