"""Signing in as people see it: password, QR code, recovery codes, refused; axe finds nothing.

`SCREENSHOTS=folder` keeps a picture of every page.
"""

import base64
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.models import User
from pytest_django.fixtures import Settings
from pytest_django.live_server_helper import LiveServer

from config.sign_in.models import SignIn
from tests import factories
from tests.browser.test_admin_in_a_browser import WATCH
from tests.browser.test_pages_for_everybody import EVERY_LOOK, SIZES
from tests.support.signing_in import PASSWORD, code_of

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
# The frame around the pages is the skin's, so without axe's own advice on landmarks.
OPTIONS = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}
# Lists, forms and the sign-in page are the skin's.
OF_THE_SKIN = {"sign-ins", "user", "wrong password"}


def submit_password(page: "Page", server: LiveServer, password: str = PASSWORD) -> None:
    """Send name and password."""
    page.goto(server.url + "/admin/")
    page.fill("input[name=username]", "ada")
    page.fill("input[name=password]", password)
    page.click("button[type=submit]")


def guess_codes(page: "Page") -> None:
    """Send wrong codes until one is refused: each doubles the pause, which a slow page outlasts."""
    for _ in range(6):
        page.fill("input[name=code]", "000000")
        with page.expect_navigation():
            page.click("button:has-text('Sign in')")
        if page.is_visible("text=Too many wrong codes"):
            return
    raise AssertionError(page.url)


def every_page(page: "Page", server: LiveServer, settings: Settings) -> Iterator[str]:
    """Show one page after the other; yields the name of what is shown."""
    User.objects.create_superuser("ada", password=PASSWORD)
    settings.REQUIRE_2FA = True
    submit_password(page, server, "wrong")
    page.wait_for_selector("text=Please enter the correct")
    yield "wrong password"
    submit_password(page, server)
    page.wait_for_selector("text=Scan this picture")
    size: Any = page.eval_on_selector("img[src^=data]", "each => each.naturalWidth")
    assert size > 100
    yield "set up"
    key = base64.b32decode(page.inner_text(".cueline-secret").replace(" ", "")).hex()
    page.fill("input[name=code]", "000000")
    page.click("button:has-text('Set up')")
    page.wait_for_selector("text=This code is wrong")
    page.fill("input[name=code]", code_of(key))
    page.click("button:has-text('Set up')")
    page.wait_for_selector(".cueline-codes")
    (recovery, *_) = re.findall(r"[a-z2-7-]{19}", page.inner_text(".cueline-codes"))
    yield "recovery codes"
    page.click("text=I have kept them")
    page.wait_for_url("**/admin/")
    page.goto(server.url + "/admin/second-factor/")
    yield "own second factor"
    page.goto(server.url + "/admin/sign_in/signin/")
    page.wait_for_selector("#result_list >> text=Wrong name or password")
    yield "sign-ins"
    page.context.clear_cookies()
    submit_password(page, server)
    page.wait_for_selector("text=authenticator app shows")
    yield "enter code"
    page.fill("input[name=code]", recovery)
    page.click("button:has-text('Sign in')")
    page.wait_for_url("**/admin/")
    page.goto(server.url + f"/admin/auth/user/{User.objects.get().pk}/change/")
    page.wait_for_selector("text=Remove second factor")
    yield "user"
    page.context.clear_cookies()
    submit_password(page, server)
    guess_codes(page)
    yield "wrong codes"
    factories.SignInFactory.create_batch(10, network="127.0.0.1")
    page.context.clear_cookies()
    submit_password(page, server)
    page.wait_for_selector("text=Try again in")
    yield "refused"


@pytest.mark.parametrize(
    ("size", "scheme"),
    [
        ("phone", "dark"),
        ("desktop", "light"),
        *[("phone", "light"), ("desktop", "dark")] * EVERY_LOOK,
    ],
)
def test_everybody_can_use_the_pages(
    browser: "Browser", live_server: LiveServer, settings: Settings, size: str, scheme: Any
) -> None:
    from axe_playwright_python.sync_playwright import Axe  # noqa: PLC0415 - in `checks` only

    page = browser.new_context(color_scheme=scheme, viewport=SIZES[size]).new_page()
    page.set_default_timeout(15_000)
    page.add_init_script(WATCH)
    asked: set[str] = set()
    page.on("request", lambda request: asked.add(request.url))
    folder = os.environ.get("SCREENSHOTS")

    found = {}
    for name in every_page(page, live_server, settings):
        if folder:
            page.screenshot(path=Path(folder) / f"{name}-{size}-{scheme}.png", full_page=True)
        assert page.evaluate("window.reports") == [], name
        if name not in OF_THE_SKIN:
            answer = Axe().run(page, options=OPTIONS).response
            found[name] = [
                (rule["id"], node["target"], node["failureSummary"])
                for rule in answer["violations"]
                for node in rule["nodes"]
            ]
            width: Any = page.evaluate("document.documentElement.scrollWidth")
            assert width <= SIZES[size]["width"], name

    assert {name: faults for name, faults in found.items() if faults} == {}
    assert {url.split("/")[2] for url in asked if url.startswith("http")} == {
        live_server.url.split("/")[2]
    }
    assert SignIn.objects.filter(outcome="succeeded").count() == 2
