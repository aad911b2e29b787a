"""What operators do for a subscriber: send the confirmation, confirm, unsubscribe, suppress."""

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.test import Client

from config.admin_base import admin_url, view_url
from events.models import Enrollment
from subscribers.models import (
    ConsentRecord,
    ListMembership,
    OutgoingEmail,
    Subscriber,
    Suppression,
)
from tests import factories

Status = Subscriber.Status
Kind = ConsentRecord.Kind


@pytest.fixture
def pending(db: None) -> Subscriber:
    """Somebody who was not asked yet, in a workspace that can ask."""
    person: Subscriber = factories.SubscriberFactory.create(
        email="ada@example.com", pending=True, workspace__from_email="hi@acme.example"
    )
    return person


def offered(client: Client, person: Subscriber) -> list[str]:
    """Return the names of the buttons on the page."""
    buttons = client.get(admin_url(person)).context.get("row_actions", ())
    return [action.name for action, _ in buttons]


def logged() -> list[str]:
    """Return what the log says, oldest first."""
    return [entry.change_message for entry in LogEntry.objects.order_by("pk")]


@pytest.mark.parametrize(
    ("status", "actions"),
    [
        (Status.PENDING, ["ask-again", "confirming", "leaving", "suppressing"]),
        (Status.ACTIVE, ["leaving", "suppressing"]),
        (Status.UNSUBSCRIBED, ["suppressing"]),
        (Status.BOUNCED, ["leaving", "suppressing"]),
    ],
)
def test_only_what_is_lawful_is_offered(
    admin_client: Client, db: None, status: str, actions: list[str]
) -> None:
    found = offered(admin_client, factories.SubscriberFactory.create(status=status))

    always = ["why", "export", "changing-address", "merging", "erasing"]
    assert found == ["editing", "enrolling", *actions, *always]


def test_sending_the_confirmation_again_queues_a_mail_and_records_the_operator(
    admin_client: Client, pending: Subscriber
) -> None:
    page = admin_client.post(view_url(pending, "ask-again"), follow=True).content.decode()

    email = OutgoingEmail.objects.get()
    record = ConsentRecord.objects.get()
    assert "The confirmation is in the outbox." in page
    assert (email.kind, email.status, email.recipient) == (
        "confirmation", "queued", "ada@example.com",
    )  # fmt: skip
    assert (record.kind, record.actor, record.ip) == (Kind.ASKED, "admin", None)
    assert "Waits for confirmation: 1 mail, the last" in page
    assert "queued, not sent (since" in page
    OutgoingEmail.objects.update(status="sent", sent_at=email.created_at)
    sent = admin_client.get(admin_url(pending)).content.decode()
    assert "queued, not sent" not in sent
    assert "Waits for confirmation: 1 mail, the last" in sent
    assert logged() == ["Sent the confirmation again"]


def test_asking_too_often_sends_nothing_and_says_why(
    admin_client: Client, pending: Subscriber
) -> None:
    admin_client.post(view_url(pending, "ask-again"))

    page = admin_client.post(view_url(pending, "ask-again"), follow=True).content.decode()

    assert "Not sent: a confirmation was sent to the mailbox less than 24 hours ago. It can" in page
    assert OutgoingEmail.objects.count() == 1
    assert logged() == ["Sent the confirmation again"]


def test_an_operator_s_confirming_does_what_the_link_does_and_keeps_the_reason(
    admin_client: Client, pending: Subscriber
) -> None:
    factories.ListFactory.create(workspace=pending.workspace, is_default=True, name="News")
    enrollment = factories.EnrollmentFactory.create(
        version__workspace=pending.workspace, subscriber=pending, waiting_confirmation=True
    )

    page = admin_client.post(
        view_url(pending, "confirm"), {"reason": "  Said so\n on the phone "}, follow=True
    ).content.decode()

    record = ConsentRecord.objects.get(kind=Kind.CONFIRMED)
    assert Subscriber.objects.get().status == Status.ACTIVE
    assert ListMembership.objects.get().list.name == "News"
    assert Enrollment.objects.get(pk=enrollment.pk).status != "waiting_confirmation"
    assert (record.method, record.actor) == ("hand", "admin")
    assert record.reason == "Said so on the phone"
    assert "Confirmed by an operator, admin: Said so on the phone" in page
    assert logged() == ["Confirmed: Said so on the phone"]


