"""How the confirmation mail looks is shown where nothing of it runs; a test of it really leaves."""

import email
import email.policy

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.test import Client
from pytest_django.fixtures import Settings

from config.admin_base import admin_url, view_url
from subscribers.models import OutgoingEmail, Subscriber, Workspace
from tests.support import smtp_server

SENT = "Sent a test of the confirmation mail"


@pytest.fixture
def acme(workspace: Workspace) -> Workspace:
    """A workspace that can send, with a confirmation mail of its own."""
    workspace.from_email = "hello@acme.example"
    workspace.confirmation_subject = "Is it you?"
    workspace.confirmation_html = (
        '<script>alert(1)</script><a href="{{DOUBLE_OPT_IN_URL}}">Yes, mail me</a>'
    )
    workspace.save()
    return workspace


def test_the_page_shows_the_mail_in_a_frame_where_nothing_runs(
    admin_client: Client, acme: Workspace
) -> None:
    page = admin_client.get(admin_url(acme)).content.decode()
    shown = admin_client.get(view_url(acme, "confirmation-preview"))

    assert "Is it you?" in page
    assert f'sandbox="" title="The mail" src="{view_url(acme, "confirmation-preview")}"' in page
    assert "<script>alert(1)" not in page
    assert b"Yes, mail me" in shown.content
    assert shown.headers["Content-Security-Policy"].startswith("sandbox; default-src 'none'")
    assert "script" not in shown.headers["Content-Security-Policy"]


def test_a_workspace_without_a_mail_of_its_own_shows_ours(
    admin_client: Client, workspace: Workspace
) -> None:
    page = admin_client.get(admin_url(workspace)).content.decode()
    shown = admin_client.get(view_url(workspace, "confirmation-preview")).content.decode()

    assert "Please confirm your address for Acme" in page
    assert "/c/sample" in shown


def test_a_stored_mail_that_cannot_be_made_is_told_and_breaks_no_page(
    admin_client: Client, acme: Workspace
) -> None:
    acme.confirmation_html = "{{ broken"
    acme.save()

    page = admin_client.get(admin_url(acme))
    shown = admin_client.get(view_url(acme, "confirmation-preview"))

    assert "It cannot be rendered, so Cueline's own is sent." in page.content.decode()
    assert (shown.status_code, shown.content) == (200, b"")


def test_a_test_arrives_with_the_workspace_s_words_and_asks_nobody(
    admin_client: Client, acme: Workspace, settings: Settings
) -> None:
    with smtp_server.receiving(settings) as server:
        page = admin_client.post(
            view_url(acme, "send-confirmation-test"),
            {"address": "me@example.com"},
            follow=True,
        )

    assert "The test was handed over for me@example.com." in page.content.decode()
    [taken] = server.taken
    mail = email.message_from_bytes(taken.content, policy=email.policy.default)
    body = mail.get_body(("html",))
    assert taken.recipient == "me@example.com"
    assert mail["Subject"] == "Is it you?"
    assert body is not None
    assert "Yes, mail me" in body.get_content()
    assert not Subscriber.objects.exists()
    assert not OutgoingEmail.objects.exists()
    assert [entry.change_message for entry in LogEntry.objects.all()] == [SENT]


def test_a_test_that_is_refused_is_told_with_the_server_s_words(
    admin_client: Client, acme: Workspace, settings: Settings
) -> None:
    with smtp_server.receiving(settings) as server:
        server.always(smtp_server.Stage.RCPT, "550 5.1.1 nobody here")
        page = admin_client.post(
            view_url(acme, "send-confirmation-test"), {"address": "me@example.com"}, follow=True
        )

    assert "550 5.1.1 nobody here" in page.content.decode()


@pytest.mark.parametrize(
    ("address", "columns", "words"),
    [
        ("nonsense", {}, "The address"),
        ("", {}, "The address"),
        ("me@example.com", {"from_email": ""}, "has no address that mail comes from"),
        ("me@example.com", {"is_mail_paused": True}, "Not sent: mail is paused."),
        ("me@example.com", {"confirmation_html": "Hello"}, "{{DOUBLE_OPT_IN_URL}}"),
    ],
)
def test_a_test_that_cannot_leave_says_why(
    admin_client: Client,
    acme: Workspace,
    settings: Settings,
    address: str,
    columns: dict[str, object],
    words: str,
) -> None:
    Workspace.objects.update(**columns)

    with smtp_server.receiving(settings) as server:
        answer = admin_client.post(
            view_url(acme, "send-confirmation-test"), {"address": address}, follow=True
        )

    assert words in "\n".join(map(str, answer.context["messages"]))
    assert server.taken == []


def test_a_test_takes_a_post_with_csrf_and_permission_alone(
    admin_client: Client, admin_user: User, acme: Workspace, settings: Settings
) -> None:
    address = view_url(acme, "send-confirmation-test")
    strict, viewer = Client(enforce_csrf_checks=True), Client()
    strict.force_login(admin_user)
    person = User.objects.create(username="viewer", is_staff=True)
    person.user_permissions.add(Permission.objects.get(codename="view_workspace"))
    viewer.force_login(person)

    with smtp_server.receiving(settings) as server:
        statuses = [
            admin_client.get(address).status_code,
            strict.post(address, {"address": "me@example.com"}).status_code,
            viewer.post(address, {"address": "me@example.com"}).status_code,
        ]

    assert statuses == [405, 403, 403]
    assert server.taken == []
    assert address not in viewer.get(admin_url(acme)).content.decode()
