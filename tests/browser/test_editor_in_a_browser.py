"""A sequence is built by clicks in the editor, and is the same when it is opened again."""

from typing import TYPE_CHECKING

import pytest
from pytest_django.live_server_helper import LiveServer

from config.admin_base import admin_url
from events.language.specs import as_wire
from events.models import Sequence
from events.services.sequences import sequences
from tests import factories
from tests.browser.test_admin_in_a_browser import WATCH, sign_in
from tests.support.sequence_making import MAIL, make_sequence

if TYPE_CHECKING:
    from playwright.sync_api import Dialog, Page

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}
SAVE = "button[name=_continue]:not(.cueline-default)"


def test_a_flow_with_a_branch_is_built_by_clicks(page: "Page", live_server: LiveServer) -> None:
    factories.WorkspaceFactory.create(name="Acme", from_email="news@example.com")
    sign_in(page, live_server)
    page.add_init_script(WATCH)
    page.goto(live_server.url + "/admin/events/sequence/add/")

    page.fill("input[name=name]", "Nudge")
    page.fill("input[name=event_name]", "signup")
    page.click("button:has-text('Add filter')")
    page.keyboard.type("plan")
    page.fill("input[name=filters-0-value]", "pro")
    page.select_option("select[name=_add_kind]", "delay")
    page.click("button:text-is('Add step')")
    page.fill("input[name=steps-0-days]", "1")
    page.select_option("select[name=steps-0-new_kind]", "condition")
    page.click("#step-1 button:text-is('after it')")
    page.select_option("select[name=steps-1-rules-0-kind]", "did_not_event")
    page.fill("input[name=steps-1-rules-0-event]", "order.placed")
    is_hidden = page.is_hidden("input[name=steps-1-rules-0-tag]")
    page.select_option("select[name=steps-1-new_kind]", "email")
    page.click("#step-2 button:text-is('if so')")
    is_folded = page.is_hidden("input[name=steps-0-days]")
    page.fill("input[name=steps-2-subject]", "Still there?")
    page.fill("textarea[name=steps-2-html]", "<p>Hello</p>")
    page.select_option("select[name=_add_kind]", "exit")
    page.click("button:text-is('Add step')")
    page.click(SAVE)
    page.wait_for_selector("text=Nudge is a draft")

    (sequence,) = Sequence.objects.all()
    built = as_wire(sequences.spec_of(sequence))
    assert (is_hidden, is_folded) == (True, True)
    assert built["propertyFilters"] == [{"path": "plan", "operator": "equals", "value": "pro"}]
    assert built["steps"] == [
        {"type": "delay", "id": "delay-1", "days": 1},
        {
            "type": "condition",
            "id": "condition-2",
            "rules": [{"type": "did_not_event", "eventName": "order.placed"}],
        },
        {"type": "email", "id": "email-3", "subject": "Still there?", "html": "<p>Hello</p>"},
        {"type": "exit", "id": "exit-4"},
    ]
    page.goto(live_server.url + admin_url(sequence))
    page.wait_for_selector("summary:has-text('If order.placed did not happen since entry')")
    assert page.is_visible("#step-2 ~ .cueline-step, #step-3")
    page.click(SAVE)
    page.wait_for_selector("text=Nudge is saved")
    assert as_wire(sequences.spec_of(Sequence.objects.get())) == built
    assert page.evaluate("window.reports") == []


def test_leaving_with_unsaved_changes_asks_first(page: "Page", live_server: LiveServer) -> None:
    sequence = make_sequence(factories.WorkspaceFactory.create(), MAIL, {"type": "exit"})
    sign_in(page, live_server)
    asked: list[str] = []

    def stay(dialog: "Dialog") -> None:
        asked.append(dialog.type)
        dialog.dismiss()

    page.on("dialog", stay)
    page.goto(live_server.url + admin_url(sequence))
    page.click("button:text-is('Open all')")
    page.goto(live_server.url + admin_url(sequence))
    untouched = [*asked]
    page.click("#step-1 button[title='Duplicate']")
    page.wait_for_selector("text=Not saved yet")
    page.click("nav >> text=Outbox")
    page.wait_for_timeout(200)
    moved = [*asked]
    page.click(SAVE)
    page.wait_for_selector("text=is saved")

    assert untouched == []
    assert moved == ["beforeunload"]
    assert asked == moved
    assert len(as_wire(sequences.spec_of(Sequence.objects.get()))["steps"]) == 3


@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (390, "dark")])
def test_everybody_can_use_the_open_editor(
    page: "Page", live_server: LiveServer, width: int, scheme: str
) -> None:
    from axe_playwright_python.sync_playwright import Axe  # noqa: PLC0415 - in `checks` only

    rules = [
        {"type": "tag", "tag": "vip"},
        {"type": "did_event", "eventName": "x", "propertyFilters": [
            {"path": "a", "operator": "greater_than", "value": 1},
        ]},
    ]  # fmt: skip
    sequence = make_sequence(
        factories.WorkspaceFactory.create(),
        {"type": "delay", "days": 1},
        {"type": "wait_for_event", "eventName": "never"},
        {"type": "condition", "rules": rules, "onFalse": "out"},
        {"type": "split", "branches": [
            {"weight": 1, "next": "mail"}, {"weight": 2, "next": "out"},
        ]},
        {**MAIL, "id": "mail"},
        {"type": "exit", "id": "out"},
    )  # fmt: skip
    sign_in(page, live_server)
    page.add_init_script(f"localStorage.setItem('_x_adminTheme', '\"{scheme}\"')")
    page.set_viewport_size({"width": width, "height": 844})

    page.goto(live_server.url + admin_url(sequence))
    page.click("button:text-is('Open all')")

    assert page.evaluate("document.documentElement.scrollWidth") <= width
    found = Axe().run(page, context="#content-main", options=RULES).response["violations"]
    assert [(each["id"], each["nodes"][0]["html"]) for each in found] == []