@pytest.mark.parametrize(
    ("reason", "words"),
    [("", "Give a reason"), ("  ", "Give a reason"), ("x" * 501, "501 characters; at most 500 are"),
     ("a\0b", "control characters")],
)  # fmt: skip
def test_nobody_is_confirmed_without_a_reason(
    admin_client: Client, pending: Subscriber, reason: str, words: str
) -> None:
    page = admin_client.post(view_url(pending, "confirm"), {"reason": reason}, follow=True)

    assert words in page.content.decode()
    assert Subscriber.objects.get().status == Status.PENDING
    assert not ConsentRecord.objects.exists()
    assert logged() == []


@pytest.mark.parametrize("status", [Status.UNSUBSCRIBED, Status.BOUNCED, Status.ACTIVE])
def test_an_operator_cannot_resubscribe_anybody(
    admin_client: Client, db: None, status: str
) -> None:
    person = factories.SubscriberFactory.create(status=status)

    page = admin_client.post(view_url(person, "confirm"), {"reason": "x"}, follow=True)

    assert "Nothing changed" in page.content.decode()
    assert Subscriber.objects.get().status == status
    assert logged() == []


def test_an_operator_s_unsubscribing_ends_marketing_and_keeps_the_reason(
    admin_client: Client, db: None
) -> None:
    enrollment = factories.EnrollmentFactory.create()

    first = admin_client.post(view_url(enrollment.subscriber, "leave"), {"reason": "By phone"})
    again = admin_client.post(
        view_url(enrollment.subscriber, "leave"), {"reason": "By phone"}, follow=True
    )

    record = ConsentRecord.objects.get()
    assert first.status_code == 302
    assert Subscriber.objects.get().status == Status.UNSUBSCRIBED
    assert Enrollment.objects.get().status == "stopped"
    assert (record.kind, record.method, record.actor) == (Kind.LEFT, "hand", "admin")
    assert record.reason == "By phone"
    assert "Nothing changed" in again.content.decode()
    assert logged() == ["Unsubscribed: By phone"]


def test_suppressing_somebody_ends_what_is_under_way(admin_client: Client, db: None) -> None:
    enrollment = factories.EnrollmentFactory.create()
    person = enrollment.subscriber

    page = admin_client.post(
        view_url(person, "suppress"), {"reason": "Asked by letter"}, follow=True
    ).content.decode()

    suppression = Suppression.objects.get()
    assert (suppression.reason, suppression.source) == ("manual", "admin")
    assert (suppression.email, suppression.details) == (person.email, "Asked by letter")
    assert Enrollment.objects.get().status == "stopped"
    assert "Suppressed (manual)" in page
    assert admin_url(suppression) in page
    assert logged() == ["Suppressed: Asked by letter"]
    assert "suppressing" not in offered(admin_client, person)


@pytest.mark.parametrize("action", ["ask-again", "confirm", "leave", "suppress"])
def test_an_action_takes_a_post_with_csrf_and_permission_alone(
    admin_client: Client, admin_user: User, pending: Subscriber, action: str
) -> None:
    address, reason = view_url(pending, action), {"reason": "x"}
    strict, viewer = Client(enforce_csrf_checks=True), Client()
    strict.force_login(admin_user)
    person = User.objects.create(username="viewer", is_staff=True)
    person.user_permissions.add(Permission.objects.get(codename="view_subscriber"))
    viewer.force_login(person)

    assert admin_client.get(address).status_code == 405
    assert strict.post(address, reason).status_code == 403
    assert viewer.post(address, reason).status_code == 403
    assert Subscriber.objects.get().status == Status.PENDING
    assert not ConsentRecord.objects.exists()
    assert not OutgoingEmail.objects.exists()


def test_suppressing_needs_the_permission_to_add_suppressions(
    client: Client, pending: Subscriber
) -> None:
    person = User.objects.create(username="editor", is_staff=True)
    codenames = ["view_subscriber", "change_subscriber"]
    person.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    client.force_login(person)

    answer = client.post(view_url(pending, "suppress"), {"reason": "x"})

    assert answer.status_code == 403
    assert "suppressing" not in offered(client, pending)
    assert not Suppression.objects.exists()


@pytest.mark.parametrize("page", ["confirming", "leaving", "suppressing"])
def test_the_pages_that_ask_first_change_nothing(
    admin_client: Client, pending: Subscriber, page: str
) -> None:
    answer = admin_client.get(view_url(pending, page))

    assert answer.status_code == 200
    assert 'name="reason"' in answer.content.decode()
    assert Subscriber.objects.get().status == Status.PENDING
    assert not Suppression.objects.exists()
