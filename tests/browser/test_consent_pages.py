"""The pages of consent as people see them: by touch, mouse and keys, and without scripts."""

import os
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from pytest_django.live_server_helper import LiveServer

from subscribers.models import Confirmation, ConsentRecord, OutgoingEmail, Subscriber
from subscribers.services.consent import links, unsubscribing
from tests import factories

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
PHONE: Any = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
HEADING = "Confirm your address"
THANKS = "text=Your address is confirmed. You can close this page."
OVER = "text=This link no longer works"
# The rule says 15, which .ci/long waits for.
QUIET_SECONDS = int(os.environ.get("QUIET_SECONDS", "3"))


@pytest.fixture
def question() -> Confirmation:
    """An open question to somebody pending."""
    return factories.ConfirmationFactory.create(subscriber__workspace__name="Acme")


@pytest.fixture
def by_gesture(question: Confirmation) -> Confirmation:
    """A question of a workspace in which a tap or click on the page confirms, too."""
    allow_gestures(question, is_allowed=True)
    return question


def allow_gestures(question: Confirmation, *, is_allowed: bool) -> None:
    question.workspace.confirmation_needs_button = not is_allowed
    question.workspace.save()


def address_of(
    question: Confirmation, live_server: LiveServer, *, age: timedelta = timedelta(0)
) -> str:
    token = links.token(question, datetime.now(tz=UTC) - age)
    return f"{live_server.url}/c/{token}"


def status() -> str:
    return Subscriber.objects.get().status


def methods() -> list[str]:
    return list(ConsentRecord.objects.filter(kind="confirmed").values_list("method", flat=True))


def touch_beside_the_button(page: "Page") -> None:
    await_frames(page)
    page.touchscreen.tap(200, 700)


def await_frames(page: "Page") -> None:
    """Wait: until its second frame an emulated phone takes a page for one 980 pixels wide."""
    page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")


@pytest.mark.parametrize("device", ["phone", "desktop"])
def test_a_tap_or_click_anywhere_confirms_where_the_workspace_allows_it(
    browser: "Browser", live_server: LiveServer, by_gesture: Confirmation, device: str
) -> None:
    page = browser.new_context(**(PHONE if device == "phone" else {})).new_page()
    page.goto(address_of(by_gesture, live_server))
    page.wait_for_selector("#by-gesture:visible")
    before = status()

    if device == "phone":
        touch_beside_the_button(page)
    else:
        page.mouse.click(40, 40)
    page.wait_for_selector(THANKS)

    assert before == "pending"
    assert (status(), methods()) == ("active", ["gesture"])
    assert page.context.cookies() == []


def swipe(page: "Page") -> None:
    """Draw a finger up the page, which scrolls it."""
    finger = page.context.new_cdp_session(page)

    def touch(kind: str, *heights: int) -> None:
        points = [{"x": 200, "y": height} for height in heights]
        finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    touch("touchStart", 220)
    for height in range(200, 20, -20):
        touch("touchMove", height)
    touch("touchEnd")


def expect_scrolled(page: "Page") -> None:
    """Wait until the page is scrolled; its policy forbids a wait in its own scripts."""
    for _ in range(100):
        if page.evaluate("scrollY > 0"):
            return
        page.wait_for_timeout(20)
    pytest.fail("The page was not scrolled.")


