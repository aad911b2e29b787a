"""The questions that a sequence's page answers, in a browser: few clicks, by keyboard, unharmed."""

from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import pytest
from django.db.models import Model
from django.utils import timezone
from pytest_django.live_server_helper import LiveServer

from config.admin_base import admin_url, view_url
from config.admin_links import page_url
from events.models import Sequence
from events.services import backtests
from subscribers.models import Subscriber
from tests import factories
from tests.browser.test_admin_in_a_browser import HOSTILE, WATCH, hostile_rows, sign_in
from tests.browser.test_signing_in import OPTIONS
from tests.support.sequence_making import MAIL, make_sequence

if TYPE_CHECKING:
    from playwright.sync_api import Dialog, Page

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
PHONE = 390


def assert_everybody_can_use(page: "Page") -> None:
    """Let axe look at what the page adds to the skin, and at its width on a phone."""
    from axe_playwright_python.sync_playwright import Axe  # noqa: PLC0415 - in `checks` only

    answer = Axe().run(page, context="#content-main", options=OPTIONS).response
    assert [(rule["id"], rule["nodes"]) for rule in answer["violations"]] == []
    before = page.viewport_size
    page.set_viewport_size({"width": PHONE, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE
    assert before is not None
    page.set_viewport_size(before)


def answer_of(page: "Page") -> str:
    return page.inner_text("section.cueline-answer")


def test_why_somebody_got_no_mail_takes_two_clicks(page: "Page", live_server: LiveServer) -> None:
    person = factories.SubscriberFactory.create()
    make_sequence(person.workspace, MAIL, name="Trial mail")
    sign_in(page, live_server)
    page.goto(live_server.url + admin_url(person))

    page.click("text=Why (not)?")
    page.click("text=Trial mail")

    assert "The event signup never came from this person." in answer_of(page)
    assert_everybody_can_use(page)


def test_a_person_is_simulated_by_keyboard(page: "Page", live_server: LiveServer) -> None:
    person = factories.SubscriberFactory.create(email="ada@example.com", timezone="Asia/Tokyo")
    sequence = make_sequence(person.workspace, {"type": "delay", "days": 1}, MAIL)
    sign_in(page, live_server)
    page.goto(live_server.url + view_url(sequence, "simulate"))

    page.focus("input[name=person]")
    page.keyboard.type("ada@example.com")
    page.keyboard.press("Enter")
    page.wait_for_selector("section.cueline-answer")
    page.focus("summary")
    page.keyboard.press("Enter")

    assert page.frame_locator("iframe").locator("p").first.inner_text() == "Hello"
    assert_everybody_can_use(page)


def test_a_backtest_shows_its_result_by_itself(page: "Page", live_server: LiveServer) -> None:
    event = factories.EventFactory.create(
        definition__name="signup", occurred_at=timezone.now() - timedelta(days=3)
    )
    sequence = make_sequence(event.workspace, MAIL, is_active=False)
    sign_in(page, live_server)
    page.goto(live_server.url + page_url(sequence))

    page.click("text=Backtest")
    page.click("text=Start a backtest")
    assert "It begins when a worker takes it." in answer_of(page)
    assert_everybody_can_use(page)
    backtests.carry_on(now=timezone.now())

    page.wait_for_selector("svg", timeout=15_000)
    assert "Mails that would have left: 1." in answer_of(page)
    assert_everybody_can_use(page)


def test_no_hostile_text_runs(page: "Page", live_server: LiveServer) -> None:
    sign_in(page, live_server)
    rows: dict[type[Model], Model] = {type(row): row for row in hostile_rows()}
    person, sequence = rows[Subscriber], rows[Sequence]
    assert isinstance(sequence, Sequence)
    assert isinstance(person, Subscriber)
    run = backtests.request(
        sequence=sequence, days=90, requested_by=HOSTILE[:150], now=timezone.now()
    )
    while backtests.carry_on(now=timezone.now()):
        pass
    dialogs: list[str] = []

    def note_dialog(dialog: "Dialog") -> None:
        dialogs.append(dialog.message)
        dialog.dismiss()

    page.on("dialog", note_dialog)
    page.add_init_script(WATCH)
    for view, asked in (
        ("why", {"person": person.public_id, "event": HOSTILE}),
        ("why", {"person": HOSTILE}),
        ("simulate", {"person": "new@example.com", "name": HOSTILE, "properties": "{}"}),
        ("simulate", {"person": person.public_id, "event": HOSTILE, "at": HOSTILE}),
        ("backtest", {"run": str(run.pk)}),
    ):
        page.goto(f"{live_server.url}{view_url(sequence, view)}?{urlencode(asked)}")
        page.wait_for_load_state("networkidle")
        assert page.is_visible("#content-main"), (view, asked)
        assert page.evaluate("window.reports") == []

    assert dialogs == []
