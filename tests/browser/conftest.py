"""A real browser against a live server; where there is none, the tests say so."""

import os
import shutil
from collections.abc import Callable, Iterator
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


@pytest.fixture(scope="module")
def launch() -> Iterator[Callable[..., "Browser"]]:
    """Launches Chromium with further arguments."""
    executable = chromium()
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - in the group `checks` only

    with pytest.MonkeyPatch.context() as patch, sync_playwright() as driver:
        # The driver runs an event loop in this thread, beside which Django refuses to query.
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")

        def begin(*arguments: str) -> "Browser":
            # CI runs as root, where the browser's own sandbox cannot.
            return driver.chromium.launch(
                executable_path=executable, args=["--no-sandbox", *arguments]
            )

        yield begin
        # Those that the tests opened belong to the loop, and would outlive it.
        connections.close_all()


@pytest.fixture(scope="module")
def launched(launch: Callable[..., "Browser"]) -> "Browser":
    """One browser for the tests of a module; each has contexts of its own."""
    return launch()


@pytest.fixture
def browser(launched: "Browser") -> Iterator["Browser"]:
    """A browser whose contexts end with the test."""
    yield launched
    for context in launched.contexts:
        context.close()


@pytest.fixture
def page(browser: "Browser") -> "Page":
    """An empty page that shares nothing with other tests."""
    return browser.new_page()


@pytest.fixture
def disguised_page(launch: Callable[..., "Browser"]) -> Iterator["Page"]:
    """An empty page of a browser that does not say that a program drives it."""
    disguised = launch("--disable-blink-features=AutomationControlled")
    yield disguised.new_page()
    disguised.close()
