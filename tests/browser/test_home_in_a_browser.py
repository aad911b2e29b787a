"""The home page and the choice of the workspace, on a phone and a desktop, by keyboard."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django.live_server_helper import LiveServer

from events.models import SequenceCount
from subscribers.models import Workspace
from tests import factories
from tests.browser.test_admin_in_a_browser import WATCH
from tests.browser.test_pages_for_everybody import LONG_NAME, SIZES

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def make_busy(name: str) -> Workspace:
    """Make a workspace with something in each part of the page."""
    sequence = factories.SequenceFactory.create(name=LONG_NAME, status="active")
    workspace: Workspace = sequence.workspace
    workspace.name = name
    workspace.save(update_fields=["name"])
    hour = datetime.now(tz=UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=1)
    factories.EventCountFactory.create(
        definition__workspace=workspace, starts_at=hour, count=1_234_567
    )
    for measure in ("entered", "mailed", "skipped", "failed", "opened"):
        SequenceCount.objects.create(
            workspace=workspace, sequence_id=sequence.pk, measure=measure, unit="hour",
            starts_at=hour, count=7,
        )  # fmt: skip
    factories.OutgoingEmailFactory.create(
        subscriber__workspace=workspace, workspace=workspace, unknown=True
    )
    factories.AskedHourFactory.create(scope="domain", subject=LONG_NAME, starts_at=hour, delayed=1)
    return workspace


def opened(browser: "Browser", server: LiveServer, size: str, scheme: Any) -> "Page":
    """Return a page of somebody who is signed in."""
    client = Client()
    client.force_login(User.objects.create_superuser("ada"))
    context = browser.new_context(color_scheme=scheme, viewport=SIZES[size])
    (cookie,) = client.cookies.values()
    context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": server.url}])
    page = context.new_page()
    page.set_default_timeout(15_000)
    page.add_init_script(WATCH)
    return page


def look(page: "Page", name: str, size: str) -> None:
    """Judge what is shown: policy, width, and what axe finds."""
    from axe_playwright_python.sync_playwright import Axe  # noqa: PLC0415 - in `checks` only

    if folder := os.environ.get("SCREENSHOTS"):
        page.screenshot(path=Path(folder) / f"{name}-{size}.png", full_page=True)
    assert page.evaluate("window.reports") == [], name
    width: Any = page.evaluate("document.documentElement.scrollWidth")
    assert width <= SIZES[size]["width"], name
    answer = Axe().run(page).response
    assert [(rule["id"], rule["nodes"]) for rule in answer["violations"]] == [], name


@pytest.mark.parametrize(("size", "scheme"), [("phone", "dark"), ("desktop", "light")])
def test_the_home_page_and_the_choice_of_the_workspace(
    browser: "Browser", live_server: LiveServer, size: str, scheme: Any
) -> None:
    busy = make_busy("Busy shop")
    person = factories.SubscriberFactory.create(workspace=busy)
    factories.WorkspaceFactory.create(name="New shop")
    page = opened(browser, live_server, size, scheme)

    page.goto(live_server.url + "/admin/")
    assert page.inner_text("h1") == "All workspaces"
    assert "1,234,567" in page.inner_text(".cueline-home-cards")
    look(page, "all", size)

    if size == "phone":
        page.click("button[aria-label='Open the menu']")
    page.focus("#cueline-workspace")
    page.keyboard.type("New")
    page.keyboard.press("Tab")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    assert page.inner_text("h1") == "New shop"
    assert "Send a first event" in page.inner_text(".cueline-first")
    assert "1,234,567" not in page.inner_text("#main")
    look(page, "new", size)

    page.goto(live_server.url + "/admin/subscribers/subscriber/")
    assert "New shop" in page.inner_text("#main")
    assert person.email not in page.inner_text("#main")
    page.goto(f"{live_server.url}/admin/subscribers/subscriber/{person.pk}/change/")
    assert page.text_content(".cueline-crumb") == "Busy shop"
    assert "workspace Busy shop" in page.inner_text(".cueline-who")


def test_the_first_line_is_copied_by_a_button(browser: "Browser", live_server: LiveServer) -> None:
    factories.WorkspaceFactory.create()
    page = opened(browser, live_server, "desktop", "light")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])

    page.goto(live_server.url + "/admin/")
    page.click(".cueline-line button")
    page.wait_for_selector(".cueline-line button:has-text('Copied')")

    assert page.evaluate("navigator.clipboard.readText()") == page.inner_text("[data-copy]")
