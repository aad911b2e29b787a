"""A real browser against a live server; where there is none, the tests say so."""

import os
import shutil
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from django.db import connections

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


def chromium() -> str:
    """Return the system's Chromium, or skip; CI must have it."""
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    try:
        import playwright  # noqa: F401, PLC0415 - in the group `checks` only
    except ImportError:
        found = None
    if found:
        return found
    if os.environ.get("CI") == "true":
        pytest.fail("CI must have Chromium and playwright")
    pytest.skip("NOT TRIED IN A BROWSER: Chromium or playwright (group `checks`) is missing")


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch) -> Iterator["Page"]:
    """An empty page of a fresh browser."""
    yield from _fresh_page(monkeypatch)


@pytest.fixture
def disguised_page(monkeypatch: pytest.MonkeyPatch) -> Iterator["Page"]:
    """An empty page of a browser that does not say that a program drives it."""
    yield from _fresh_page(monkeypatch, "--disable-blink-features=AutomationControlled")


@pytest.fixture
def browser(page: "Page") -> "Browser":
    """The browser that the empty page belongs to."""
    browser = page.context.browser
    assert browser is not None
    return browser


def _fresh_page(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> Iterator["Page"]:
    executable = chromium()
    # The driver runs an event loop in this thread, beside which Django refuses to query.
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - see above

    with sync_playwright() as driver:
        # CI runs as root, where the browser's own sandbox cannot.
        browser = driver.chromium.launch(
            executable_path=executable, args=["--no-sandbox", *arguments]
        )
        yield browser.new_page()
        browser.close()
        # Those that the test opened belong to the loop, and would outlive it.
        connections.close_all()