@pytest.mark.parametrize("is_allowed", [False, True])
def test_scrolling_swiping_dragging_and_keys_confirm_nothing(
    browser: "Browser", live_server: LiveServer, question: Confirmation, *, is_allowed: bool
) -> None:
    allow_gestures(question, is_allowed=is_allowed)
    page = browser.new_context(**{**PHONE, "viewport": {"width": 390, "height": 240}}).new_page()
    page.goto(address_of(question, live_server))
    assert page.is_visible("#by-gesture") is is_allowed

    await_frames(page)
    swipe(page)
    expect_scrolled(page)
    page.mouse.move(200, 40)
    page.mouse.wheel(0, -50)
    page.mouse.wheel(0, 50)
    page.evaluate("scrollTo(0, 0)")
    page.mouse.down()
    page.mouse.move(300, 150)
    page.mouse.up()
    for key in ("ArrowDown", "PageDown", "Space", "Enter", "a", "Escape", "Control+c", "F6"):
        page.keyboard.press(key)
    if not is_allowed:
        touch_beside_the_button(page)
        page.mouse.click(5, 5)
    page.wait_for_timeout(300)

    assert status() == "pending"
    assert page.is_visible(f"text={HEADING}")
    # The page works: its button confirms.
    page.tap("button")
    page.wait_for_selector(THANKS)
    assert methods() == ["button"]


@pytest.mark.parametrize("device", ["phone", "desktop"])
def test_the_button_confirms_once_and_the_ledger_says_so(
    browser: "Browser", live_server: LiveServer, question: Confirmation, device: str
) -> None:
    page = browser.new_context(**(PHONE if device == "phone" else {})).new_page()
    page.goto(address_of(question, live_server))

    if device == "phone":
        page.tap("button")
    else:
        page.dblclick("button")
    page.wait_for_selector(THANKS)

    assert methods() == ["button"]


@pytest.mark.parametrize("key", ["Enter", "Space"])
def test_keys_reach_and_press_the_button(
    page: "Page", live_server: LiveServer, by_gesture: Confirmation, key: str
) -> None:
    page.goto(address_of(by_gesture, live_server))
    page.wait_for_selector("#by-gesture:visible")

    page.keyboard.press("Tab")
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    page.keyboard.press(key)
    page.wait_for_selector(THANKS)

    assert outline == "solid"
    assert methods() == ["button"]


def test_the_button_works_where_scripts_are_off(
    browser: "Browser", live_server: LiveServer, question: Confirmation
) -> None:
    page = browser.new_context(java_script_enabled=False, **PHONE).new_page()
    page.goto(address_of(question, live_server))
    hint = page.is_visible("#by-gesture")

    page.tap("button")
    page.wait_for_selector(THANKS)

    assert not hint
    assert methods() == ["button"]


MADE_UP = """
for (const event of [
  new PointerEvent("pointerdown", {isPrimary: true, bubbles: true}),
  new PointerEvent("click", {detail: 1, bubbles: true}),
  new MouseEvent("click", {detail: 1, bubbles: true}),
]) document.body.dispatchEvent(event)
"""


def test_events_that_a_script_makes_up_do_not_confirm(
    page: "Page", live_server: LiveServer, by_gesture: Confirmation
) -> None:
    page.goto(address_of(by_gesture, live_server))
    page.wait_for_selector("#by-gesture:visible")

    page.evaluate(MADE_UP)
    page.wait_for_timeout(300)

    assert status() == "pending"


@pytest.mark.parametrize(
    "pretence",
    [
        "Object.defineProperty(document, 'visibilityState', {get: () => 'hidden'})",
        "document.hasFocus = () => false",
    ],
)
def test_a_page_that_nobody_looks_at_does_not_confirm(
    page: "Page", live_server: LiveServer, by_gesture: Confirmation, pretence: str
) -> None:
    page.add_init_script(pretence)
    page.goto(address_of(by_gesture, live_server))
    page.wait_for_selector("#by-gesture:visible")

    page.mouse.click(40, 40)
    page.wait_for_timeout(300)

    assert status() == "pending"


def test_a_browser_that_hides_that_it_is_driven_confirms_nothing_without_a_gesture(
    disguised_page: "Page", live_server: LiveServer, by_gesture: Confirmation
) -> None:
    page = disguised_page
    page.goto(address_of(by_gesture, live_server))
    page.wait_for_selector("#by-gesture:visible")

    page.mouse.move(200, 200)
    page.wait_for_timeout(1000 * QUIET_SECONDS)

    assert page.evaluate("navigator.webdriver") is not True
    assert page.evaluate("document.visibilityState === 'visible' && document.hasFocus()")
    assert page.is_visible(f"text={HEADING}")
    assert status() == "pending"
    # It could have: the same browser's first touch does.
    page.mouse.click(40, 40)
    page.wait_for_selector(THANKS)


