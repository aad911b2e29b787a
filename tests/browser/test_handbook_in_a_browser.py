"""The handbook as people read it: every page on a phone and on a desktop.

With `EVERY_LOOK=yes` axe sees every page, light and dark, else the one with every kind of block.
"""

from typing import TYPE_CHECKING, Any

import pytest
from pytest_django.live_server_helper import LiveServer

from config import handbook
from tests.browser.test_admin_in_a_browser import WATCH
from tests.browser.test_pages_for_everybody import EVERY_LOOK, OPTIONS, SIZES

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
PATHS = ["/docs/", *(f"/docs/{name}/" for name in handbook.pages())]
# The page with every kind of block.
RICHEST = "/docs/steps/"


@pytest.mark.parametrize(
    ("size", "scheme", "paths"),
    [
        ("phone", "dark", PATHS if EVERY_LOOK else [RICHEST]),
        ("desktop", "light", PATHS if EVERY_LOOK else [RICHEST]),
        *[("phone", "light", [RICHEST]), ("desktop", "dark", [RICHEST])] * EVERY_LOOK,
    ],
)
def test_axe_finds_nothing(
    browser: "Browser", live_server: LiveServer, size: str, scheme: Any, paths: list[str]
) -> None:
    from axe_playwright_python.sync_playwright import Axe  # noqa: PLC0415 - in `checks` only

    page = browser.new_context(color_scheme=scheme, viewport=SIZES[size]).new_page()

    found = {}
    for path in paths:
        page.goto(live_server.url + path)
        answer = Axe().run(page, options=OPTIONS).response
        assert "color-contrast" in {rule["id"] for rule in answer["passes"]}
        for kind in ("violations", "incomplete"):
            for fault in answer[kind]:
                found[path, kind, fault["id"]] = [node["html"] for node in fault["nodes"]]

    assert found == {}


@pytest.mark.parametrize("size", SIZES)
def test_no_page_scrolls_sideways_or_breaks_its_policy(
    browser: "Browser", live_server: LiveServer, size: str
) -> None:
    page = browser.new_context(viewport=SIZES[size]).new_page()
    page.add_init_script(WATCH)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))

    too_wide = []
    for path in PATHS:
        page.goto(live_server.url + path)
        assert page.evaluate("window.reports") == []
        if page.evaluate("document.documentElement.scrollWidth") > SIZES[size]["width"]:
            too_wide.append(path)

    assert too_wide == []
    assert all(url.startswith(live_server.url) for url in asked)


def test_a_reader_goes_from_page_to_page(browser: "Browser", live_server: LiveServer) -> None:
    page = browser.new_context(viewport=SIZES["desktop"]).new_page()

    page.goto(live_server.url + "/docs/")
    page.click("main >> text=Steps, waits and times")
    page.click("nav >> text=wait_for_event")
    place = page.evaluate("document.getElementById('wait_for_event').getBoundingClientRect().top")
    current = page.inner_text("[aria-current=page]")

    assert page.url == f"{live_server.url}/docs/steps/#wait_for_event"
    assert 0 <= place < SIZES["desktop"]["height"] / 2
    assert current == "Steps, waits and times"
