"""That everybody can use the admin: axe finds nothing, and the keyboard reaches everything.

With `EVERY_LOOK=yes` axe sees every page in each size and scheme, else some of them in two looks.
"""

from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import User
from django.urls import reverse
from pytest_django.live_server_helper import LiveServer

from config.admin_base import admin_url, list_url
from subscribers.models import ImportRun, List, Subscriber, Tag
from subscribers.tasks import carry_on_imports
from tests import factories
from tests.browser.test_admin_in_a_browser import sign_in
from tests.browser.test_pages_for_everybody import EVERY_LOOK, SIZES
from tests.support import admin_walk

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
# A page, an action, and a row that nobody adds or deletes.
ANSWERS = {HTTPStatus.OK, HTTPStatus.METHOD_NOT_ALLOWED, HTTPStatus.FORBIDDEN}
# The element with the keyboard's focus, and whether a ring or a shadow shows it; a frame has the
# focus within.
FOCUSED = """() => {
  const element = document.activeElement, style = getComputedStyle(element);
  const hasRing = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0;
  return {
    element: element.outerHTML.slice(0, 100),
    isInMain: element.matches("main *"),
    isSeen: hasRing || style.boxShadow !== "none" || element.matches("iframe"),
  };
}"""
# What scripts fetch.
NO_PAGES = {"autocomplete", "jsi18n", "search"}


def is_page(page: "Page", address: str) -> bool:
    """Tell whether GET shows a page that axe can read: an action takes POST only."""
    answer = page.request.get(address)
    assert answer.status in ANSWERS, address
    # No script runs in a preview, so axe does not.
    is_read = "sandbox" not in answer.headers.get("content-security-policy", "")
    return answer.ok and is_read and "text/html" in answer.headers["content-type"]


@pytest.mark.parametrize(
    ("size", "scheme"),
    [
        ("phone", "dark"),
        ("desktop", "light"),
        *[("phone", "light"), ("desktop", "dark")] * EVERY_LOOK,
    ],
)
def test_axe_finds_nothing(
    browser: "Browser", live_server: LiveServer, size: str, scheme: Any
) -> None:
    from axe_playwright_python.sync_playwright import Axe  # noqa: PLC0415 - in `checks` only

    page = browser.new_context(color_scheme=scheme, viewport=SIZES[size]).new_page()
    sign_in(page, live_server, is_wide=size == "desktop")
    world = admin_walk.make_world()
    addresses = [
        f"{each.path}?{urlencode(admin_walk.asked_of(world, each))}"
        for each in admin_walk.addresses(world)
        if each.view not in NO_PAGES
    ]
    addresses += [reverse("change-password"), reverse("set-up-second-factor")]
    if not EVERY_LOOK:
        # Each page in one of the two looks at some time: the place in the list decides.
        addresses = addresses[size == "desktop" :: 20]

    found = {}
    for address in addresses:
        if not is_page(page, live_server.url + address):
            continue
        page.goto(live_server.url + address)
        page.evaluate("document.querySelector('.cueline-filters')?.setAttribute('open', '')")
        answer = Axe().run(page).response
        assert "color-contrast" in {rule["id"] for rule in answer["passes"]}, address
        for fault in answer["violations"]:
            found[address, fault["id"]] = [node["html"][:200] for node in fault["nodes"]]
        width: Any = page.evaluate("document.documentElement.scrollWidth")
        assert width <= SIZES[size]["width"], address

    assert found == {}


def test_the_keyboard_skips_the_menu(page: "Page", live_server: LiveServer) -> None:
    sign_in(page, live_server)
    page.goto(live_server.url + list_url(Subscriber))

    page.keyboard.press("Tab")
    assert page.inner_text(":focus") == "Skip to the content"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.matches('main *')")


def test_the_keyboard_s_place_in_a_form_is_seen(page: "Page", live_server: LiveServer) -> None:
    workspace = factories.WorkspaceFactory.create(mail_layout="<p>{{content}}</p>")
    sign_in(page, live_server)
    page.goto(live_server.url + admin_url(workspace))

    page.focus("#id_name")
    unseen, stops = [], 0
    while (stop := page.evaluate(FOCUSED)) and stop["isInMain"]:
        stops += 1
        if not stop["isSeen"]:
            unseen.append(stop["element"])
        page.keyboard.press("Tab")

    assert unseen == []
    assert stops > 20


def test_the_keyboard_opens_filters_menu_and_account(
    browser: "Browser", live_server: LiveServer
) -> None:
    factories.SubscriberFactory.create()
    page = browser.new_context(viewport=SIZES["phone"]).new_page()
    sign_in(page, live_server, is_wide=False)
    page.goto(live_server.url + list_url(Subscriber))

    page.focus(".cueline-filters summary")
    page.keyboard.press("Enter")
    page.click(".cueline-filters a:has-text('Unsubscribed')")
    page.wait_for_selector("text=Filters (on)")
    page.focus("button[aria-label='Open the menu']")
    page.keyboard.press("Enter")
    page.wait_for_selector("#nav-sidebar :focus")
    page.focus(".cueline-account summary")
    page.keyboard.press("Space")
    page.focus("text=Dark")
    page.keyboard.press("Enter")
    page.wait_for_selector("html.dark")
    page.focus("button:has-text('Log out')")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=Logged out")


