"""Mails that no enrollment waits for, at a real SMTP server."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from uuid import uuid4

import pytest
from django.db.models.functions import Now
from pytest_django.fixtures import Settings

from config import retries
from subscribers.models import OutgoingEmail, Subscriber, Suppression, Workspace
from subscribers.services.consent import suppressions
from subscribers.services.consent.suppressions import SuppressionSource
from subscribers.services.dispatch import queue as outbox_queue
from subscribers.services.outbox import outbox
from tests import factories
from tests.support import smtp_server
from tests.support.beside import beside, uncommitted
from tests.support.sequence_making import NOON
from tests.support.smtp_server import Action, Fault, SmtpServer, Stage

pytestmark = pytest.mark.django_db
Status = OutgoingEmail.Status
Kind = OutgoingEmail.Kind
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)


@pytest.fixture
def server(settings: Settings) -> Iterator[SmtpServer]:
    settings.EMAIL_TIMEOUT = 0.3
    with smtp_server.receiving(settings) as server:
        yield server


@pytest.fixture
def person(workspace: Workspace) -> Subscriber:
    return factories.SubscriberFactory.create(workspace=workspace, email="ada@example.com")


def queue(person: Subscriber, count: int = 1, **columns: object) -> list[OutgoingEmail]:
    """Return mails that became due one after the other, a second apart, until noon."""
    return [
        factories.OutgoingEmailFactory.create(
            subscriber=person,
            **{"due_at": NOON - (count - 1 - number) * SECOND, **columns},
        )
        for number in range(count)
    ]


def send_due(now: datetime = NOON) -> int:
    claimed = outbox_queue.claim_queued(now=now)
    assert claimed is not None
    return outbox_queue.send_queued(token=claimed.token, ids=claimed.ids, clock=lambda: now)


def test_what_is_due_is_claimed_the_oldest_first(person: Subscriber) -> None:
    mails = queue(person, 3)
    queue(person, due_at=NOON + SECOND)
    queue(person, due_at=None)

    first = outbox_queue.claim_queued(now=NOON, limit=2)
    second = outbox_queue.claim_queued(now=NOON)
    third = outbox_queue.claim_queued(now=NOON)

    assert first is not None
    assert second is not None
    assert set(first.ids) == {mails[0].pk, mails[1].pk}
    assert second.ids == (mails[2].pk,)
    assert third is None
    assert first.token != second.token


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_what_another_host_claims_at_the_moment_is_passed_by(person: Subscriber) -> None:
    queue(person, 2)

    with uncommitted(lambda: outbox_queue.claim_queued(now=NOON, limit=1)):
        claimed = outbox_queue.claim_queued(now=NOON)

    assert claimed is not None
    assert len(claimed.ids) == 1
    assert not OutgoingEmail.objects.filter(lease_token=None).exists()
    assert OutgoingEmail.objects.filter(lease_token=claimed.token).count() == 1


def test_claims_that_ran_out_come_back_but_not_what_is_being_sent(person: Subscriber) -> None:
    lost, sending, held = queue(person, 3, lease_token=uuid4(), lease_expires_at=Now() - SECOND)
    OutgoingEmail.objects.filter(pk=sending.pk).update(status=Status.SENDING)
    OutgoingEmail.objects.filter(pk=held.pk).update(lease_expires_at=Now() + 60 * SECOND)

    returned = outbox_queue.return_expired()

    assert returned == 1
    assert [each.pk for each in OutgoingEmail.objects.filter(lease_token=None)] == [lost.pk]


def test_queued_mails_leave_once_over_one_connection(
    person: Subscriber, server: SmtpServer
) -> None:
    mails = queue(person, 3)
    claimed = outbox_queue.claim_queued(now=NOON)
    assert claimed is not None

    for _ in range(2):
        outbox_queue.send_queued(token=claimed.token, ids=claimed.ids, clock=lambda: NOON)

    assert server.connections == 1
    assert set(server.count) == {(each.message_id, "ada@example.com") for each in mails}
    assert set(server.count.values()) == {1}
    for each in OutgoingEmail.objects.all():
        assert (each.status, each.attempts, each.sent_at) == (Status.SENT, 1, NOON)
        assert (each.due_at, each.lease_token, each.lease_expires_at) == (None, None, None)


def test_a_mail_that_cannot_be_made_ready_waits_and_harms_no_other(
    person: Subscriber, server: SmtpServer
) -> None:
    asked = factories.SubscriberFactory.create(workspace=person.workspace, pending=True)
    (odd,) = queue(asked, due_at=NOON - SECOND, kind=Kind.CONFIRMATION, cause="confirmation:?:1")
    (mail,) = queue(person)

    sent = send_due()

    odd.refresh_from_db()
    mail.refresh_from_db()
    assert (sent, mail.status) == (1, Status.SENT)
    assert (odd.status, odd.due_at, odd.lease_token) == (Status.QUEUED, NOON + 5 * MINUTE, None)
    assert odd.last_error == "It could not be made ready: ValueError."
    assert server.recipients == ["ada@example.com"]


def test_a_mail_that_another_task_holds_is_not_sent(person: Subscriber, server: SmtpServer) -> None:
    queue(person)
    claimed = outbox_queue.claim_queued(now=NOON)
    assert claimed is not None
    OutgoingEmail.objects.update(lease_token=uuid4())

    sent = outbox_queue.send_queued(token=claimed.token, ids=claimed.ids, clock=lambda: NOON)

    assert sent == 0
    assert server.taken == []


@pytest.mark.parametrize(
    ("status", "kind", "reason"),
    [
        ("unsubscribed", Kind.MARKETING, "subscriber_unsubscribed"),
        ("bounced", Kind.CONFIRMATION, "subscriber_bounced"),
        ("complained", Kind.TRANSACTIONAL, "subscriber_complained"),
        ("pending", Kind.MARKETING, "subscriber_pending"),
        ("unsubscribed", Kind.TRANSACTIONAL, None),
        ("pending", Kind.TRANSACTIONAL, None),
    ],
)
def test_the_person_is_looked_at_a_last_time(
    person: Subscriber, server: SmtpServer, status: str, kind: str, reason: str | None
) -> None:
    (email,) = queue(person, kind=kind)
    Subscriber.objects.update(status=status)

    sent = send_due()

    email.refresh_from_db()
    assert sent == (reason is None)
    assert email.status == (Status.SKIPPED if reason else Status.SENT)
    assert (email.reason, email.due_at, email.lease_token) == (reason or "", None, None)


@pytest.mark.parametrize("kind", [Kind.MARKETING, Kind.TRANSACTIONAL])
def test_a_suppressed_address_gets_no_mail_whoever_has_it(
    person: Subscriber, server: SmtpServer, kind: str
) -> None:
    suppressions.suppress(
        workspace=person.workspace,
        address="ADA@Example.com",
        reason=Suppression.Reason.MANUAL,
        source=SuppressionSource.ADMIN,
        now=NOON,
    )
    (email,) = queue(person, kind=kind)

    sent = send_due()

    email.refresh_from_db()
    assert sent == 0
    assert server.taken == []
    assert (email.status, email.reason, email.due_at) == (Status.SKIPPED, "suppressed", None)


def test_a_recipient_who_is_none_is_suppressed_before_the_next_mail(
    person: Subscriber, server: SmtpServer
) -> None:
    refused, other = queue(person, 2)
    server.next(Stage.RCPT, "550 5.1.1 No such user here")

    sent = send_due()

    refused.refresh_from_db()
    other.refresh_from_db()
    person.refresh_from_db()
    suppression = Suppression.objects.get()
    assert sent == 0
    assert (refused.status, refused.last_error) == (Status.FAILED, "550 5.1.1 No such user here")
    assert (other.status, other.reason) == (Status.SKIPPED, "subscriber_bounced")
    assert person.status == "bounced"
    assert (suppression.email, suppression.source) == ("ada@example.com", "smtp")
    assert suppression.details == "550 5.1.1 No such user here"


def test_who_is_not_on_the_list_of_allowed_addresses_gets_nothing(
    person: Subscriber, server: SmtpServer, settings: Settings
) -> None:
    settings.EMAIL_ALLOW = ["example.org"]
    (email,) = queue(person)

    send_due()

    email.refresh_from_db()
    assert (email.status, email.reason) == (Status.SKIPPED, "not_in_allow_list")
    assert server.taken == []


def test_the_switch_holds_mail_and_loses_none(
    person: Subscriber, server: SmtpServer, settings: Settings
) -> None:
    settings.MAIL_PAUSED = True
    (email,) = queue(person)

    send_due()
    email.refresh_from_db()
    held = (email.status, email.reason, email.lease_token, email.due_at)
    settings.MAIL_PAUSED = False
    OutgoingEmail.objects.update(due_at=NOON)
    sent = send_due()

    assert held == (Status.QUEUED, "mail_paused", None, NOON + retries.HELD_MAIL)
    assert sent == 1


def test_a_mail_that_is_refused_for_good_has_failed(person: Subscriber, server: SmtpServer) -> None:
    refused, other = queue(person, 2)
    server.next(Stage.DATA, "554 No")

    sent = send_due()

    refused.refresh_from_db()
    other.refresh_from_db()
    assert sent == 1
    assert (refused.status, refused.last_error, refused.due_at) == (Status.FAILED, "554 No", None)
    assert other.status == Status.SENT


def test_a_mail_that_is_put_off_for_three_days_has_failed(
    person: Subscriber, server: SmtpServer
) -> None:
    (email,) = queue(person)
    server.always(Stage.RCPT, "451 Later")

    now, pauses = NOON, []
    while email.status == Status.QUEUED:
        send_due(now)
        email.refresh_from_db()
        if email.due_at:
            pauses.append(round((email.due_at - now).total_seconds()))
            now = email.due_at

    assert pauses[:8] == [20, 60, 180, 540, 1620, 4860, 14400, 14400]
    assert now == NOON + timedelta(hours=72)
    assert (email.status, email.last_error, email.lease_token) == (Status.FAILED, "451 Later", None)
    assert server.taken == []


@pytest.mark.parametrize("fault", list(Fault))
def test_a_server_that_is_away_is_asked_for_one_mail_and_no_attempt_counts(
    person: Subscriber, server: SmtpServer, fault: Action
) -> None:
    queue(person, 3)
    server.always(Stage.GREETING, fault)

    sent = send_due()

    assert sent == 0
    assert server.connections == 1
    for email in OutgoingEmail.objects.all():
        assert (email.status, email.attempts, email.lease_token) == (Status.QUEUED, 0, None)
        assert email.due_at == NOON + retries.MAIL_SERVER_AWAY
    server.behave()
    OutgoingEmail.objects.update(due_at=NOON)
    assert send_due() == 3


@pytest.mark.parametrize("fault", list(Fault))
def test_no_answer_to_a_message_makes_one_mail_unknown_not_all(
    person: Subscriber, server: SmtpServer, fault: Action
) -> None:
    queue(person, 3)
    server.always(Stage.MESSAGE, fault)

    send_due()

    mails = OutgoingEmail.objects.order_by("id")
    assert [each.status for each in mails] == [Status.UNKNOWN, Status.QUEUED, Status.QUEUED]
    assert (mails[0].due_at, mails[0].lease_token) == (None, None)
    assert {(each.due_at, each.lease_token) for each in mails[1:]} == {
        (NOON + retries.MAIL_SERVER_AWAY, None)
    }


@pytest.mark.django_db(transaction=True)
def test_a_mail_that_an_operator_sends_again_leaves_once(
    person: Subscriber, server: SmtpServer
) -> None:
    (email,) = queue(person, status=Status.UNKNOWN, due_at=None)
    outbox.send_again(email=email, now=NOON)
    hold = server.hold(Stage.MESSAGE)

    with beside(send_due):
        hold.wait_until_reached()
        while_it_leaves = outbox_queue.claim_queued(now=NOON)
        hold.release()

    email.refresh_from_db()
    assert while_it_leaves is None
    assert (email.status, email.due_at) == (Status.SENT, None)
    assert server.count == {(email.message_id, email.recipient): 1}
