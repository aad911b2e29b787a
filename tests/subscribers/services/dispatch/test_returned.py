"""What follows from mail that came back: by the token alone, and once."""

from datetime import UTC, datetime, timedelta

import pytest
from pytest_django.fixtures import Settings

from events.models import Enrollment
from subscribers.models import ConsentRecord, OutgoingEmail, Subscriber, Suppression
from subscribers.services.dispatch import returned
from tests import factories
from tests.support import returned_mail
from tests.support.returned_mail import RETURN_PATH, UNSUBSCRIBE, complaint, dsn, plain

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
Status = OutgoingEmail.Status


@pytest.fixture(autouse=True)
def addresses(settings: Settings) -> None:
    settings.RETURN_PATH, settings.UNSUBSCRIBE_MAILTO = RETURN_PATH, UNSUBSCRIBE


@pytest.fixture
def person() -> Subscriber:
    return factories.SubscriberFactory.create(email="ada@example.org")


@pytest.fixture
def email(person: Subscriber) -> OutgoingEmail:
    return factories.OutgoingEmailFactory.create(subscriber=person, sent=True)


def take(content: bytes, now: datetime = NOON) -> bool:
    return returned.take(content=content, now=now)


def status_of(person: Subscriber) -> str:
    return Subscriber.objects.get(pk=person.pk).status


def test_a_hard_bounce_suppresses_the_address_and_stops_enrollments(
    person: Subscriber, email: OutgoingEmail
) -> None:
    enrollment = factories.EnrollmentFactory.create(subscriber=person)

    assert take(dsn(returned_mail.address_of(email)))

    stored = Suppression.objects.get()
    assert (stored.reason, stored.source, stored.email) == (
        "hard_bounce",
        "mail",
        "ada@example.org",
    )
    assert stored.details.startswith("550 5.1.1")
    assert status_of(person) == "bounced"
    assert Enrollment.objects.get(pk=enrollment.pk).reason == "suppressed"
    email.refresh_from_db()
    assert (email.status, email.reason) == (Status.SENT, "bounced_later")


def test_the_same_notice_twice_changes_nothing(email: OutgoingEmail) -> None:
    content = dsn(returned_mail.address_of(email))

    assert take(content)
    assert take(content, NOON + timedelta(hours=1))

    assert Suppression.objects.get().bounces == 1
    assert ConsentRecord.objects.count() == 1


def test_a_soft_bounce_suppresses_nobody_and_settles_an_unknown_mail(person: Subscriber) -> None:
    email = factories.OutgoingEmailFactory.create(subscriber=person, status=Status.UNKNOWN)

    delayed = dsn(returned_mail.address_of(email), action="delayed", status="4.4.1")
    assert take(delayed)

    email.refresh_from_db()
    assert (email.status, status_of(person)) == (Status.SENT, "active")
    assert not Suppression.objects.exists()


def test_a_complaint_suppresses(person: Subscriber, email: OutgoingEmail) -> None:
    assert take(complaint(returned_mail.address_of(email)))

    assert status_of(person) == "complained"
    assert Suppression.objects.get().reason == "complaint"


def test_the_token_survives_new_settings(settings: Settings, email: OutgoingEmail) -> None:
    content = dsn(returned_mail.address_of(email).upper())
    settings.SECRET_KEY = "another" * 10

    assert take(content)


@pytest.mark.parametrize("place", [8, 20, -20])
def test_a_forged_token_does_nothing(person: Subscriber, email: OutgoingEmail, place: int) -> None:
    address = returned_mail.address_of(email)
    other = "b" if address[place] != "b" else "c"
    forged = address[:place] + other + (address[place + 1 :] if place + 1 else "")

    assert not take(dsn(forged))
    assert not take(dsn("bounces@mail.example.com", returned=f"To: {person.email}\n\n"))

    assert status_of(person) == "active"


def test_a_token_of_another_mail_s_id_does_nothing(email: OutgoingEmail) -> None:
    other = factories.OutgoingEmailFactory.create(sent=True)
    mine, theirs = (returned_mail.address_of(each) for each in (email, other))

    # The other mail's id with this mail's mark.
    assert not take(dsn(theirs[: 8 + 26] + mine[8 + 26 :]))


def test_a_mail_that_is_not_stored_does_nothing(email: OutgoingEmail) -> None:
    content = dsn(returned_mail.address_of(email))
    email.delete()

    assert not take(content)


def test_a_mail_to_leave_unsubscribes_its_person_once(person: Subscriber) -> None:
    content = plain(returned_mail.leaving_address_of(person), "", sender=person.email)

    assert take(content)
    assert take(content, NOON + timedelta(days=1))

    assert status_of(person) == "unsubscribed"
    record = ConsentRecord.objects.get()
    assert (record.kind, record.method) == ("left", "mail")


def test_a_forged_mail_to_leave_does_nothing(person: Subscriber) -> None:
    stranger = factories.SubscriberFactory.create()
    # The right id, and another person's secret.
    forged = Subscriber(pk=person.pk, unsubscribe_token=stranger.unsubscribe_token)

    assert not take(plain(returned_mail.leaving_address_of(forged), "", sender=person.email))
    assert not take(plain("leave@mail.example.com", "unsubscribe", sender=person.email))
    assert status_of(person) == "active"


def test_without_the_settings_nothing_is_read(settings: Settings, email: OutgoingEmail) -> None:
    content = dsn(returned_mail.address_of(email))
    settings.RETURN_PATH = settings.UNSUBSCRIBE_MAILTO = ""

    assert not take(content)
