"""Layouts and Markdown, from a step to the mail that leaves."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core import mail

from subscribers.models import OutgoingEmail, Workspace
from tests.support.calling import Caller
from tests.support.sequence_making import MAIL, NOON, make_sequence
from tests.support.time_travel import TimeTravel

pytestmark = pytest.mark.django_db
LAYOUT = '<table><tr><td>{{content}}</td></tr></table><a href="{{unsubscribeUrl}}">Leave</a>'
MARKDOWN = {
    **{name: MAIL[name] for name in ("type", "subject")},
    "bodyFormat": "markdown",
    "body": "Hi **{{subscriber.firstName|you}}**, [shop](https://shop.example/{{event.plan}})",
}


def play(caller: Caller, workspace: Workspace, step: dict[str, Any]) -> OutgoingEmail:
    workspace.mail_layout = LAYOUT
    workspace.save()
    make_sequence(workspace, step)
    with time_machine.travel(NOON, tick=False):
        caller.bulk({"name": "signup", "properties": {"plan": "pro"}}, email="ada@example.com")
    TimeTravel(NOON).run_for(timedelta(hours=1))
    return OutgoingEmail.objects.get()


@pytest.mark.parametrize(
    ("step", "is_wrapped"),
    [
        ({"html": "<p>Hello</p>"}, True),
        ({"html": "<p>Hello</p>", "useLayout": False}, False),
        ({"html": "<html><body><p>Hello</p></body></html>"}, False),
        ({"html": "<p>Hello</p>", "isTransactional": True}, True),
    ],
)
def test_a_mail_goes_into_the_layout_unless_it_stands_alone(
    caller: Caller, workspace: Workspace, step: dict[str, Any], *, is_wrapped: bool
) -> None:
    row = play(caller, workspace, {**MAIL, **step})

    assert ("<td><p>Hello</p>" in row.html) is is_wrapped
    # One way out in any case of marketing mail: the layout's, or the footer.
    assert row.html.count(f"/u/{row.subscriber_id.hex}") == 1


def test_markdown_is_sent_as_html_and_text_with_tracked_links(
    caller: Caller, workspace: Workspace
) -> None:
    workspace.tracks_clicks = workspace.tracks_opens = True

    row = play(caller, workspace, MARKDOWN)

    assert "<td><p>Hi <strong>you</strong>, " in row.html
    assert '<a href="https://shop.example/pro">shop</a>' in row.html
    assert row.text.startswith("Hi you, shop (https://shop.example/pro)")
    parts = mail.outbox[0].message().walk()
    [html] = [str(part.get_payload()) for part in parts if part.get_content_type() == "text/html"]
    assert "https://shop.example/pro" not in html
    assert html.count("/r/") == 1
    assert html.count("/o/") == 1
    # The layout's link to leave is never led through us.
    assert html.count(f"/u/{row.subscriber_id.hex}") == 1
