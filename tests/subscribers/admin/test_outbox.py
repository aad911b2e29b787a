"""The outbox shows each mail, runs nothing of it, and resolves unknown deliveries."""

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.test import Client

from config.admin_base import admin_url, list_url, view_url
from subscribers.admin import mail_words
from subscribers.models import OutgoingEmail
from tests import factories
from tests.factories.sequences import NOON

Status = OutgoingEmail.Status


def offered(client: Client, email: OutgoingEmail) -> list[str]:
    """Return the names of the buttons on the page."""
    buttons = client.get(admin_url(email)).context.get("row_actions", ())
    return [action.name for action, _ in buttons]


def test_list_and_page_give_the_same_reason_while_mail_is_paused(
    admin_client: Client, db: None
) -> None:
    email = factories.OutgoingEmailFactory.create(
        subscriber__workspace__is_mail_paused=True,
        reason="mail_deferred",
        last_error="451 Too many messages",
    )

    listed = admin_client.get(list_url(OutgoingEmail, because="mail_deferred")).content.decode()
    page = admin_client.get(admin_url(email)).content.decode()

    words = "the workspace&#x27;s mail is paused; before that the mail server deferred the mail"
    assert words in listed
    assert words in page
    assert "451 Too many messages" not in listed


def test_the_page_of_a_mail_that_waits_names_its_enrollment(admin_client: Client, db: None) -> None:
    enrollment = factories.EnrollmentFactory.create()
    email = factories.OutgoingEmailFactory.create(
        subscriber=enrollment.subscriber, cause=enrollment.mail_cause
    )
    other = factories.OutgoingEmailFactory.create(cause=f"step:{email.pk.hex}::1")

    pages = [admin_client.get(admin_url(each)).content.decode() for each in (email, other)]

    link = f'<a href="{admin_url(enrollment)}">Enrollment</a> in'
    assert [link in page for page in pages] == [True, False]


def test_the_page_shows_the_mail_and_whose_it_is(admin_client: Client, db: None) -> None:
    email = factories.OutgoingEmailFactory.create(
        subject="Hello Ada",
        html="<p>Bonjour</p>",
        text="Salut <you>",
        headers={"List-Unsubscribe": "<https://example.com/u/1>"},
    )
    enrollment = factories.StepRunFactory.create(email=email).enrollment

    page = admin_client.get(admin_url(email)).content.decode()

    assert "Hello Ada" in page
    assert "Salut &lt;you&gt;" in page
    assert "&lt;https://example.com/u/1&gt;" in page
    assert f'sandbox="" title="The mail" src="{view_url(email, "preview")}"' in page
    assert "Bonjour" not in page
    assert admin_url(enrollment) in page
    assert admin_url(email.subscriber) in page


def test_a_mail_of_plain_text_has_no_frame(admin_client: Client, db: None) -> None:
    page = admin_client.get(admin_url(factories.OutgoingEmailFactory.create())).content.decode()

    assert "<iframe" not in page
    assert "This mail is plain text." in page


def test_the_preview_is_the_html_under_a_policy_that_lets_nothing_run(
    admin_client: Client, db: None
) -> None:
    email = factories.OutgoingEmailFactory.create(html="<script>alert(1)</script>")

    answer = admin_client.get(view_url(email, "preview"))
    page = admin_client.get(admin_url(email))

    assert answer.content == b"<script>alert(1)</script>"
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith(
        "sandbox; default-src 'none'; img-src data: https:; style-src 'unsafe-inline'"
    )
    assert "script" not in policy
    assert answer.headers["X-Frame-Options"] == "SAMEORIGIN"
    assert "no-store" in answer.headers["Cache-Control"]
    assert page.headers["X-Frame-Options"] == "DENY"
    assert "sandbox" not in page.headers["Content-Security-Policy"]


def test_the_preview_is_for_those_who_may_look(client: Client, db: None) -> None:
    address = view_url(factories.OutgoingEmailFactory.create(html="<p>x</p>"), "preview")
    anonymous = client.get(address)
    person = User.objects.create(username="intern", is_staff=True)
    client.force_login(person)
    intern = client.get(address)
    person.user_permissions.add(Permission.objects.get(codename="view_outgoingemail"))

    assert anonymous.status_code == 302
    assert intern.status_code == 403
    assert client.get(address).status_code == 200
    assert client.post(address).status_code == 405


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"status": Status.SKIPPED, "reason": "test_key"}, "Not sent: a test key led to it"),
        ({"status": Status.SKIPPED, "reason": "new_word"}, "Not sent: new word."),
        ({"status": Status.FAILED, "last_error": "550 no such user"}, "Refused: 550 no such user"),
        ({"status": Status.UNKNOWN, "last_error": "reset"}, "it may have arrived."),
        ({"status": Status.SENDING}, "A worker is handing it over right now."),
        ({"status": Status.SENT}, "Handed over."),
        ({"status": Status.QUEUED, "last_error": "421 later"}, "last time: 421 later"),
        ({"status": Status.QUEUED, "reason": "no_sender"}, "has no address that mail comes from"),
        (
            {"status": Status.QUEUED, "reason": "confirmations_delayed", "due_at": NOON},
            "many confirmations were sent in one hour. It is tried again at 2026-11-24 12:00",
        ),
        (
            {"status": Status.QUEUED, "reason": "mail_paused", "due_at": NOON},
            "It waits: mail is paused. It is tried again at 2026-11-24 12:00",
        ),
        ({"status": Status.SKIPPED, "reason": "already_confirmed"}, "has confirmed already"),
        ({"status": Status.QUEUED}, "It is sent as soon as a worker is free."),
        ({"status": Status.QUEUED, "paused": True}, "mail is paused"),
    ],
)
def test_the_page_says_what_became_of_it(
    admin_client: Client, db: None, columns: dict[str, Any], words: str
) -> None:
    is_paused = columns.pop("paused", False)
    email = factories.OutgoingEmailFactory.create(
        subscriber__workspace__is_mail_paused=is_paused, **columns
    )

    assert words in admin_client.get(admin_url(email)).content.decode()


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"status": Status.QUEUED}, "too many confirmations were sent in one hour"),
        ({"status": Status.SENT}, "-"),
        ({"status": Status.FAILED, "last_error": "550 no such user"}, "550 no such user"),
    ],
)
def test_the_list_shows_why_a_mail_waits_only_while_it_waits(
    db: None, columns: dict[str, Any], words: str
) -> None:
    email = factories.OutgoingEmailFactory.create(reason="confirmations_delayed", **columns)

    assert mail_words.note(email) == words


