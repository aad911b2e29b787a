"""A person's page as support works with it: on a phone, by keyboard, in dark colours."""

from typing import TYPE_CHECKING

import pytest
from pytest_django.live_server_helper import LiveServer

from config.admin_base import admin_url
from tests import factories
from tests.browser.test_admin_in_a_browser import sign_in

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

# The frame around the page is the skin's.
CONTENT = {"include": [["#content-main"]]}


def test_a_wrong_tag_is_corrected_by_keyboard_on_a_phone(
    browser: "Browser", live_server: LiveServer
) -> None:
    from axe_playwright_python.sync_playwright import Axe  # noqa: PLC0415 - in `checks` only

    page = browser.new_context(color_scheme="dark").new_page()
    sign_in(page, live_server)
    page.set_viewport_size({"width": 390, "height": 800})
    person = factories.SubscriberFactory.create(
        first_name="Lena", last_name="Haddad", workspace__timezone="Europe/Berlin"
    )
    event = factories.EventFactory.create(subscriber=person, properties={"plan": "team"})
    factories.OutgoingEmailFactory.create(subscriber=person, failed=True)
    factories.SubscriberTagFactory.create(subscriber=person, tag__name="customer")
    factories.ConsentRecordFactory.create(subscriber=person)

    page.goto(live_server.url + admin_url(person))
    hover = page.locator("time", has_text="13:00").first.get_attribute("title")
    width = page.evaluate("document.documentElement.scrollWidth")
    is_folded = not page.get_by_text("Erase…").is_visible()
    page.locator("summary:text-is('More')").press("Enter")
    page.get_by_text("Erase…").wait_for()
    found = Axe().run(page, context=CONTENT).response["violations"]
    page.get_by_role("link", name="Changes").press("Enter")
    page.wait_for_selector(f"text={event.definition.name}", state="detached")
    page.get_by_role("link", name="Edit").press("Enter")
    faults = Axe().run(page, context=CONTENT).response["violations"]
    page.get_by_label("Tags").fill("lead")
    page.get_by_label("Tags").press("Enter")
    page.wait_for_selector("text=The profile is changed.")

    assert hover == "Europe/Berlin · 2026-11-24 12:00:00 UTC"
    assert width == 390
    assert is_folded
    assert [(each["id"], each["nodes"][0]["html"]) for each in (*found, *faults)] == []
    assert page.locator(".cueline-facts").get_by_role("link", name="lead").is_visible()
    assert page.get_by_text("Tags: added lead, removed customer").is_visible()
