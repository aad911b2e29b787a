"""The flow of a sequence as people use it: on a phone, by keyboard, and with axe."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from pytest_django.live_server_helper import LiveServer

from config.admin_base import view_url
from config.admin_links import page_url
from events.models import Enrollment, Sequence
from subscribers.models import Workspace
from tests import factories
from tests.browser.test_admin_in_a_browser import WATCH, sign_in
from tests.events.admin.test_sequence_actions import enrolled, new_version
from tests.support.sequence_making import MAIL, make_sequence

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
PHONE: Any = {"width": 390, "height": 844}
DESKTOP: Any = {"width": 1440, "height": 1000}
IS_WIDER = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
# The frame around the pages is the skin's.
OPTIONS = {"rules": {name: {"enabled": False} for name in ("landmark-one-main", "region")}}


def branched(workspace: Workspace) -> Sequence:
    """Make a sequence with branches in a branch, two versions, and people in both."""
    sequence = make_sequence(
        workspace,
        {
            "type": "condition", "id": "vip", "rules": [{"type": "tag", "tag": "vip"}],
            "then": [
                {**MAIL, "subject": "For VIPs"},
                {"type": "split", "id": "split", "branches": [
                    {"id": "short", "weight": 1, "steps": [MAIL]},
                    {"id": "long", "weight": 2, "steps": [{"type": "delay", "days": 2}, MAIL]},
                    {"id": "none", "weight": 1, "next": "exit"},
                ]},
            ],
            "else": [{**MAIL, "label": "Shall we set it up for you? " * 3}],
        },
        {**MAIL, "id": "last", "subject": "Last one"},
        name="Welcome",
    )  # fmt: skip
    enrolled(sequence)
    steps = [{**MAIL, "id": "last", "html": "<p>One</p>\n<p>Two</p>" * 20}]
    new_version(sequence, {"type": "delay", "id": "nap", "days": 2}, *steps, fromName="Mia")
    enrolled(sequence)
    return sequence


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_and_a_phone_is_wide_enough(
    browser: "Browser", live_server: LiveServer, scheme: Any
) -> None:
    from axe_playwright_python.sync_playwright import Axe  # noqa: PLC0415 - in `checks` only

    page = browser.new_context(color_scheme=scheme, viewport=DESKTOP).new_page()
    page.add_init_script(WATCH)
    sign_in(page, live_server)
    sequence = branched(factories.WorkspaceFactory.create(name="Acme"))
    flow = page_url(sequence)
    found: dict[str, list[str]] = {}

    for address in (
        flow,
        f"{flow}?version=1",
        f"{view_url(sequence, 'step')}?number=2",
        view_url(sequence, "versions"),
        f"{view_url(sequence, 'compare')}?old=1&new=2",
        view_url(sequence, "pausing"),
        view_url(sequence, "activating"),
    ):
        page.set_viewport_size(DESKTOP)
        page.goto(live_server.url + address)
        seen = Axe().run(page, context="#content-main", options=OPTIONS).response
        problems = [
            f"{rule['id']}: {node['html']}" for rule in seen["violations"] for node in rule["nodes"]
        ]
        page.set_viewport_size(PHONE)
        problems += ["wider than a phone"] if page.evaluate(IS_WIDER) else []
        problems += page.evaluate("window.reports")
        if problems:
            found[address] = problems

    assert found == {}


def test_from_a_step_to_its_people_and_to_a_pause_by_keyboard(
    page: "Page", live_server: LiveServer
) -> None:
    sign_in(page, live_server)
    sequence = branched(factories.WorkspaceFactory.create(name="Acme"))

    page.goto(live_server.url + page_url(sequence))
    press_on(page, lambda: page.locator("#step-1 a:has-text('1 here now')"))
    page.wait_for_selector("#result_list")
    rows = page.locator("#result_list tbody tr").count()
    page.goto(live_server.url + page_url(sequence))
    press_on(page, lambda: page.locator("a:has-text('Pause…')"))
    page.wait_for_selector("text=2 enrollments are under way")
    press_on(page, lambda: page.locator("#content-main button:has-text('Pause')"))
    page.wait_for_selector("text=Paused.")

    sequence.refresh_from_db()
    assert rows == 1
    assert sequence.status == Sequence.Status.PAUSED
    assert page.url == live_server.url + page_url(sequence)
    assert Enrollment.objects.count() == 2


def press_on(page: "Page", wanted: Callable[[], Any]) -> None:
    """Press Tab until something has the focus, then Enter."""
    is_there = "element => element === document.activeElement"
    for _ in range(80):
        page.keyboard.press("Tab")
        if wanted().evaluate(is_there):
            page.keyboard.press("Enter")
            page.wait_for_load_state()
            return
    pytest.fail(f"Tab does not come to {wanted()}")