def test_filters_need_no_script(browser: "Browser", live_server: LiveServer) -> None:
    factories.SubscriberFactory.create(email="ada@example.com")
    page = browser.new_context(java_script_enabled=False).new_page()
    User.objects.create_superuser("ada", password="correct horse battery")
    page.goto(live_server.url + list_url(Subscriber))
    page.fill("input[name=username]", "ada")
    page.fill("input[name=password]", "correct horse battery")
    page.click("button[type=submit]")

    page.click("summary:has-text('Filters')")
    page.click(".cueline-filters a:has-text('Unsubscribed')")

    assert page.is_visible("text=Filters (on)")
    assert "ada@example.com" not in page.inner_text("main")


def test_escape_closes_what_lies_over_the_page(browser: "Browser", live_server: LiveServer) -> None:
    page = browser.new_context(viewport=SIZES["phone"]).new_page()
    sign_in(page, live_server, is_wide=False)
    page.goto(live_server.url + list_url(Subscriber))

    page.focus(".cueline-filters summary")
    page.keyboard.press("Enter")
    page.wait_for_selector(".cueline-filters[open]")
    page.keyboard.press("Escape")
    page.wait_for_selector(".cueline-filters:not([open])")
    assert page.evaluate("document.activeElement.matches('.cueline-filters summary')")
    page.focus("button[aria-label='Open the menu']")
    page.keyboard.press("Enter")
    page.wait_for_selector("#nav-sidebar :focus")
    page.keyboard.press("Escape")
    page.wait_for_selector("button[aria-label='Open the menu']:focus")


@pytest.mark.parametrize("size", ["phone", "desktop"])
def test_labels_of_rows_are_written_as_the_heads_of_columns(
    browser: "Browser", live_server: LiveServer, size: str
) -> None:
    page = browser.new_context(viewport=SIZES[size]).new_page()
    sign_in(page, live_server, is_wide=size == "desktop")
    tag = factories.TagFactory.create()
    user = User.objects.get()
    LogEntry.objects.log_actions(user.pk, Tag.objects.all(), CHANGE, "Looked", single_object=True)
    label = """element => {
      const label = getComputedStyle(element, "::before");
      return label.display === "none" ? "" : label.content + label.textTransform;
    }"""

    page.goto(live_server.url + list_url(Tag))
    shown = page.eval_on_selector("td.field-created_at", label)
    assert shown == ('"Created at"none' if size == "phone" else "")
    page.goto(live_server.url + admin_url(tag).replace("/change/", "/history/"))
    shown = page.eval_on_selector(".cueline-history th[data-label]", label)
    assert shown == ('"Date/time"none' if size == "phone" else "")


def test_a_phone_shows_the_name_of_the_page(browser: "Browser", live_server: LiveServer) -> None:
    page = browser.new_context(viewport=SIZES["phone"]).new_page()
    sign_in(page, live_server, is_wide=False)
    person = factories.SubscriberFactory.create(email="sara.olsen.2@example.net")

    page.goto(live_server.url + admin_url(person))
    is_cut = "element => element.scrollWidth > element.clientWidth"
    assert not page.eval_on_selector("h1 a:last-of-type", is_cut)
    page.goto(f"{live_server.url}{list_url(List)}add/")
    assert page.inner_text("header h1").split() == ["Lists", "chevron_right", "New"]
    assert not page.is_visible("header .addlink")


def test_the_password_is_changed_from_the_menu(page: "Page", live_server: LiveServer) -> None:
    sign_in(page, live_server)

    page.click(".cueline-account summary")
    page.click("text=Change password")

    assert page.url == live_server.url + reverse("change-password")


def test_what_a_column_of_a_file_is_stands_in_sight_on_a_phone(
    browser: "Browser", live_server: LiveServer
) -> None:
    page = browser.new_context(viewport=SIZES["phone"]).new_page()
    sign_in(page, live_server, is_wide=False)
    factories.WorkspaceFactory.create()
    page.goto(live_server.url + list_url(ImportRun) + "add/")
    file = {
        "name": "people.csv",
        "mimeType": "text/csv",
        "buffer": b"email\na@example.com\n",
    }
    page.set_input_files("input[type=file]", file)  # type: ignore[arg-type]  # a plain dict will do
    page.click("button:has-text('Upload')")
    page.wait_for_url("**/columns/")
    while carry_on_imports():
        pass

    page.reload()

    places = page.eval_on_selector_all(
        ".cueline-of-file select", "all => all.map(each => each.getBoundingClientRect().right)"
    )
    assert places
    assert max(places) <= SIZES["phone"]["width"]
