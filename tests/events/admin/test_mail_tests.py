"""A test of a mail, sent to an operator: it looks as the mail does and acts for nobody."""

import email
import email.policy
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.test import Client
from pytest_django.fixtures import Settings

from config.admin_base import view_url
from events.admin.mail_previewing import MOST_TESTS, TEST_OF
from events.models import Sequence, StepRun
from subscribers.models import OutgoingEmail, Subscriber, Suppression, Workspace
from subscribers.services.consent import suppressions
from tests import factories
from tests.support import smtp_server
from tests.support.mail_previews import HI, post_typed, signed_up
from tests.support.sequence_making import NOON, make_sequence


@pytest.fixture
def sequence(workspace: Workspace) -> Sequence:
    return make_sequence(workspace, {"type": "delay", "days": 1}, HI)


@pytest.fixture
def ada(workspace: Workspace) -> Subscriber:
    return factories.SubscriberFactory.create(
        workspace=workspace, email="ada@example.com", first_name="Ada"
    )


def received(server: smtp_server.SmtpServer) -> Any:
    [taken] = server.taken
    return taken, email.message_from_bytes(taken.content, policy=email.policy.default)


def test_a_test_arrives_as_the_mail_looks_and_acts_for_nobody(
    admin_client: Client, sequence: Sequence, ada: Subscriber, settings: Settings
) -> None:
    signed_up(ada, "team")
    asked = {"number": "2", "version": "1", "as-person": ada.public_id}

    with smtp_server.receiving(settings) as server:
        page = admin_client.post(
            view_url(sequence, "test-mail"), {**asked, "address": "me@example.com"}, follow=True
        )

    assert "The test was handed over for me@example.com." in page.content.decode()
    assert "Hi Ada, team" in page.content.decode()
    taken, mail = received(server)
    assert taken.recipient == "me@example.com"
    assert mail["Subject"] == "[Test] Hi Ada, team"
    assert mail["From"] == "Acme <news@example.com>"
    assert mail["X-Cueline-Test"] == "yes"
    assert mail["List-Unsubscribe"] is None
    assert "/u/hidden" in mail.get_body(("html",)).get_content()
    assert ada.unsubscribe_token not in taken.content.decode()
    assert not OutgoingEmail.objects.exists()
    assert not StepRun.objects.exists()
    [entry] = LogEntry.objects.all()
    assert entry.change_message == "Test of step 2, version 1, to me@example.com"
    assert entry.object_id == str(sequence.pk)


def test_a_test_of_what_is_typed(
    admin_client: Client, sequence: Sequence, settings: Settings
) -> None:
    with smtp_server.receiving(settings) as server:
        page = post_typed(admin_client, sequence, "test-mail", address="me@example.com")

    assert b"The test was handed over for me@example.com." in page.content
    assert received(server)[1]["Subject"] == "[Test] Typed Ada"
    assert LogEntry.objects.get().change_message == "Test of step 3, not saved, to me@example.com"


@pytest.mark.parametrize(
    ("address", "columns", "words"),
    [
        ("nonsense", {}, "The address"),
        ("", {}, "The address"),
        ("a@example.com, b@example.com", {}, "The address"),
        ("me@example.com", {"is_mail_paused": True}, "Not sent: mail is paused."),
        ("gone@example.com", {}, "Not sent: the address is suppressed."),
    ],
)
def test_a_test_that_is_not_sent_says_why(
    admin_client: Client,
    sequence: Sequence,
    address: str,
    columns: dict[str, Any],
    words: str,
    mailoutbox: list[object],
) -> None:
    suppressions.suppress(
        workspace=sequence.workspace,
        address="gone@example.com",
        reason=Suppression.Reason.MANUAL,
        source="admin",
        now=NOON,
    )
    Workspace.objects.update(**columns)

    page = admin_client.post(
        view_url(sequence, "test-mail"), {"number": "2", "address": address}, follow=True
    )

    assert words in page.content.decode()
    assert mailoutbox == []


def test_what_the_mail_server_says_is_shown(
    admin_client: Client, sequence: Sequence, settings: Settings
) -> None:
    with smtp_server.receiving(settings) as server:
        server.always(smtp_server.Stage.RCPT, "550 5.1.1 nobody here")
        page = admin_client.post(
            view_url(sequence, "test-mail"),
            {"number": "2", "address": "me@example.com"},
            follow=True,
        )

    assert "550 5.1.1 nobody here" in page.content.decode()


def test_tests_are_limited_for_each_operator(
    admin_client: Client, admin_user: User, sequence: Sequence, mailoutbox: list[object]
) -> None:
    for _ in range(MOST_TESTS):
        LogEntry.objects.create(
            user=admin_user, action_flag=2, change_message=f"{TEST_OF}2, Version 1, to a@b.example"
        )

    page = admin_client.post(
        view_url(sequence, "test-mail"), {"number": "2", "address": "me@example.com"}, follow=True
    )

    assert f"you sent {MOST_TESTS} tests within an hour" in page.content.decode()
    assert mailoutbox == []
