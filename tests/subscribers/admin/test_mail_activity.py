"""The mail's page says in sentences what became of it; the workspace's has the switches."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from config.admin_base import admin_url, view_url
from subscribers.models import MailActivity, OutgoingEmail, Workspace
from subscribers.services.activity import rules
from tests import factories
from tests.factories.sequences import NOON
from tests.support.workspace_form import form_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def email() -> OutgoingEmail:
    return factories.OutgoingEmailFactory.create(sent=True)


def page_of(client: Client, email: OutgoingEmail) -> str:
    return client.get(admin_url(email)).content.decode()


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"kind": "delivered"}, "Delivered at 2026-11-24 12:00"),
        ({"kind": "deferred", "times": 3}, ", 3 times, last at"),
        ({"kind": "opened", "quality": "human", "reasons": ["picture"]}, "by a person: a browser"),
        ({"kind": "opened", "quality": "machine", "reasons": ["apple", "head"]},
         f"by a machine: {rules.SENTENCES['apple']}; {rules.SENTENCES['head']}."),
        ({"kind": "opened", "quality": "unknown", "reasons": ["an earlier rule"]},
         "by a person or a machine: an earlier rule."),
        ({"kind": "opened", "quality": "unknown"}, "by a person or a machine."),
        ({"kind": "clicked", "quality": "human", "url": "https://shop.example/?<b>"},
         "by a person: <code>https://shop.example/?&lt;b&gt;</code>"),
        ({"kind": "bounced", "bounce_type": "hard"}, "a hard bounce"),
        ({"kind": "complained"}, "Reported as spam at"),
        ({"kind": "unsubscribed"}, "Unsubscribed at"),
        ({"kind": "unsubscribed", "reasons": ["latest_mail"]},
         "this is the latest one that was sent"),
    ],
)  # fmt: skip
def test_each_fact_is_a_sentence(
    admin_client: Client, email: OutgoingEmail, columns: dict[str, Any], words: str
) -> None:
    factories.MailActivityFactory.create(email=email, **columns)

    assert words in page_of(admin_client, email)


def test_a_mail_of_which_nothing_is_known_says_so(
    admin_client: Client, email: OutgoingEmail
) -> None:
    off = page_of(admin_client, email)
    Workspace.objects.update(tracks_clicks=True)
    on = page_of(admin_client, email)

    OutgoingEmail.objects.update(status="queued")
    waiting = page_of(admin_client, email)

    assert "It has not left." in waiting
    assert "No report came. Opens and clicks are not tracked" in off
    assert "nobody opened it or followed a link" in on


def test_the_page_stays_short_however_much_is_known(
    admin_client: Client, email: OutgoingEmail
) -> None:
    factories.MailActivityFactory.create(email=email)
    page_of(admin_client, email)
    with CaptureQueriesContext(connection) as few:
        page_of(admin_client, email)
    for number in range(60):
        factories.MailActivityFactory.create(
            email=email,
            kind=MailActivity.Kind.CLICKED,
            quality="human",
            url_hash=str(number),
            at=NOON + timedelta(minutes=number),
        )

    with CaptureQueriesContext(connection) as many:
        page = page_of(admin_client, email)

    assert page.count("Clicked at ") == 49
    assert "There is more." in page
    assert len(many) == len(few)


def test_looking_at_the_mail_counts_as_no_open(admin_client: Client) -> None:
    email = factories.OutgoingEmailFactory.create(
        subscriber__workspace__tracks_opens=True,
        subscriber__workspace__tracks_clicks=True,
        html='<a href="https://shop.example/">x</a>',
        sent=True,
    )

    preview = admin_client.get(view_url(email, "preview"))
    page = page_of(admin_client, email)

    assert "/r/" not in page + preview.content.decode()
    assert "/o/" not in page + preview.content.decode()
    assert MailActivity.objects.count() == 0


def test_the_switches_are_off_and_are_set_on_the_workspace_s_page(admin_client: Client) -> None:
    workspace = factories.WorkspaceFactory.create(name="Acme")
    before = admin_client.get(admin_url(workspace)).content.decode()
    switches = {"tracks_opens": "on", "tracks_clicks": "on"}

    admin_client.post(admin_url(workspace), {**form_of(workspace), **switches})

    changed = Workspace.objects.get()
    assert (workspace.tracks_opens, workspace.tracks_clicks) == (False, False)
    assert (changed.tracks_opens, changed.tracks_clicks) == (True, True)
    assert changed.tracks_transactional is False
    assert changed.config_version == workspace.config_version + 1
    assert "no IP address" in before
