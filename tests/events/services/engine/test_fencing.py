"""The fence: the last checks, and mails that an earlier attempt left."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core import mail
from pytest_django.fixtures import Settings

from events.models import Enrollment, StepRun
from subscribers.models import OutgoingEmail, Subscriber, Workspace
from subscribers.services.outbox import outbox
from tests import factories
from tests.support.engine_running import begin, outcomes
from tests.support.sequence_making import MAIL, NOON, make_sequence
from tests.support.time_travel import TimeTravel

pytestmark = pytest.mark.django_db
Status = Enrollment.Status
MailStatus = OutgoingEmail.Status
HOUR = timedelta(hours=1)
RECEIPT = {"type": "email", "subject": "Receipt", "text": ".", "isTransactional": True}


@pytest.fixture
def person(workspace: Workspace) -> Subscriber:
    return factories.SubscriberFactory.create(workspace=workspace, email="ada@example.com")


@pytest.fixture
def travel() -> TimeTravel:
    return TimeTravel(NOON)


def earlier_mail(enrollment: Enrollment, status: str, **columns: Any) -> OutgoingEmail:
    """Return the mail that an earlier attempt of the enrollment's step left."""
    return factories.OutgoingEmailFactory.create(
        subscriber=enrollment.subscriber, cause=enrollment.mail_cause, status=status, **columns
    )


def subjects() -> list[str]:
    return [str(each.subject) for each in mail.outbox]


@pytest.mark.parametrize(
    ("status", "ends_as", "outcome"),
    [
        (MailStatus.SENT, Status.COMPLETED, {"email": "sent"}),
        (MailStatus.UNKNOWN, Status.COMPLETED, {"email": "unknown"}),
        (MailStatus.SKIPPED, Status.COMPLETED, {"reason": "not_in_allow_list"}),
        (MailStatus.FAILED, Status.COMPLETED, {"email": "failed", "action": "continue"}),
    ],
)
def test_a_mail_that_an_earlier_attempt_settled_does_not_leave_again(
    person: Subscriber, travel: TimeTravel, status: str, ends_as: str, outcome: dict[str, Any]
) -> None:
    enrollment = begin(make_sequence(person.workspace, MAIL), person)
    row = earlier_mail(enrollment, status, reason="not_in_allow_list", last_error="550 No")

    travel.run_for(HOUR)

    enrollment.refresh_from_db()
    assert mail.outbox == []
    assert enrollment.status == ends_as
    assert outcomes(enrollment) == [outcome]
    row.refresh_from_db()
    assert (row.status, row.attempts) == (status, 0)


def test_a_mail_that_an_earlier_attempt_queued_leaves_as_it_is(
    person: Subscriber, travel: TimeTravel
) -> None:
    enrollment = begin(make_sequence(person.workspace, MAIL), person)
    row = earlier_mail(enrollment, MailStatus.QUEUED, subject="As it was", attempts=1)

    travel.tick()

    row.refresh_from_db()
    assert subjects() == ["As it was"]
    assert mail.outbox[0].message()["Message-ID"] == row.message_id
    assert (row.status, row.attempts) == (MailStatus.SENT, 2)
    assert StepRun.objects.get(enrollment=enrollment).email == row


def test_a_mail_that_a_dead_worker_was_sending_is_waited_for_then_unknown(
    person: Subscriber, travel: TimeTravel
) -> None:
    enrollment = begin(make_sequence(person.workspace, MAIL), person)
    lease_ends = datetime.now(tz=UTC) - timedelta(seconds=1)
    row = earlier_mail(
        enrollment, MailStatus.SENDING, lease_expires_at=lease_ends, sending_since=NOON
    )
    OutgoingEmail.objects.filter(pk=row.pk).update(lease_expires_at=NOON + HOUR)

    travel.tick()
    enrollment.refresh_from_db()
    waits = (enrollment.status, enrollment.due_at, enrollment.attempts, enrollment.lease_token)
    OutgoingEmail.objects.filter(pk=row.pk).update(lease_expires_at=lease_ends)
    outbox.expire_sending()
    travel.run_for(2 * HOUR)

    assert waits == (Status.ACTIVE, NOON + HOUR + timedelta(seconds=1), 0, None)
    enrollment.refresh_from_db()
    row.refresh_from_db()
    assert (enrollment.status, row.status) == (Status.COMPLETED, MailStatus.UNKNOWN)
    assert outcomes(enrollment) == [{"email": "unknown"}]
    assert mail.outbox == []


def test_an_operator_finds_that_an_unknown_mail_arrived(
    person: Subscriber, travel: TimeTravel
) -> None:
    enrollment = begin(make_sequence(person.workspace, MAIL, {"type": "delay", "days": 1}), person)
    row = earlier_mail(enrollment, MailStatus.UNKNOWN)
    travel.tick()

    outbox.settle_as_sent(email=row, now=NOON)

    row.refresh_from_db()
    enrollment.refresh_from_db()
    assert (row.status, row.sent_at) == (MailStatus.SENT, NOON)
    assert (enrollment.status, enrollment.due_at) == (Status.WAITING, NOON + timedelta(days=1))


