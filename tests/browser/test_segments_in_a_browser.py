"""A one-off mailing by clicking: who has a tag and did it twice gets a mail tomorrow at 9."""

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from pytest_django.live_server_helper import LiveServer

from config.admin_base import admin_url
from events.admin.audience_enrollment import plan_address
from events.models import AudienceEnrollment
from tests import factories
from tests.browser.test_admin_in_a_browser import WATCH, sign_in
from tests.support.segment_making import make_segment, tagged
from tests.support.sequence_making import MAIL, make_sequence

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
MOST_CLICKS = 12
# The frame around the pages is the skin's, so without axe's own advice on landmarks.
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}


@pytest.mark.parametrize("has_script", [True, False])
def test_a_mailing_takes_twelve_clicks(
    page: "Page", live_server: LiveServer, has_script: bool
) -> None:
    workspace = factories.WorkspaceFactory.create(name="Acme", from_email="news@example.com")
    make_sequence(workspace, MAIL, name="News", trigger="manual")
    people = tagged(workspace, 3)
    definition = factories.EventDefinitionFactory.create(workspace=workspace, name="order.placed")
    for person in people[:2]:
        factories.EventFactory.create_batch(
            2, subscriber=person, definition=definition, occurred_at=datetime.now(tz=UTC)
        )
    sign_in(page, live_server)
    browser = page.context.browser
    assert browser is not None
    context = browser.new_context(
        storage_state=page.context.storage_state(), java_script_enabled=has_script
    )
    page = context.new_page()
    page.add_init_script(WATCH)
    page.goto(live_server.url + "/admin/")
    clicks = 0

    def click(selector: str) -> None:
        nonlocal clicks
        clicks += 1
        page.click(selector)

    def choose(selector: str, label: str) -> None:
        nonlocal clicks
        clicks += 1
        page.select_option(selector, label=label)

    click("nav >> text=Segments")
    click("a[href$='/segment/add/']")
    choose("select[name=workspace]", "Acme")
    page.fill("input[name=name]", "Bought twice")
    choose("select[name=row-0-kind]", "has the tag")
    page.fill("input[name=row-0-tag]", "vip")
    click("button:has-text('Add condition')")
    choose("select[name=row-1-kind]", "did the event at least")
    page.fill("input[name=row-1-event]", "order.placed")
    is_hidden = page.is_hidden("input[name=row-1-tag]")
    click("button[name=_continue]:not(.cueline-default)")
    click("a:has-text('Enroll everybody')")
    choose("select[name=sequence]", "News")
    click("button:has-text('Count')")
    numbers = page.inner_text(".cueline-numbers")
    tomorrow = datetime.now(tz=UTC).date() + timedelta(days=1)
    click("input[value=later]")
    page.fill("input[name=at]", f"{tomorrow}T09:00")
    click("button:has-text('Enroll them')")
    page.wait_for_selector("text=Everybody of Bought twice enters News")

    run = AudienceEnrollment.objects.get()
    assert clicks <= MOST_CLICKS
    assert is_hidden
    assert re.findall(r"\d+", numbers) == ["2", "2", "0"]
    assert run.scheduled_for == datetime(tomorrow.year, tomorrow.month, tomorrow.day, 9, tzinfo=UTC)
    if has_script:
        assert page.evaluate("window.reports") == []
    context.close()


def test_rows_are_added_and_removed_without_loading(page: "Page", live_server: LiveServer) -> None:
    workspace = factories.WorkspaceFactory.create()
    segment = make_segment(workspace)
    sign_in(page, live_server)
    page.goto(live_server.url + admin_url(segment))
    page.evaluate("window.isSamePage = true")

    page.click("button:has-text('Add condition')")
    page.keyboard.type("attribute is")
    page.fill("input[name=row-1-attribute]", "plan")
    page.fill("input[name=row-1-text]", "pro")
    page.click("#condition-0 button[title=Remove]")
    is_same = page.evaluate("window.isSamePage")
    page.press("input[name=row-1-text]", "Enter")
    page.wait_for_selector("text=was changed successfully")

    segment.refresh_from_db()
    assert is_same
    assert [each["value"] for each in segment.root["children"]] == ["plan:pro"]


@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (390, "dark")])
def test_everybody_can_use_the_pages(
    page: "Page", live_server: LiveServer, width: int, scheme: str
) -> None:
    from axe_playwright_python.sync_playwright import Axe  # noqa: PLC0415 - in `checks` only

    workspace = factories.WorkspaceFactory.create()
    segment = make_segment(workspace)
    sequence = make_sequence(workspace, MAIL)
    run = factories.AudienceEnrollmentFactory.create(sequence=sequence, segment=segment)
    sign_in(page, live_server)
    page.add_init_script(f"localStorage.setItem('_x_adminTheme', '\"{scheme}\"')")
    page.set_viewport_size({"width": width, "height": 844})
    plan = plan_address(segment=segment.pk.hex, sequence=sequence.pk.hex)

    for address in (admin_url(segment), plan, admin_url(run)):
        page.goto(live_server.url + address)
        page.wait_for_load_state("networkidle")
        assert page.evaluate("document.documentElement.scrollWidth") <= width, address
        found = Axe().run(page, context="#content-main", options=RULES).response["violations"]
        assert [(each["id"], each["nodes"][0]["html"]) for each in found] == [], address
