"""The outbox: which state follows which, and who may change it."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import IntegrityError, transaction
from django.db.models.functions import Now

from subscribers.models import OutgoingEmail, Subscriber, Workspace
from subscribers.services.outbox import outbox
from subscribers.services.outbox.delivery import Delivery, DeliveryOutcome
from tests import factories
from tests.support.sequence_making import NOON

pytestmark = pytest.mark.django_db
Status = OutgoingEmail.Status
Kind = OutgoingEmail.Kind
LATER = NOON + timedelta(hours=1)
ALL_OUTCOMES = list(DeliveryOutcome)


@pytest.fixture
def person(workspace: Workspace) -> Subscriber:
    return factories.SubscriberFactory.create(workspace=workspace, email="ada@example.com")


def draft_for(person: Subscriber, cause: str = "step:1") -> outbox.Draft:
    return outbox.Draft(
        workspace_id=person.workspace_id,
        subscriber_id=person.pk,
        kind=Kind.MARKETING,
        cause=cause,
        sender="Acme <news@acme.example>",
        reply_to="help@acme.example",
        recipient=person.email,
        subject="Hello",
        html="<p>Hi</p>",
        text="Hi",
        headers={"X-One": "1"},
    )


def mail(person: Subscriber, **columns: object) -> OutgoingEmail:
    return factories.OutgoingEmailFactory.create(subscriber=person, **columns)


def deliver(email: OutgoingEmail, outcome: DeliveryOutcome) -> OutgoingEmail:
    error = "" if outcome is DeliveryOutcome.SENT else "451 Later"
    outbox.settle(email_id=email.pk, delivery=Delivery(outcome, error), now=LATER)
    email.refresh_from_db()
    return email


def test_a_mail_begins_as_being_sent_with_a_message_id_of_its_own(person: Subscriber) -> None:
    email = outbox.begin(draft=draft_for(person), now=NOON)

    email.refresh_from_db()
    assert email.message_id == f"<{email.pk.hex}@acme.example>"
    assert (email.status, email.attempts, email.sending_since) == (Status.SENDING, 1, NOON)
    assert (email.due_at, email.sent_at, email.created_at) == (None, None, NOON)
    assert email.lease_expires_at is not None
    left = email.lease_expires_at - datetime.now(tz=UTC)
    assert timedelta(seconds=45) < left < timedelta(seconds=105)


def test_what_is_handed_over_is_what_was_drafted(person: Subscriber) -> None:
    email = outbox.begin(draft=draft_for(person), now=NOON)

    stored = OutgoingEmail.objects.get(pk=email.pk)
    message = outbox.message_of(stored, workspace=stored.workspace, subscriber=person)

    assert message.message_id == email.message_id
    assert (message.sender, message.reply_to) == ("Acme <news@acme.example>", "help@acme.example")
    assert (message.recipient, message.subject) == ("ada@example.com", "Hello")
    assert (message.html, message.text, message.headers) == ("<p>Hi</p>", "Hi", {"X-One": "1"})


def test_a_cause_makes_one_mail(person: Subscriber) -> None:
    outbox.begin(draft=draft_for(person), now=NOON)

    with pytest.raises(IntegrityError), transaction.atomic():
        outbox.begin(draft=draft_for(person), now=LATER)

    assert OutgoingEmail.objects.count() == 1


def test_another_attempt_keeps_the_message_id(person: Subscriber) -> None:
    email = mail(person, attempts=1, message_id="<1@x>", sending_since=NOON)

    has_begun = outbox.begin_again(email_id=email.pk, now=LATER)

    email.refresh_from_db()
    assert has_begun
    assert (email.status, email.attempts, email.sending_since) == (Status.SENDING, 2, LATER)
    assert email.message_id == "<1@x>"


@pytest.mark.parametrize("status", [each for each in Status if each != Status.QUEUED])
def test_only_a_queued_mail_is_begun_again(person: Subscriber, status: str) -> None:
    email = mail(person, status=status)

    has_begun = outbox.begin_again(email_id=email.pk, now=LATER)

    email.refresh_from_db()
    assert not has_begun
    assert (email.status, email.attempts) == (status, 0)


@pytest.mark.parametrize(
    ("outcome", "status", "sent_at"),
    [
        (DeliveryOutcome.SENT, Status.SENT, LATER),
        (DeliveryOutcome.REFUSED, Status.FAILED, None),
        (DeliveryOutcome.DEFERRED, Status.QUEUED, None),
        (DeliveryOutcome.UNKNOWN, Status.UNKNOWN, None),
    ],
)
def test_an_attempt_is_settled_by_what_became_of_it(
    person: Subscriber, outcome: DeliveryOutcome, status: str, sent_at: datetime | None
) -> None:
    email = outbox.begin(draft=draft_for(person), now=NOON)

    deliver(email, outcome)

    assert (email.status, email.sent_at) == (status, sent_at)
    assert (email.lease_expires_at, email.lease_token, email.due_at) == (None, None, None)
    assert email.last_error == ("" if outcome is DeliveryOutcome.SENT else "451 Later")


def test_a_mail_that_was_called_unknown_may_turn_out_as_sent(person: Subscriber) -> None:
    email = mail(person, status=Status.UNKNOWN, last_error=outbox.NO_ANSWER)

    deliver(email, DeliveryOutcome.SENT)

    assert (email.status, email.sent_at, email.last_error) == (Status.SENT, LATER, "")


@pytest.mark.parametrize(
    ("status", "outcomes"),
    [
        (Status.SENT, ALL_OUTCOMES),
        (Status.FAILED, ALL_OUTCOMES),
        (Status.SKIPPED, ALL_OUTCOMES),
        (Status.QUEUED, ALL_OUTCOMES),
        (Status.UNKNOWN, [each for each in ALL_OUTCOMES if each is not DeliveryOutcome.SENT]),
    ],
)
def test_an_attempt_of_which_more_is_known_stays_as_it_is(
    person: Subscriber, status: str, outcomes: list[DeliveryOutcome]
) -> None:
    email = mail(person, status=status)

    for outcome in outcomes:
        deliver(email, outcome)

    assert (email.status, email.sent_at) == (status, None)


def test_a_fence_that_led_nowhere_is_taken_down(person: Subscriber) -> None:
    email = outbox.begin(draft=draft_for(person), now=NOON)
    sent = mail(person, status=Status.SENT)

    for each in (email, sent):
        outbox.unfence(workspace_id=person.workspace_id, cause=each.cause)

    email.refresh_from_db()
    sent.refresh_from_db()
    assert (email.status, email.lease_expires_at) == (Status.QUEUED, None)
    assert sent.status == Status.SENT


def test_a_skipped_mail_can_be_seen_with_its_reason(person: Subscriber) -> None:
    email = outbox.skip(draft=draft_for(person), reason="test_key", now=NOON)

    email.refresh_from_db()
    assert (email.status, email.reason, email.attempts) == (Status.SKIPPED, "test_key", 0)
    assert email.lease_expires_at is None


def test_only_a_queued_mail_is_left_out(person: Subscriber) -> None:
    queued, sending = mail(person), outbox.begin(draft=draft_for(person), now=NOON)

    for email in (queued, sending):
        outbox.skip_queued(email_id=email.pk, reason="mail_cap")

    queued.refresh_from_db()
    sending.refresh_from_db()
    assert (queued.status, queued.reason) == (Status.SKIPPED, "mail_cap")
    assert (sending.status, sending.reason) == (Status.SENDING, "")


@pytest.mark.parametrize(
    ("status", "kept_from"),
    [
        ("active", ""),
        # Transactional mail leaves where a sequence runs before the confirmation.
        ("pending", "marketing"),
        ("unsubscribed", "marketing"),
        ("bounced", "confirmation transactional marketing"),
        ("complained", "confirmation transactional marketing"),
    ],
)
def test_who_must_not_get_which_mail(person: Subscriber, status: str, kept_from: str) -> None:
    person.status = status

    reasons = {
        str(kind.value): outbox.reason_to_skip(subscriber=person, kind=kind) for kind in Kind
    }

    expected = dict.fromkeys(kept_from.split(), f"subscriber_{status}")
    assert reasons == {str(kind.value): expected.get(str(kind.value)) for kind in Kind}


def enrollment_out(email: OutgoingEmail) -> None:
    past = Now() - timedelta(seconds=1)
    OutgoingEmail.objects.filter(pk=email.pk).update(lease_expires_at=past)


def test_what_nobody_can_still_be_sending_is_unknown(person: Subscriber) -> None:
    lost = outbox.begin(draft=draft_for(person, "step:1"), now=NOON)
    under_way = outbox.begin(draft=draft_for(person, "step:2"), now=NOON)
    enrollment_out(lost)

    expired = outbox.expire_sending()

    lost.refresh_from_db()
    under_way.refresh_from_db()
    assert expired == 1
    assert (lost.status, lost.last_error, lost.due_at) == (Status.UNKNOWN, outbox.NO_ANSWER, None)
    assert under_way.status == Status.SENDING


def test_a_lost_confirmation_is_sent_again(person: Subscriber) -> None:
    email = mail(person, kind=Kind.CONFIRMATION, status=Status.SENDING, message_id="<1@x>")
    enrollment_out(email)

    expired = outbox.expire_sending()

    email.refresh_from_db()
    assert expired == 1
    assert (email.status, email.message_id, email.lease_token) == (Status.QUEUED, "<1@x>", None)
    assert email.due_at is not None


def test_a_mail_that_was_lost_when_it_was_sent_again_can_be_sent_once_more(
    person: Subscriber,
) -> None:
    email = mail(person, status=Status.UNKNOWN)
    outbox.send_again(email=email, now=NOON)
    outbox.begin_again(email_id=email.pk, now=NOON)
    enrollment_out(email)
    outbox.expire_sending()
    email.refresh_from_db()

    outbox.send_again(email=email, now=LATER)

    email.refresh_from_db()
    assert (email.status, email.due_at) == (Status.QUEUED, LATER)


def test_an_operator_marks_an_unknown_mail_as_sent(person: Subscriber) -> None:
    email = mail(person, status=Status.UNKNOWN)

    outbox.settle_as_sent(email=email, now=LATER)

    email.refresh_from_db()
    assert (email.status, email.sent_at) == (Status.SENT, LATER)


@pytest.mark.parametrize("status", [each for each in Status if each != Status.UNKNOWN])
def test_no_other_mail_is_marked_as_sent(person: Subscriber, status: str) -> None:
    email = mail(person, status=status)

    with pytest.raises(outbox.NotSettled):
        outbox.settle_as_sent(email=email, now=LATER)

    email.refresh_from_db()
    assert (email.status, email.sent_at) == (status, None)


@pytest.mark.parametrize("status", [Status.UNKNOWN, Status.FAILED])
def test_an_operator_sends_a_mail_again_once(person: Subscriber, status: str) -> None:
    email = mail(person, status=status, message_id="<1@x>", reason="")

    outbox.send_again(email=email, now=LATER)
    with pytest.raises(outbox.NotSettled):
        outbox.send_again(email=email, now=LATER)

    email.refresh_from_db()
    assert (email.status, email.due_at, email.message_id) == (Status.QUEUED, LATER, "<1@x>")


@pytest.mark.parametrize("status", [Status.QUEUED, Status.SENDING, Status.SENT, Status.SKIPPED])
def test_no_other_mail_is_sent_again(person: Subscriber, status: str) -> None:
    email = mail(person, status=status)

    with pytest.raises(outbox.NotSettled):
        outbox.send_again(email=email, now=LATER)

    email.refresh_from_db()
    assert (email.status, email.due_at) == (status, None)
