"""What follows from a delivery service's reports."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest

from events.models import Enrollment
from subscribers.models import ConsentRecord, OutgoingEmail, Subscriber, Suppression, Workspace
from subscribers.services.dispatch import reports as delivery_reports
from subscribers.services.dispatch.reports import News, Report
from tests import factories

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
Status = OutgoingEmail.Status


@pytest.fixture
def person(workspace: Workspace) -> Subscriber:
    return factories.SubscriberFactory.create(workspace=workspace, email="ada@example.com")


def take(*reports: Report) -> None:
    delivery_reports.take(reports=reports, now=NOON)


def mail_to(person: Subscriber, status: str = Status.SENT) -> OutgoingEmail:
    return factories.OutgoingEmailFactory.create(subscriber=person, status=status)


@pytest.mark.parametrize(
    ("news", "status", "reason"),
    [
        (News.HARD_BOUNCE, "bounced", "hard_bounce"),
        (News.COMPLAINT, "complained", "complaint"),
    ],
)
def test_a_bounce_or_complaint_suppresses_the_mail_s_address_in_its_workspace(
    person: Subscriber, news: News, status: str, reason: str
) -> None:
    elsewhere = factories.SubscriberFactory.create(email="ada@example.com")
    mail_to(elsewhere)
    email = mail_to(person)

    take(Report(recipient="ada@example.com", email_id=email.pk, news=news, details="550 5.1.1 No"))

    person.refresh_from_db()
    elsewhere.refresh_from_db()
    stored = Suppression.objects.get()
    assert (person.status, elsewhere.status) == (status, "active")
    assert (stored.workspace, stored.reason, stored.source) == (
        person.workspace,
        reason,
        "webhook",
    )
    assert stored.details == "550 5.1.1 No"


def test_without_the_mail_s_id_everybody_is_meant_who_was_written_to(person: Subscriber) -> None:
    elsewhere, never = (factories.SubscriberFactory.create(email="ada@example.com") for _ in "ab")
    mail_to(person)
    mail_to(elsewhere)
    mail_to(never, Status.SKIPPED)

    take(Report(recipient="ADA@example.com", news=News.HARD_BOUNCE))

    statuses = [Subscriber.objects.get(pk=each.pk).status for each in (person, elsewhere, never)]
    assert statuses == ["bounced", "bounced", "active"]


def test_a_mail_that_is_not_known_leaves_its_recipient_to_be_found(person: Subscriber) -> None:
    mail_to(person)

    take(Report(recipient="ada@example.com", email_id=uuid4(), news=News.HARD_BOUNCE))

    person.refresh_from_db()
    assert person.status == "bounced"


@pytest.mark.parametrize("recipient", ["", "nobody", "stranger@example.com", "\x00@x", "a" * 1000])
def test_an_unknown_recipient_is_ignored(person: Subscriber, recipient: str) -> None:
    mail_to(person)

    take(Report(recipient=recipient, news=News.HARD_BOUNCE))

    assert not Suppression.objects.exists()
    assert not ConsentRecord.objects.exists()


def test_an_unsubscribe_at_the_service_unsubscribes(person: Subscriber) -> None:
    enrollment = factories.EnrollmentFactory.create(workspace=person.workspace, subscriber=person)

    take(Report(recipient="x", email_id=mail_to(person).pk, news=News.UNSUBSCRIBED, is_taken=True))

    person.refresh_from_db()
    enrollment.refresh_from_db()
    assert person.status == "unsubscribed"
    assert (enrollment.status, enrollment.reason) == (Enrollment.Status.STOPPED, "unsubscribed")
    assert ConsentRecord.objects.get().method == "service"


@pytest.mark.parametrize(
    ("status", "after"),
    [
        (Status.UNKNOWN, Status.SENT),
        (Status.SENDING, Status.SENT),
        (Status.SENT, Status.SENT),
        (Status.QUEUED, Status.QUEUED),
        (Status.FAILED, Status.FAILED),
        (Status.SKIPPED, Status.SKIPPED),
    ],
)
def test_a_mail_that_the_service_had_was_sent(person: Subscriber, status: str, after: str) -> None:
    email = mail_to(person, status)

    take(Report(recipient="ada@example.com", email_id=email.pk, is_taken=True))

    email.refresh_from_db()
    assert email.status == after
    assert (email.sent_at == NOON) is (status in {Status.UNKNOWN, Status.SENDING})


def test_a_mail_that_waits_to_leave_again_does_not_once_the_service_has_it(
    person: Subscriber,
) -> None:
    email = factories.OutgoingEmailFactory.create(
        subscriber=person, due_at=NOON, sending_since=NOON, last_error="No answer came."
    )

    take(Report(recipient="ada@example.com", email_id=email.pk, is_taken=True))

    email.refresh_from_db()
    assert (email.status, email.sent_at) == (Status.SENT, NOON)
    assert (email.due_at, email.last_error) == (None, "")


def test_a_report_that_does_not_say_that_the_service_had_it_settles_nothing(
    person: Subscriber,
) -> None:
    email = mail_to(person, Status.UNKNOWN)

    take(Report(recipient="ada@example.com", email_id=email.pk))

    email.refresh_from_db()
    assert email.status == Status.UNKNOWN
