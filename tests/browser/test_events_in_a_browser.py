"""Events as people look for them: new ones are told, paths are copied, all by keyboard."""

from typing import TYPE_CHECKING

import pytest
from pytest_django.live_server_helper import LiveServer

from config.admin_base import admin_url, list_url, view_url
from events.models import Event
from tests import factories
from tests.browser.test_admin_in_a_browser import sign_in

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
# The frame around the pages is the skin's.
OF_THE_FRAME = ("region", "landmark-one-main", "landmark-unique", "page-has-heading-one")


def faults_on(page: "Page") -> list[str]:
    """Return what axe finds on the page, and texts that do not fit its width."""
    from axe_playwright_python.sync_playwright import Axe  # noqa: PLC0415 - in `checks` only

    rules = {rule: {"enabled": False} for rule in OF_THE_FRAME}
    found = Axe().run(page, options={"rules": rules}).response["violations"]
    faults = [f"{each['id']}: {each['nodes'][0]['html'][:200]}" for each in found]
    if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
        faults.append("scrolls sideways")
    return faults


def test_new_events_appear_while_the_list_is_open(page: "Page", live_server: LiveServer) -> None:
    event = factories.EventFactory.create(definition__name="signed_up")
    sign_in(page, live_server)
    page.clock.install()
    page.goto(live_server.url + list_url(Event, name="signed_up"))
    factories.EventFactory.create()
    like = {"definition": event.definition, "subscriber": event.subscriber}

    new = factories.EventFactory.create(**like)
    page.clock.run_for(6_000)
    page.wait_for_selector(f".cueline-new a[href*='{new.pk}']")
    page.wait_for_selector("text=/^1 new event$/")
    shown = page.locator("#result_list tbody").count()
    marked = page.locator(".cueline-new").count()
    # The rows stay while somebody is in one by keyboard: the new ones are a link.
    page.locator("#result_list tbody a").first.focus()
    later = factories.EventFactory.create(**like)
    page.clock.run_for(6_000)
    page.click("text=1 new event: show")

    page.wait_for_selector(f"a[href*='{later.pk}']")
    assert (shown, marked) == (2, 1)
    assert page.locator("#result_list tbody").count() == 3


def test_a_path_is_copied_and_axe_finds_nothing(page: "Page", live_server: LiveServer) -> None:
    event = factories.EventFactory.create(properties={"order": {"items": [{"sku": "A-7"}]}})
    sign_in(page, live_server)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(live_server.url + admin_url(event))

    page.get_by_role("button", name="Copy the path order.items[].sku").press("Enter")

    page.wait_for_selector("text=Copied")
    assert page.evaluate("navigator.clipboard.readText()") == "order.items[].sku"
    page.emulate_media(color_scheme="dark")
    page.set_viewport_size({"width": 390, "height": 844})
    faults = {}
    for address in (
        view_url(event, "replaying"),
        admin_url(event.definition),
        list_url(Event, name=event.definition.name, property="order"),
    ):
        page.goto(live_server.url + address)
        faults[address] = faults_on(page)
    assert [each for each in faults.items() if each[1]] == []