@pytest.mark.parametrize("text", ["{eml}", "ADA@Example.com", "user-1"])
def test_mails_are_found_by_id_and_by_person(admin_client: Client, db: None, text: str) -> None:
    email = factories.OutgoingEmailFactory.create(
        subscriber__email="ada@example.com", subscriber__external_id="user-1"
    )
    factories.OutgoingEmailFactory.create()

    address = list_url(OutgoingEmail, q=text.format(eml=email.public_id))
    rows = admin_client.get(address).context["cl"].result_list

    assert [row.pk for row in rows] == [email.pk]


def test_unknown_mails_are_found_by_the_filter(admin_client: Client, db: None) -> None:
    email = factories.OutgoingEmailFactory.create(unknown=True)
    factories.OutgoingEmailFactory.create(sent=True)

    rows = admin_client.get(list_url(OutgoingEmail, status__exact="unknown")).context["cl"]

    assert [row.pk for row in rows.result_list] == [email.pk]


@pytest.mark.parametrize(
    ("status", "actions"),
    [
        (Status.UNKNOWN, ["it-arrived", "send-again"]),
        (Status.FAILED, ["send-again"]),
        (Status.SENT, []),
        (Status.QUEUED, []),
        (Status.SENDING, []),
        (Status.SKIPPED, []),
    ],
)
def test_only_what_is_lawful_is_offered(
    admin_client: Client, db: None, status: str, actions: list[str]
) -> None:
    assert offered(admin_client, factories.OutgoingEmailFactory.create(status=status)) == actions


def test_an_unknown_mail_is_marked_as_sent(admin_client: Client, db: None) -> None:
    email = factories.OutgoingEmailFactory.create(unknown=True)

    admin_client.post(view_url(email, "it-arrived"))

    email.refresh_from_db()
    assert email.status == Status.SENT
    assert email.sent_at is not None
    assert LogEntry.objects.get().change_message == "Marked as sent"


@pytest.mark.parametrize("status", [Status.UNKNOWN, Status.FAILED])
def test_a_mail_is_sent_again_with_the_same_message_id(
    admin_client: Client, db: None, status: str
) -> None:
    email = factories.OutgoingEmailFactory.create(status=status)

    admin_client.post(view_url(email, "send-again"))

    stored = OutgoingEmail.objects.get()
    assert stored.status == Status.QUEUED
    assert stored.due_at is not None
    assert stored.message_id == email.message_id
    assert LogEntry.objects.get().change_message == "Queued again"


@pytest.mark.parametrize("action", ["it-arrived", "send-again"])
def test_a_mail_that_was_sent_stays_so(admin_client: Client, db: None, action: str) -> None:
    email = factories.OutgoingEmailFactory.create(sent=True)

    page = admin_client.post(view_url(email, action), follow=True).content.decode()

    assert "Only a mail" in page
    assert OutgoingEmail.objects.get().status == Status.SENT
    assert not LogEntry.objects.exists()


@pytest.mark.parametrize("action", ["it-arrived", "send-again"])
def test_an_action_takes_a_post_with_csrf_and_permission_alone(
    admin_client: Client, admin_user: User, action: str
) -> None:
    email = factories.OutgoingEmailFactory.create(unknown=True)
    strict, viewer = Client(enforce_csrf_checks=True), Client()
    strict.force_login(admin_user)
    person = User.objects.create(username="viewer", is_staff=True)
    person.user_permissions.add(Permission.objects.get(codename="view_outgoingemail"))
    viewer.force_login(person)

    assert admin_client.get(view_url(email, action)).status_code == 405
    assert strict.post(view_url(email, action)).status_code == 403
    assert viewer.post(view_url(email, action)).status_code == 403
    assert OutgoingEmail.objects.get().status == Status.UNKNOWN


def test_a_subscriber_s_page_shows_their_enrollments_and_mails(
    admin_client: Client, db: None
) -> None:
    enrollment = factories.EnrollmentFactory.create(version__sequence__name="Welcome")
    person = enrollment.subscriber
    skipped = factories.OutgoingEmailFactory.create(
        subscriber=person, subject="", skipped=True, reason="subscriber_unsubscribed"
    )
    for number in range(20):
        factories.OutgoingEmailFactory.create(subscriber=person, subject=f"mail {number:02}")

    page = admin_client.get(admin_url(person)).content.decode()

    link = f'<a href="{admin_url(enrollment)}">Welcome</a>'
    assert f"{link}: active, at 1. End here, due <time" in page
    assert ">mail 19</a>” queued" in page
    assert f'<a href="{admin_url(skipped)}">(no subject)</a>” skipped' in page
    assert f"subscriber__id__exact={person.pk}" in page
    mails = admin_client.get(list_url(OutgoingEmail, subscriber__id__exact=person.pk))
    assert "the person has unsubscribed" in mails.content.decode()