def test_confirming_leads_to_the_workspace_s_own_site(
    page: "Page", live_server: LiveServer, question: Confirmation
) -> None:
    # Another host name is another site to a browser.
    elsewhere = live_server.url.replace("localhost", "127.0.0.1") + "/healthz"
    question.workspace.confirmation_redirect_url = elsewhere
    question.workspace.save()
    page.goto(address_of(question, live_server))

    page.click("button")
    page.wait_for_url(elsewhere)

    assert elsewhere not in live_server.url
    assert status() == "active"
    assert page.evaluate("document.referrer") == ""


def test_an_expired_link_offers_a_fresh_one_that_confirms(
    browser: "Browser", live_server: LiveServer, question: Confirmation
) -> None:
    page = browser.new_context(**PHONE).new_page()
    page.goto(address_of(question, live_server, age=timedelta(days=8)))
    page.wait_for_selector(OVER)

    page.tap("text=Send me a fresh link")
    page.wait_for_selector("text=Check your mailbox")
    path = OutgoingEmail.objects.get().text.partition("/c/")[2].split()[0]
    page.goto(f"{live_server.url}/c/{path}")
    page.tap("button")
    page.wait_for_selector(THANKS)

    assert status() == "active"


def test_a_used_link_gets_a_calm_page(
    page: "Page", live_server: LiveServer, question: Confirmation
) -> None:
    page.goto(address_of(question, live_server))
    page.click("button")
    page.wait_for_selector(THANKS)

    page.goto(address_of(question, live_server))
    page.wait_for_selector("text=This link was used.")

    assert page.is_visible("text=Nothing more to do.")
    assert page.query_selector("form") is None


def test_somebody_leaves_with_a_reason_and_comes_back(
    browser: "Browser", live_server: LiveServer
) -> None:
    person = factories.SubscriberFactory.create(workspace__name="Acme")
    page = browser.new_context(**PHONE).new_page()
    page.goto(f"{live_server.url}/u/{unsubscribing.link_token(person)}")

    page.tap("summary")
    page.tap("text=There is too much mail.")
    page.fill("textarea", "Every day!")
    page.tap("button")
    page.wait_for_selector("text=You are unsubscribed")
    line = ConsentRecord.objects.get(kind="left")
    page.tap("text=Send me the mail")
    page.wait_for_selector("text=Check your mailbox")
    path = OutgoingEmail.objects.get().text.partition("/c/")[2].split()[0]
    page.goto(f"{live_server.url}/c/{path}")
    page.tap("button")
    page.wait_for_selector(THANKS)

    assert (line.method, line.reason) == ("page", "too_much: Every day!")
    assert status() == "active"
    assert ConsentRecord.objects.filter(kind="resubscribed").count() == 1


@pytest.mark.parametrize("scripts", [True, False])
def test_somebody_chooses_lists(
    browser: "Browser", live_server: LiveServer, *, scripts: bool
) -> None:
    person = factories.SubscriberFactory.create()
    for name in ("News", "Tips"):
        factories.ListFactory.create(workspace=person.workspace, name=name)
    page = browser.new_context(java_script_enabled=scripts, **PHONE).new_page()
    page.goto(f"{live_server.url}/u/{unsubscribing.link_token(person)}")

    page.tap("text=Tips")
    page.tap("text=Save my choice")
    page.wait_for_selector("text=Your choice is saved.")

    names = person.memberships.filter(unsubscribed_at=None).values_list("list__name", flat=True)
    assert list(names) == ["Tips"]
    assert page.is_checked("label:has-text('Tips') input")
    assert not page.is_checked("label:has-text('News') input")
