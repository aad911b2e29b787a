"""The API's pages as developers see them."""

from typing import TYPE_CHECKING

import pytest
from pytest_django.live_server_helper import LiveServer

from tests.browser.test_admin_in_a_browser import WATCH

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_the_pages_show_every_call_without_breaking_their_policy(
    page: "Page", live_server: LiveServer
) -> None:
    from axe_playwright_python.sync_playwright import Axe  # noqa: PLC0415 - in `checks` only

    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.add_init_script(WATCH)

    page.goto(live_server.url + "/api/docs/")
    page.click("text=Many events of one subscriber")
    page.wait_for_selector("text=signup-1")

    # The rest of the page is the library's.
    frame = ["html-has-lang", "document-title", "landmark-one-main", "page-has-heading-one"]
    found = Axe().run(page, options={"runOnly": frame}).response["violations"]
    assert [each["id"] for each in found] == []
    assert page.evaluate("window.reports") == []
    assert all(url.startswith((live_server.url, "data:", "blob:")) for url in asked)
