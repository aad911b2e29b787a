"""Confirmation mails as the worker sends them, at a real SMTP server."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from email import message_from_bytes

import pytest
from django.db.models.functions import Now
from pytest_django.fixtures import Settings

from config import retries
from subscribers.models import (
    AskedHour,
    Confirmation,
    ConsentRecord,
    OutgoingEmail,
    Subscriber,
    Workspace,
)
from subscribers.services.consent import confirmations, ledger
from subscribers.services.consent.ledger import Circumstances
from subscribers.services.dispatch import queue as outbox_queue
from subscribers.services.outbox import outbox
from tests import factories
from tests.support import smtp_server
from tests.support.asking_people import ask, confirm, make_pending, token_in
from tests.support.sequence_making import NOON
from tests.support.smtp_server import Fault, SmtpServer, Stage
from tests.support.time_travel import TimeTravel

pytestmark = pytest.mark.django_db
Status = OutgoingEmail.Status
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


@pytest.fixture
def server(settings: Settings) -> Iterator[SmtpServer]:
    settings.EMAIL_TIMEOUT = 0.3
    with smtp_server.receiving(settings) as server:
        yield server


@pytest.fixture
def workspace(workspace: Workspace) -> Workspace:
    workspace.from_email = "news@example.com"
    workspace.save()
    return workspace


def send_due(now: datetime = NOON) -> int:
    claimed = outbox_queue.claim_queued(now=now)
    assert claimed is not None
    return outbox_queue.send_queued(token=claimed.token, ids=claimed.ids, clock=lambda: now)


def parts_of(content: bytes) -> list[bytes]:
    """Return text and HTML of a mail as the server took it."""
    parts = [each for each in message_from_bytes(content).walk() if not each.is_multipart()]
    return [bytes(each.get_payload(decode=True)) for each in parts]


def test_the_mail_leaves_once(workspace: Workspace, server: SmtpServer) -> None:
    ask(make_pending(workspace))

    sent = send_due()

    mail = OutgoingEmail.objects.get()
    assert sent == 1
    assert (mail.status, mail.sent_at, mail.due_at) == (Status.SENT, NOON, None)
    assert server.count == {(mail.message_id, "ada@example.com"): 1}


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ({"status": "active"}, "already_confirmed"),
        ({"status": "bounced"}, "subscriber_bounced"),
    ],
)
def test_a_confirmation_that_is_not_needed_any_more_is_skipped(
    workspace: Workspace, server: SmtpServer, columns: dict[str, str], reason: str
) -> None:
    ask(make_pending(workspace))
    Subscriber.objects.update(**columns)

    send_due()

    mail = OutgoingEmail.objects.get()
    assert (mail.status, mail.reason, mail.due_at) == (Status.SKIPPED, reason, None)
    assert server.taken == []


def test_the_mail_of_a_closed_confirmation_is_not_sent(
    workspace: Workspace, server: SmtpServer
) -> None:
    ask(make_pending(workspace))
    Confirmation.objects.update(closed_at=NOON)

    send_due()

    mail = OutgoingEmail.objects.get()
    assert (mail.status, mail.reason) == (Status.SKIPPED, "confirmation_closed")
    assert server.taken == []


def test_a_second_mail_does_not_leave_once_the_first_was_answered(
    workspace: Workspace, server: SmtpServer
) -> None:
    person = make_pending(workspace)
    ask(person)
    ask(person, now=NOON + 24 * HOUR)
    first = OutgoingEmail.objects.earliest("id")
    OutgoingEmail.objects.exclude(pk=first.pk).update(due_at=NOON + 48 * HOUR)
    send_due()
    confirm(person)

    send_due(NOON + 48 * HOUR)

    assert len(server.taken) == 1


def test_a_mail_without_a_sender_waits_until_the_workspace_has_one(
    workspace: Workspace, server: SmtpServer
) -> None:
    Workspace.objects.update(from_email="")
    ask(make_pending(workspace))

    send_due()
    held = OutgoingEmail.objects.get()
    Workspace.objects.update(from_email="late@example.com")
    send_due(NOON + retries.HELD_MAIL)

    mail = OutgoingEmail.objects.get()
    assert (held.status, held.reason, held.lease_token) == (Status.QUEUED, "no_sender", None)
    assert held.due_at == NOON + retries.HELD_MAIL
    assert (mail.status, mail.sender) == (Status.SENT, "Acme <late@example.com>")
    assert b"From: Acme <late@example.com>" in server.taken[0].content


def test_mail_beyond_the_hourly_limit_is_sent_later_and_none_is_lost(
    workspace: Workspace, server: SmtpServer, settings: Settings
) -> None:
    settings.CONFIRMATIONS_PER_DOMAIN = 3
    for number in range(8):
        ask(make_pending(workspace, f"p{number}@example.com"))
    travel = TimeTravel(NOON)

    travel.tick()
    at_once = len(server.taken)
    delayed = OutgoingEmail.objects.filter(status=Status.QUEUED, reason="confirmations_delayed")
    waiting = sorted((each.attempts, each.due_at) for each in delayed)
    travel.run_for(4 * HOUR)

    assert at_once == 3
    assert waiting == [(0, NOON + HOUR + HOUR * each / 3) for each in range(5)]
    assert sorted(server.recipients) == [f"p{number}@example.com" for number in range(8)]
    assert max(server.count.values()) == 1
    assert AskedHour.objects.get(scope="domain", starts_at=NOON).delayed == 5


def test_a_mail_that_waited_longer_than_its_link_is_valid_gets_a_fresh_link(
    workspace: Workspace, server: SmtpServer, settings: Settings
) -> None:
    settings.CONFIRMATIONS_PER_HOUR = 1
    people = [make_pending(workspace, f"p{number}@gmail.com") for number in range(2)]
    for person in people:
        ask(person)
    before = {token_in(each) for each in OutgoingEmail.objects.all()}
    send_due()
    put_off = OutgoingEmail.objects.get(status=Status.QUEUED)
    late = NOON + 8 * DAY
    OutgoingEmail.objects.filter(pk=put_off.pk).update(due_at=late)

    send_due(late)

    put_off.refresh_from_db()
    token = token_in(put_off)
    assert put_off.status == Status.SENT
    assert len(before) == 2
    assert token not in before
    assert all(token.encode() in part for part in parts_of(server.taken[-1].content))
    assert token in put_off.html
    assert confirmations.read_link(token, late + 7 * DAY).state is confirmations.LinkState.OPEN
    assert confirmations.read_link(token, late + 8 * DAY).state is confirmations.LinkState.EXPIRED


def test_a_mail_queued_under_an_earlier_secret_key_gets_a_link_that_works(
    workspace: Workspace, server: SmtpServer, settings: Settings
) -> None:
    ask(make_pending(workspace))
    settings.SECRET_KEY = "rotated " * 8

    send_due()

    mail = OutgoingEmail.objects.get()
    assert len(server.taken) == 1
    assert confirmations.read_link(token_in(mail), NOON).state is confirmations.LinkState.OPEN


def test_a_fresh_link_changes_nothing_that_the_ledger_knows_of_the_mail(
    workspace: Workspace, server: SmtpServer
) -> None:
    ask(make_pending(workspace))
    OutgoingEmail.objects.update(due_at=NOON + 8 * DAY)

    send_due(NOON + 8 * DAY)

    mail = OutgoingEmail.objects.get()
    text, html = (part.replace(token_in(mail), "") for part in (mail.text, mail.html))
    expected = ledger.hash_of_text(mail.subject, text, html)
    assert len(server.taken) == 1
    assert ConsentRecord.objects.get().text_hash == expected


def test_the_key_that_asked_is_counted(
    workspace: Workspace, server: SmtpServer, settings: Settings
) -> None:
    settings.CONFIRMATIONS_PER_KEY = 1
    key = factories.ApiKeyFactory.create(workspace=workspace)
    for number in range(2):
        ask(
            make_pending(workspace, f"p{number}@gmail.com"),
            circumstances=Circumstances(api_key=key),
        )

    send_due()

    hour = AskedHour.objects.get(scope="key")
    assert (hour.subject, hour.mails, hour.delayed) == (key.prefix, 1, 1)
    assert len(server.taken) == 1


def test_mail_that_is_held_by_a_switch_is_not_counted(
    workspace: Workspace, server: SmtpServer, settings: Settings
) -> None:
    settings.MAIL_PAUSED = True
    ask(make_pending(workspace))

    send_due()

    assert not AskedHour.objects.exists()


def test_a_mail_that_waits_for_the_server_is_counted_once(
    workspace: Workspace, server: SmtpServer, settings: Settings
) -> None:
    settings.CONFIRMATIONS_PER_DOMAIN = 3
    ask(make_pending(workspace))
    server.always(Stage.GREETING, Fault.CLOSE)
    for minute in range(5):
        send_due(NOON + timedelta(minutes=minute))
    server.behave()

    send_due(NOON + timedelta(minutes=5))

    assert [hour.mails for hour in AskedHour.objects.filter(scope="domain")] == [1]
    assert OutgoingEmail.objects.get().status == Status.SENT


def test_other_mails_are_not_counted(workspace: Workspace, server: SmtpServer) -> None:
    factories.OutgoingEmailFactory.create(
        subscriber__workspace=workspace, kind="transactional", due_at=NOON
    )

    sent = send_due()

    assert sent == 1
    assert not AskedHour.objects.exists()


@pytest.mark.parametrize("fault", list(Fault))
def test_a_mail_with_unknown_delivery_is_sent_three_times_with_the_same_message_id(
    workspace: Workspace, server: SmtpServer, fault: Fault
) -> None:
    ask(make_pending(workspace))
    server.always(Stage.MESSAGE, fault)

    TimeTravel(NOON).run_for(24 * HOUR)

    mail = OutgoingEmail.objects.get()
    assert (mail.status, mail.attempts, mail.due_at) == (Status.UNKNOWN, 3, None)
    assert server.count == {(mail.message_id, "ada@example.com"): 3}
    assert AskedHour.objects.get(scope="all").mails == 1


def test_a_mail_of_unknown_fate_that_arrives_then_is_sent(
    workspace: Workspace, server: SmtpServer
) -> None:
    ask(make_pending(workspace))
    server.next(Stage.MESSAGE, Fault.CLOSE)

    TimeTravel(NOON).run_for(HOUR)

    mail = OutgoingEmail.objects.get()
    assert (mail.status, mail.attempts) == (Status.SENT, 2)


@pytest.mark.parametrize(("attempts", "status"), [(1, "queued"), (2, "queued"), (3, "unknown")])
def test_a_mail_of_a_dead_process_is_sent_three_times_in_all(
    workspace: Workspace, attempts: int, status: str
) -> None:
    ask(make_pending(workspace))
    OutgoingEmail.objects.update(
        status=Status.SENDING, attempts=attempts, lease_expires_at=Now() - HOUR
    )

    outbox.expire_sending()

    mail = OutgoingEmail.objects.get()
    assert mail.status == status
    assert (mail.due_at is not None) == (status == "queued")
