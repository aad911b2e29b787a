"""No screen, export or simulation has a token of a mail's links, or another secret."""

import io
import re
from datetime import UTC, datetime
from urllib.parse import quote

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client
from pytest_django.fixtures import Settings

from config.admin_base import admin_url, list_url, view_url
from events.services.people import document
from subscribers.models import ApiKey, OutgoingEmail, Subscriber, Workspace
from subscribers.services.consent import headers, unsubscribing
from subscribers.services.outbox.outcomes import DeliveryOutcome, fail
from subscribers.services.workspaces import api_keys
from tests import factories
from tests.support import returned_mail
from tests.support.asking_people import ask, make_pending, token_in
from tests.support.sequence_making import make_sequence


class Scene:
    """A person who was asked to confirm and has a mail whose author shows the link everywhere."""

    def __init__(self, workspace: Workspace, settings: Settings) -> None:
        settings.UNSUBSCRIBE_MAILTO = returned_mail.UNSUBSCRIBE
        settings.RETURN_PATH = returned_mail.RETURN_PATH
        workspace.from_email = "hello@acme.example"
        workspace.save()
        self.person = make_pending(workspace)
        ask(self.person, now=datetime.now(tz=UTC))
        self.question = OutgoingEmail.objects.get()
        url = headers.unsubscribe_url(self.person)
        self.news = factories.OutgoingEmailFactory.create(
            subscriber=self.person,
            subject=f"Leave by {url}",
            html=f'<a href="{url}">Leave</a> <img src="https://x.example/{quote(url, safe="")}">',
            text=f"Leave: {url} or {url.upper()}",
            headers=headers.for_mail(subscriber=self.person, kind=OutgoingEmail.Kind.MARKETING),
        )
        self.key = api_keys.create(workspace=workspace, name="app")
        self.secrets: tuple[str, ...] = (
            token_in(self.question),
            unsubscribing.link_token(self.person),
            returned_mail.leaving_address_of(self.person).partition("@")[0].partition("+")[2],
            self.person.unsubscribe_token,
            workspace.webhook_secret[6:],
            workspace.address_hash_key,
            ApiKey.objects.get(pk=self.key.api_key.pk).key_hash,
            self.key.text,
        )

    def found_in(self, text: str) -> list[str]:
        return [secret for secret in self.secrets if secret.lower() in text.lower()]


@pytest.fixture
def scene(workspace: Workspace, settings: Settings) -> Scene:
    return Scene(workspace, settings)


def test_no_admin_page_has_a_token_even_for_a_superuser(admin_client: Client, scene: Scene) -> None:
    rows = [scene.person, scene.question, scene.news, scene.key.api_key, scene.person.workspace]
    pages = [list_url(model) for model in admin.site._registry]
    pages += [view_url(row, name) for row in rows for name in ("change", "history")]
    pages += [view_url(row, "preview") for row in (scene.question, scene.news)]
    pages += [view_url(scene.person.workspace, "confirmation-preview"), "/admin/"]
    operator = User.objects.get()
    pages.append(admin_url(operator))
    scene.secrets += (operator.password, operator.password.rpartition("$")[2])

    for page in pages:
        answer = admin_client.get(page)
        assert answer.status_code == 200
        assert scene.found_in(answer.content.decode()) == [], page

    shown = admin_client.get(view_url(scene.question, "preview")).content.decode()
    assert "/c/hidden" in shown
    shown = admin_client.get(admin_url(scene.news)).content.decode()
    assert "/u/hidden" in shown


def test_who_sees_the_outbox_cannot_confirm_for_others(client: Client, scene: Scene) -> None:
    viewer = User.objects.create(username="viewer", is_staff=True, is_superuser=True)
    client.force_login(viewer)
    page = client.get(view_url(scene.question, "preview")).content.decode()
    link = re.search(r"/c/[\w.-]+", page)

    assert link is not None
    form = "application/x-www-form-urlencoded"
    answer = client.post(link[0], b"by=button", content_type=form)
    assert "Thank you" not in answer.content.decode()
    scene.person.refresh_from_db()
    assert scene.person.status == Subscriber.Status.PENDING


def test_a_persons_export_has_no_token(admin_client: Client, scene: Scene) -> None:
    whole = b"".join(document.chunks(subscriber=scene.person, now=datetime.now(tz=UTC))).decode()
    posted = admin_client.post(view_url(scene.person, "export"))
    out = io.StringIO()
    names = ("--workspace", scene.person.workspace.slug)
    call_command("export_subscriber", scene.person.email, *names, stdout=out)

    for text in (whole, b"".join(posted).decode(), out.getvalue()):
        assert "Leave by" in text
        assert scene.found_in(text) == []


@pytest.mark.parametrize("form", [(), ("--html",), ("--json",)])
def test_a_simulation_has_no_token(scene: Scene, form: tuple[str, ...]) -> None:
    mail = {
        "type": "email",
        "subject": "{{unsubscribeUrl}}",
        "html": '<a href="{{unsubscribeUrl}}">x</a>',
        "text": "{{unsubscribeUrl}}",
    }
    make_sequence(scene.person.workspace, mail, key="welcome")
    out = io.StringIO()
    given = ("--workspace", scene.person.workspace.slug, "--email", scene.person.email)
    call_command("simulate_sequence", "welcome", *given, *form, stdout=out)

    assert "/u/hidden" in out.getvalue()
    assert scene.found_in(out.getvalue()) == []


def test_a_server_that_quotes_the_link_does_not_show_it(scene: Scene) -> None:
    url = headers.unsubscribe_url(scene.person)

    failed = fail(DeliveryOutcome.REFUSED, f"550 5.7.1 The URL {url} is listed")

    assert failed.error.endswith("/u/hidden is listed")
    address = returned_mail.address_of(scene.news)
    failed = fail(DeliveryOutcome.REFUSED, f"550 5.7.1 <{address}>: Sender address rejected")
    assert failed.error.endswith("<bounces+hidden@mail.example.com>: Sender address rejected")
