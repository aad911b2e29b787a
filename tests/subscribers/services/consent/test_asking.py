"""Confirmation emails: when one is queued, what it says, and what the ledger records."""

from datetime import timedelta

import pytest

from subscribers.models import Confirmation, ConsentRecord, OutgoingEmail, Subscriber, Workspace
from subscribers.services.consent import asking, ledger, suppressions
from subscribers.services.consent import mail as confirmation_mail
from subscribers.services.consent.asking import Asked
from subscribers.services.consent.ledger import Circumstances
from subscribers.services.consent.suppressions import SuppressionSource
from tests import factories
from tests.support.asking_people import ask, make_pending, question_of, token_in
from tests.support.sequence_making import NOON

pytestmark = pytest.mark.django_db
DAY = timedelta(hours=24)


@pytest.fixture
def workspace(workspace: Workspace) -> Workspace:
    workspace.from_email = "news@example.com"
    workspace.save()
    return workspace


def test_asking_queues_one_mail_that_is_due_and_writes_the_ledger(workspace: Workspace) -> None:
    person = make_pending(workspace)
    key = factories.ApiKeyFactory.create(workspace=workspace)
    event = factories.EventFactory.create(subscriber=person)

    asked = ask(
        person,
        circumstances=Circumstances(api_key=key, request_id="r-1", event_id=event.pk),
    )

    mail = OutgoingEmail.objects.get()
    question = Confirmation.objects.get()
    line = ConsentRecord.objects.get()
    assert asked == Asked(is_queued=True)
    assert (mail.kind, mail.status, mail.due_at) == ("confirmation", "queued", NOON)
    assert mail.cause == f"confirmation:{question.pk.hex}:1"
    assert (mail.sender, mail.recipient) == ("Acme <news@example.com>", "ada@example.com")
    assert (question.mails, question.asked_at, question.asked_by) == (1, NOON, key)
    assert (question.subscriber, question.closed_at) == (person, None)
    assert (line.kind, line.event_id, line.api_key) == ("asked", event.pk, key.prefix)
    text, html = (part.replace(token_in(mail), "") for part in (mail.text, mail.html))
    assert line.text_hash == ledger.hash_of_text(mail.subject, text, html)
    assert "List-Unsubscribe" not in mail.headers


def test_asking_again_sends_another_mail_of_the_same_question(workspace: Workspace) -> None:
    person = make_pending(workspace)
    for number in range(5):
        ask(person, now=NOON + number * DAY)

    question = Confirmation.objects.get()
    causes = OutgoingEmail.objects.order_by("id").values_list("cause", flat=True)
    assert list(causes) == [f"confirmation:{question.pk.hex}:{n}" for n in (1, 2, 3)]
    assert (question.mails, question.asked_at) == (3, NOON + 2 * DAY)
    assert ConsentRecord.objects.count() == 3
    assert OutgoingEmail.objects.values("message_id").distinct().count() == 3


@pytest.mark.parametrize(
    ("status", "asked"),
    [
        ("active", Asked(is_queued=False, reason="already_confirmed")),
        ("bounced", Asked(is_queued=False, reason="suppressed")),
        ("complained", Asked(is_queued=False, reason="suppressed")),
        ("unsubscribed", Asked(is_queued=True)),
    ],
)
def test_only_who_can_say_yes_is_asked(workspace: Workspace, status: str, asked: Asked) -> None:
    person = factories.SubscriberFactory.create(workspace=workspace, status=status)

    assert ask(person) == asked

    assert OutgoingEmail.objects.count() == Confirmation.objects.count() == asked.is_queued


def test_a_suppressed_address_is_not_asked_whoever_has_it(workspace: Workspace) -> None:
    suppressions.suppress(
        workspace=workspace,
        address="Ada@Example.com",
        reason=suppressions.Reason.MANUAL,
        source=SuppressionSource.ADMIN,
        now=NOON,
    )
    person = make_pending(workspace)

    asked = ask(person)

    assert asked == Asked(is_queued=False, reason="suppressed")
    assert not OutgoingEmail.objects.exists()


