"""That everybody can use the pages: axe finds nothing, nothing is loaded from elsewhere.

With `EVERY_LOOK=yes` axe sees each page in all sizes, colours and schemes, else in some.
"""

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from pytest_django.live_server_helper import LiveServer

from subscribers.services.consent import links, unsubscribing
from tests import factories

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
SIZES: dict[str, Any] = {
    "narrow": {"width": 320, "height": 640},
    "phone": {"width": 390, "height": 844},
    "desktop": {"width": 1440, "height": 900},
}
# Everything up to WCAG 2.2 AA, its size of targets included, and axe's own advice.
EVERY_LOOK = bool(os.environ.get("EVERY_LOOK"))
OPTIONS = {"rules": {"target-size": {"enabled": True}}}
LONG_NAME = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft"


def every_page(page: "Page", live_server: LiveServer, color: str) -> Iterator[str]:
    """Show one page after the other; yields the name of what is shown."""
    question = factories.ConfirmationFactory.create(
        subscriber__workspace__name=LONG_NAME,
        subscriber__workspace__color=color,
        subscriber__workspace__confirmation_needs_button=False,
    )
    person = factories.SubscriberFactory.create(workspace=question.workspace)
    for name in ("News", LONG_NAME):
        news = factories.ListFactory.create(
            workspace=question.workspace, name=name, description="On Fridays"
        )
        factories.ListMembershipFactory.create(subscriber=person, list=news)
    token = links.token(question, datetime.now(tz=UTC))

    page.goto(f"{live_server.url}/c/{token}")
    page.wait_for_selector("#by-gesture:visible")
    yield "confirm"
    page.click("button")
    page.wait_for_selector("text=Thank you")
    yield "confirmed"
    page.goto(f"{live_server.url}/c/{token}")
    yield "link_used"
    page.goto(f"{live_server.url}/c/x")
    yield "link_over"
    page.click("button")
    page.wait_for_selector("text=Check your mailbox")
    yield "mail_follows"
    page.goto(f"{live_server.url}/u/x")
    yield "unsubscribe, unknown"
    page.goto(f"{live_server.url}/u/{unsubscribing.link_token(person)}")
    page.click("summary")
    yield "unsubscribe"
    page.goto(f"{page.url}/lst_{news.pk.hex}")
    page.click("summary")
    yield "unsubscribe, list"
    page.click("button:has-text('Leave this list')")
    page.wait_for_selector("text=You have left the list")
    yield "left_list"
    page.click("text=Choose what else you get")
    page.click("text=Save my choice")
    page.wait_for_selector("text=Your choice is saved.")
    yield "saved"
    page.click("button")
    page.wait_for_selector("text=You are unsubscribed")
    yield "unsubscribed"


@pytest.mark.parametrize(
    ("size", "color", "scheme"),
    [
        ("phone", "", "dark"),
        ("desktop", "", "light"),
        ("phone", "#ffdd00", "light"),
        ("phone", "#1a1a20", "dark"),
        *[("phone", "", "light"), ("desktop", "", "dark")] * EVERY_LOOK,
        *[("phone", "#ffdd00", "dark"), ("phone", "#1a1a20", "light")] * EVERY_LOOK,
    ],
)
def test_axe_finds_nothing(
    browser: "Browser", live_server: LiveServer, size: str, scheme: Any, color: str
) -> None:
    from axe_playwright_python.sync_playwright import Axe  # noqa: PLC0415 - in `checks` only

    page = browser.new_context(color_scheme=scheme, viewport=SIZES[size]).new_page()

    found = {}
    for name in every_page(page, live_server, color):
        answer = Axe().run(page, options=OPTIONS).response
        assert "color-contrast" in {rule["id"] for rule in answer["passes"]}
        for kind in ("violations", "incomplete"):
            for fault in answer[kind]:
                found[name, kind, fault["id"]] = [node["html"] for node in fault["nodes"]]

    assert found == {}


def test_nothing_is_loaded_from_elsewhere_stored_or_complained_about(
    browser: "Browser", live_server: LiveServer
) -> None:
    page = browser.new_context().new_page()
    requested: list[str] = []
    complaints: list[str] = []
    page.on("request", lambda request: requested.append(request.url))
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))

    for _ in every_page(page, live_server, "#ffdd00"):
        assert page.evaluate("localStorage.length + sessionStorage.length") == 0

    assert len(requested) > 16
    assert all(url.startswith(live_server.url) for url in requested)
    assert complaints == []
    assert page.context.cookies() == []


@pytest.mark.parametrize("size", SIZES)
def test_no_page_scrolls_sideways(browser: "Browser", live_server: LiveServer, size: str) -> None:
    page = browser.new_context(viewport=SIZES[size]).new_page()

    too_wide = [
        name
        for name in every_page(page, live_server, "")
        if page.evaluate("document.documentElement.scrollWidth") > SIZES[size]["width"]
    ]

    assert too_wide == []