@pytest.mark.parametrize(
    ("status", "step", "reason"),
    [
        ("unsubscribed", MAIL, "subscriber_unsubscribed"),
        ("bounced", RECEIPT, "subscriber_bounced"),
        ("complained", RECEIPT, "subscriber_complained"),
        ("pending", MAIL, "subscriber_pending"),
    ],
)
def test_a_queued_mail_that_must_not_leave_any_more_says_so(
    person: Subscriber, travel: TimeTravel, status: str, step: dict[str, Any], reason: str
) -> None:
    enrollment = begin(make_sequence(person.workspace, step), person)
    row = earlier_mail(enrollment, MailStatus.QUEUED)
    Subscriber.objects.update(status=status)

    travel.tick()

    row.refresh_from_db()
    assert mail.outbox == []
    assert (row.status, row.reason) == (MailStatus.SKIPPED, reason)
    step_run = StepRun.objects.get(enrollment=enrollment)
    assert (step_run.status, step_run.outcome, step_run.email) == (
        "skipped",
        {"reason": reason},
        row,
    )


@pytest.mark.parametrize("is_repeated", [True, False])
def test_only_allowed_addresses_get_mail(
    person: Subscriber, travel: TimeTravel, settings: Settings, is_repeated: bool
) -> None:
    settings.EMAIL_ALLOW = ["example.org", "bob@example.com"]
    bob = factories.SubscriberFactory.create(workspace=person.workspace, email="Bob@example.com")
    sequence = make_sequence(person.workspace, MAIL)
    enrollment = begin(sequence, person)
    begin(sequence, bob)
    if is_repeated:
        earlier_mail(enrollment, MailStatus.QUEUED)

    travel.tick()

    assert [each.to for each in mail.outbox] == [["Bob@example.com"]]
    row = OutgoingEmail.objects.get(subscriber=person)
    assert (row.status, row.reason) == (MailStatus.SKIPPED, "not_in_allow_list")
    enrollment.refresh_from_db()
    assert enrollment.status == Status.COMPLETED
    assert outcomes(enrollment) == [{"reason": "not_in_allow_list"}]


@pytest.mark.parametrize("last_error", ["", "The worker ended."])
def test_the_installations_switch_holds_mail_for_as_long_as_it_is_on(
    person: Subscriber, travel: TimeTravel, settings: Settings, last_error: str
) -> None:
    settings.MAIL_PAUSED = True
    enrollment = begin(make_sequence(person.workspace, MAIL), person, last_error=last_error)

    travel.run_for(2 * HOUR)
    enrollment.refresh_from_db()
    held = (enrollment.status, enrollment.reason, enrollment.attempts)
    settings.MAIL_PAUSED = False
    travel.run_for(HOUR)

    assert held == (Status.ACTIVE, "mail_paused", 0)
    assert len(mail.outbox) == 1


def test_the_cap_counts_what_may_have_arrived_in_its_hours(
    person: Subscriber, travel: TimeTravel
) -> None:
    Workspace.objects.update(mail_cap=3, mail_cap_hours=24)
    for status, hours in [
        ("sent", 25),
        ("sent", 20),
        ("unknown", 10),
        ("sending", 5),
        ("failed", 1),
    ]:
        factories.OutgoingEmailFactory.create(
            subscriber=person, status=status, sending_since=NOON - hours * HOUR
        )
    begin(make_sequence(person.workspace, MAIL), person)

    travel.tick()
    enrollment = Enrollment.objects.get()
    capped = (enrollment.status, enrollment.reason, enrollment.due_at, enrollment.attempts)
    travel.run_for(5 * HOUR)

    # The one of 20 hours ago makes room in four.
    assert capped == (Status.ACTIVE, "mail_cap", NOON + 4 * HOUR, 0)
    row = OutgoingEmail.objects.get(sent_at__isnull=False)
    assert row.sent_at == NOON + 4 * HOUR


def test_the_cap_spares_transactional_mail_and_other_people(
    person: Subscriber, travel: TimeTravel
) -> None:
    Workspace.objects.update(mail_cap=1, mail_cap_hours=24)
    other = factories.SubscriberFactory.create(workspace=person.workspace, email="bob@example.com")
    factories.OutgoingEmailFactory.create(subscriber=person, status="sent", sending_since=NOON)
    begin(make_sequence(person.workspace, RECEIPT), person)
    begin(make_sequence(person.workspace, MAIL), other)

    travel.tick()

    assert sorted((each.subject, *each.to) for each in mail.outbox) == [
        ("Hello", "bob@example.com"),
        ("Receipt", "ada@example.com"),
    ]


def test_without_a_from_address_the_step_fails_and_says_so(
    person: Subscriber, travel: TimeTravel
) -> None:
    sequence = make_sequence(person.workspace, MAIL)
    sequence.versions.update(from_email="")
    enrollment = begin(sequence, person)

    travel.tick()

    enrollment.refresh_from_db()
    assert (enrollment.status, enrollment.last_error) == (
        Status.FAILED,
        "Neither the sequence nor the workspace has a from address.",
    )
    assert not OutgoingEmail.objects.exists()


def test_a_failed_step_that_an_operator_retries_makes_another_mail(
    person: Subscriber, travel: TimeTravel
) -> None:
    enrollment = begin(make_sequence(person.workspace, MAIL), person, visit=2)
    failed = factories.OutgoingEmailFactory.create(
        subscriber=person,
        cause=enrollment.mail_cause.removesuffix(":2") + ":1",
        status=MailStatus.FAILED,
    )

    travel.tick()

    sent = OutgoingEmail.objects.exclude(pk=failed.pk).get()
    assert sent.status == MailStatus.SENT
    assert sent.message_id != failed.message_id
    assert StepRun.objects.get(enrollment=enrollment).visit == 2