def test_who_was_refused_has_a_question_that_can_be_given_up(workspace: Workspace) -> None:
    ask(make_pending(workspace, "ada+1@example.com"))
    person = make_pending(workspace, "ada+2@example.com")

    asked = ask(person)

    question = question_of(person)
    assert asked == Asked(is_queued=False, reason="asked_recently", retry_at=NOON + DAY)
    assert (question.mails, question.closed_at) == (0, None)


def test_who_left_and_is_refused_has_none(workspace: Workspace) -> None:
    ask(make_pending(workspace, "ada+1@example.com"))
    person = factories.SubscriberFactory.create(
        workspace=workspace, email="ada@example.com", unsubscribed=True
    )

    asked = ask(person)

    assert asked == Asked(is_queued=False, reason="asked_recently", retry_at=NOON + DAY)
    assert not person.confirmations.exists()


def test_the_count_outlives_the_person(workspace: Workspace) -> None:
    for number in range(4):
        person = make_pending(workspace)
        asked = ask(person, now=NOON + number * DAY)
        Subscriber.objects.all().delete()

    assert asked == Asked(is_queued=False, reason="asked_too_often")


def test_a_test_key_s_mail_is_stored_once_and_counts_for_nothing(workspace: Workspace) -> None:
    person = make_pending(workspace)

    said = [
        asking.ask(subscriber=person, circumstances=ledger.NOTHING_KNOWN, now=NOON, is_test=True)
        for _ in range(2)
    ]

    mail = OutgoingEmail.objects.get()
    assert set(said) == {Asked(is_queued=False, reason="test_key")}
    assert (mail.status, mail.reason, mail.due_at) == ("skipped", "test_key", None)
    assert question_of(person).mails == 0
    assert not ConsentRecord.objects.exists()
    assert ask(person) == Asked(is_queued=True)


def test_nobody_is_asked_who_is_gone(workspace: Workspace) -> None:
    person = make_pending(workspace)
    Subscriber.objects.all().delete()

    assert ask(person) == Asked(is_queued=False, reason="unknown")


def test_the_mail_is_the_workspace_s_own_template(workspace: Workspace) -> None:
    workspace.confirmation_subject = "Hi {{subscriber.firstName}}"
    workspace.confirmation_html = (
        "<p>At {{workspace.name}}: <a href='{{DOUBLE_OPT_IN_URL}}'>Yes</a></p>"
    )
    workspace.save()
    person = make_pending(workspace, first_name="<Ada>\r\nBcc: x@example.com")

    ask(person)

    mail = OutgoingEmail.objects.get()
    assert mail.subject == "Hi <Ada> Bcc: x@example.com"
    assert "At Acme:" in mail.html
    assert f"/c/{token_in(mail)}" in mail.html


@pytest.mark.parametrize(
    "columns",
    [
        {"confirmation_html": "<p>{{ nonsense"},
        {"confirmation_html": "<p>Without the link</p>"},
        {"confirmation_text": "{{DOUBLE_OPT_IN_URL}}", "confirmation_html": "<p>Without</p>"},
        {"confirmation_subject": "{% for x in y %}"},
        {"confirmation_text": "{{DOUBLE_OPT_IN_URL | truncate: 20}}"},
    ],
)
def test_a_template_that_cannot_be_used_gives_way_to_ours(
    workspace: Workspace, columns: dict[str, str]
) -> None:
    Workspace.objects.update(**columns)

    asked = ask(make_pending(workspace))

    mail = OutgoingEmail.objects.get()
    assert asked.is_queued
    assert mail.subject == "Please confirm your address for Acme"
    assert f"/c/{token_in(mail)}" in mail.html


def test_our_mail_says_nothing_that_a_request_brought_in(workspace: Workspace) -> None:
    person = make_pending(
        workspace, first_name="Buy", last_name="at evil.example", attributes={"plan": "evil"}
    )

    ask(person)

    mail = OutgoingEmail.objects.get()
    for part in (mail.subject, mail.text, mail.html):
        assert "evil" not in part
        assert "Buy" not in part
    assert "<style" not in confirmation_mail.OURS.html.partition("<body>")[2]


def test_a_workspace_without_a_sender_queues_a_mail_that_waits_for_one(
    workspace: Workspace,
) -> None:
    Workspace.objects.update(from_email="")

    asked = ask(make_pending(workspace))

    assert asked.is_queued
    assert OutgoingEmail.objects.get().sender == ""
