"""Sequences and the outbox as people use them: with and without script, and hostile mails."""

from typing import TYPE_CHECKING

import pytest
from pytest_django.live_server_helper import LiveServer

from config.admin_base import admin_url
from events.language.specs import as_wire
from events.models import Sequence
from events.services.sequences import sequences
from subscribers.models import OutgoingEmail
from tests import factories
from tests.browser.test_admin_in_a_browser import WATCH, sign_in
from tests.support.sequence_making import MAIL, make_sequence

if TYPE_CHECKING:
    from playwright.sync_api import Dialog, Page

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

HOSTILE_MAIL = """<html><head>
<meta http-equiv="refresh" content="0;url=/admin/logout/?refreshed">
<base href="https://elsewhere.example/">
<link rel="stylesheet" href="/admin/?style"><script src="/static/cueline/x.js?loaded"></script>
</head><body onload="alert(1)">
<script>alert(2); top.location = '/admin/?taken'; fetch('/admin/?fetched')</script>
<img src="x" onerror="alert(3)"><svg onload="alert(4)"></svg>
<a id="js" href="javascript:alert(5)">one</a>
<a id="top" href="/admin/?top" target="_top">two</a>
<a id="new" href="/admin/?new" target="_blank">three</a>
<form id="form" action="/admin/?form" method="post"><button id="send">four</button></form>
<iframe src="javascript:alert(6)"></iframe><object data="/admin/?object"></object>
<iframe src="/admin/?frame"></iframe>
<p style="color: rgb(1, 2, 3)">Hello</p></body></html>"""


def test_nothing_in_a_hostile_mail_runs_or_leaves(page: "Page", live_server: LiveServer) -> None:
    sign_in(page, live_server)
    email = factories.OutgoingEmailFactory.create(html=HOSTILE_MAIL)
    dialogs: list[str] = []
    answered: list[str] = []

    def note_dialog(dialog: "Dialog") -> None:
        dialogs.append(dialog.message)
        dialog.dismiss()

    page.on("dialog", note_dialog)
    # What a policy stops is seen as asked for, and never answered.
    page.on("response", lambda answer: answered.append(answer.url))
    page.context.on("page", lambda opened: answered.append(f"?opened {opened.url}"))

    for address in (admin_url(email), admin_url(email).replace("/change/", "/preview/")):
        page.goto(live_server.url + address)
        page.wait_for_load_state("networkidle")
        frame = page.frames[1] if "change" in address else page.main_frame
        for each in ("#js", "#new", "#send"):
            frame.click(each)
        page.wait_for_timeout(300)

        assert page.url == live_server.url + address
        assert frame.evaluate("getComputedStyle(document.querySelector('p')).color") == (
            "rgb(1, 2, 3)"
        )

    assert dialogs == []
    asked_by_mail = ("?refreshed", "?style", "?loaded", "?taken", "?fetched", "?new", "?form")
    unwanted = (*asked_by_mail, "?object", "?frame", "?opened", "elsewhere.example")
    assert not [url for url in answered if any(word in url for word in unwanted)]


def test_the_frame_cannot_take_the_page_along(page: "Page", live_server: LiveServer) -> None:
    sign_in(page, live_server)
    email = factories.OutgoingEmailFactory.create(html=HOSTILE_MAIL)

    page.goto(live_server.url + admin_url(email))
    page.frames[1].click("#top")
    page.wait_for_timeout(300)

    assert page.url == live_server.url + admin_url(email)


@pytest.mark.parametrize("has_script", [True, False])
def test_a_sequence_is_made_with_its_steps(
    page: "Page", live_server: LiveServer, has_script: bool
) -> None:
    factories.WorkspaceFactory.create(name="Acme", from_email="news@example.com")
    sign_in(page, live_server)
    browser = page.context.browser
    assert browser is not None
    state = page.context.storage_state()
    context = browser.new_context(storage_state=state, java_script_enabled=has_script)
    page = context.new_page()
    page.goto(live_server.url + "/admin/events/sequence/add/")

    page.select_option("select[name=workspace]", label="Acme")
    page.fill("input[name=name]", "Welcome")
    page.fill("input[name=event_name]", "signup")
    page.click("button:text-is('Add step')")
    page.fill("input[name=steps-0-subject]", "Hello")
    page.fill("textarea[name=steps-0-html]", "<p>One</p>\n<p>Two</p>")
    page.select_option("select[name=steps-0-new_kind]", "delay")
    page.click("#step-1 button:text-is('after it')")
    page.fill("input[name=steps-1-days]", "2")
    page.click("#step-2 button[title='Move up']")
    page.click("#step-2 button[title='Move up']")
    page.wait_for_selector("#step-1 summary:has-text('Email')")
    is_noted = page.is_visible("text=Not saved yet")
    page.fill("input[name=name]", "Welcome!")
    page.press("input[name=name]", "Enter")
    page.wait_for_load_state()

    (sequence,) = Sequence.objects.all()
    assert is_noted
    assert page.url.partition("#")[0] == live_server.url + admin_url(sequence)
    assert as_wire(sequences.spec_of(sequence))["steps"] == [
        {"type": "email", "id": "email-1", "subject": "Hello", "html": "<p>One</p>\n<p>Two</p>"},
        {"type": "delay", "id": "delay-2", "days": 2},
    ]
    page.click("text=Activate…")
    page.click("button:has-text('Activate')")
    page.wait_for_selector("text=Activated.")
    sequence.refresh_from_db()
    assert sequence.status == Sequence.Status.ACTIVE
    context.close()


def test_fields_of_other_triggers_are_out_of_sight(page: "Page", live_server: LiveServer) -> None:
    sign_in(page, live_server)
    sequence = make_sequence(factories.WorkspaceFactory.create(), MAIL)
    page.add_init_script(WATCH)

    page.goto(live_server.url + admin_url(sequence))
    shown = [page.is_visible(f"[name={name}]") for name in ("event_name", "tag_names")]
    page.select_option("select[name=trigger]", "tag_added")
    page.wait_for_selector("[name=tag_names]")
    changed = [page.is_visible(f"[name={name}]") for name in ("event_name", "tag_names")]

    assert (shown, changed) == ([True, False], [False, True])
    assert page.evaluate("window.reports") == []


def test_an_unknown_mail_is_found_and_settled_by_clicking(
    page: "Page", live_server: LiveServer
) -> None:
    sign_in(page, live_server)
    email = factories.OutgoingEmailFactory.create(subject="Lost mail", unknown=True)

    page.click("nav >> text=Outbox")
    page.click("text=Lost mail")
    page.click("button:has-text('Mark as sent')")
    page.wait_for_selector("text=Marked as sent.")

    email.refresh_from_db()
    assert email.status == OutgoingEmail.Status.SENT
