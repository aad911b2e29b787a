"""Merge tags of the sender and of attributes, and the footer: from an event to the mail."""

import html
from datetime import timedelta
from email import message_from_bytes
from email.header import decode_header, make_header
from typing import Any

import pytest
import time_machine
from django.core import mail
from django.test import Client

from events.models import StepRun
from events.services.sequences import sequences
from subscribers.models import OutgoingEmail, Subscriber, Workspace
from tests.support.calling import Caller
from tests.support.sequence_making import MAIL, NOON, make_sequence
from tests.support.simulations import outcomes, simulate
from tests.support.time_travel import TimeTravel

pytestmark = pytest.mark.django_db
UPDATE = {
    "type": "update_subscriber",
    "attributes": {
        "total": "{{event.total}}", "plan": "{{event.plan|free}}", "gone": "{{event.gone}}",
        "more": "{{ event.total | plus: 1 }}", "items": "{{event.items}}",
    },
}  # fmt: skip
CART = {"total": 150, "items": [{"id": 1}]}


def play(caller: Caller, properties: dict[str, Any]) -> OutgoingEmail | None:
    with time_machine.travel(NOON, tick=False):
        reply = caller.bulk({"name": "signup", "properties": properties}, email="ada@example.com")
    assert reply.status == 200
    TimeTravel(NOON).run_for(timedelta(hours=1))
    return OutgoingEmail.objects.order_by("-created_at").first()


def test_a_lone_tag_keeps_its_value_s_type(caller: Caller, workspace: Workspace) -> None:
    sequence = make_sequence(workspace, UPDATE)
    play(caller, CART)
    simulated = outcomes(simulate(sequence, email="new@example.com", properties=CART))

    person = Subscriber.objects.get(email="ada@example.com")
    assert person.attributes == {
        "total": 150, "plan": "free", "more": 151, "items": [{"id": 1}],
    }  # fmt: skip
    assert StepRun.objects.get().outcome == {"changed": ["attributes"], "missing": ["gone"]}
    assert simulated == [{"changed": ["attributes"], "missing": ["gone"]}]


def test_a_missing_value_keeps_the_attribute(caller: Caller, workspace: Workspace) -> None:
    make_sequence(workspace, {**UPDATE, "attributes": {"plan": "{{event.plan}}"}})
    caller.bulk({"name": "x"}, email="ada@example.com")
    Subscriber.objects.update(attributes={"plan": "pro"})

    play(caller, {})

    assert Subscriber.objects.get().attributes == {"plan": "pro"}


@pytest.mark.parametrize(
    ("rep", "reply_to", "notes"),
    [
        ("sales", "sales@example.com", ""),
        ("a b,c", "", "replyTo: "),
    ],
)
def test_the_sender_s_tags_are_filled_in(
    caller: Caller, workspace: Workspace, rep: str, reply_to: str, notes: str
) -> None:
    sender: dict[str, Any] = {"replyTo": "{{event.rep}}@example.com"}
    make_sequence(workspace, MAIL, fromName="{{event.rep}} at Acme", **sender)

    row = play(caller, {"rep": rep})

    assert row is not None
    assert f"{rep} at Acme" in row.sender
    assert row.reply_to == reply_to
    assert bool(notes) == row.notes.startswith("replyTo: ")
    assert mail.outbox[0].reply_to == ([reply_to] if reply_to else [])


@pytest.mark.parametrize(
    ("step", "count"),
    [
        ({}, 1),
        ({"html": '<a href="{{unsubscribeUrl}}">x</a>', "text": "{{unsubscribeUrl}}"}, 1),
        ({"isTransactional": True}, 0),
    ],
)
def test_marketing_mail_has_one_way_out(
    caller: Caller, workspace: Workspace, step: dict[str, Any], count: int
) -> None:
    workspace.postal_address = "1 Main Street"
    workspace.save()
    make_sequence(workspace, {**MAIL, **step})

    row = play(caller, {})

    assert row is not None
    url = f"/u/{row.subscriber_id.hex}"
    assert (row.html.count(url), row.text.count(url)) == (count, count)
    has_footer = not step
    assert ("1 Main Street" in row.html, "1 Main Street" in row.text) == (has_footer, has_footer)


def decoded(header: str) -> str:
    return str(make_header(decode_header(header.replace("\r", "").replace("\n", ""))))


def test_long_names_and_subjects_are_short_words(caller: Caller, workspace: Workspace) -> None:
    name = "Zoë's Bücher & Café Größenwahn, GmbH & Co. KG, Ötisheim"
    subject = "🎉 " * 60 + "Ende"
    make_sequence(workspace, {**MAIL, "subject": subject}, fromName=name)

    play(caller, {})

    content = mail.outbox[0].message().as_bytes()
    read = message_from_bytes(content)
    assert decoded(read["From"]).startswith(f"{name} <")
    assert decoded(read["Subject"]) == subject
    words = [word for word in content.split() if word.startswith(b"=?")]
    assert len(words) > 4
    assert max(map(len, words)) <= 75


def test_the_preview_is_followed_by_filler_only(caller: Caller, workspace: Workspace) -> None:
    make_sequence(workspace, {**MAIL, "previewText": "Short"})

    row = play(caller, {})

    assert row is not None
    shown = row.html[row.html.index("Short") :].partition("</div>")[0]
    assert len(shown) > 200
    assert set(html.unescape(shown).removeprefix("Short")) <= set("\u034f\u200c\xa0 ")


def test_a_simulation_says_what_was_missing(workspace: Workspace) -> None:
    step = {**MAIL, "text": "{{ event.total | divided_by: event.count }}{{unsubscribeUrl}}"}
    sequence = make_sequence(workspace, step)

    (visit,) = simulate(sequence, email="new@example.com", properties=CART).path.visits

    assert visit.mail is not None
    assert visit.mail.notes == "event.count is missing: divided_by gave nothing"


def test_the_mail_s_page_says_what_was_missing(
    caller: Caller, workspace: Workspace, admin_client: Client
) -> None:
    text = "{{ event.total | divided_by: event.count }}{{unsubscribeUrl}}"
    make_sequence(workspace, {**MAIL, "text": text})

    row = play(caller, CART)

    assert row is not None
    page = admin_client.get(f"/admin/subscribers/outgoingemail/{row.pk}/change/").content.decode()
    assert "event.count is missing: divided_by gave nothing." in page


@pytest.mark.parametrize(
    ("address", "step", "is_warned"),
    [("", {}, True), ("1 Main Street", {}, False), ("", {"isTransactional": True}, False)],
)
def test_a_missing_postal_address_is_a_warning(
    workspace: Workspace, address: str, step: dict[str, Any], is_warned: bool
) -> None:
    workspace.postal_address = address
    workspace.save()
    found = sequences.readiness(make_sequence(workspace, {**MAIL, **step}))

    assert any("no postal address" in each for each in found.warnings) == is_warned
