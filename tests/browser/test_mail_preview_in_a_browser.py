"""The preview of what is typed, from the editor: its frames, on a phone, and with axe."""

from typing import TYPE_CHECKING, Literal

import pytest
from pytest_django.live_server_helper import LiveServer

from config.admin_base import admin_url, view_url
from subscribers.models import Workspace
from tests.browser.test_admin_in_a_browser import sign_in
from tests.support.sequence_making import MAIL, make_sequence

if TYPE_CHECKING:
    from playwright.sync_api import Dialog, Page

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
HOSTILE = "Hi <script>alert(1)</script> **{{subscriber.firstName}}** [x](javascript:alert(2))"
IS_WIDER = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
# axe would wait for frames in which nothing runs; the frame around the pages is the skin's.
OPTIONS = {
    "iframes": False,
    "rules": {name: {"enabled": False} for name in ("landmark-one-main", "region")},
}


def test_what_is_typed_fills_both_screens_and_is_not_saved(
    page: "Page", live_server: LiveServer, workspace: Workspace
) -> None:
    sequence = make_sequence(workspace, MAIL)
    sign_in(page, live_server)
    dialogs: list[str] = []

    def note(dialog: "Dialog") -> None:
        dialogs.append(dialog.message)
        dialog.dismiss()

    page.context.on("dialog", note)

    page.goto(live_server.url + admin_url(sequence))
    page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true })")
    page.select_option("[name=steps-0-body_format]", "markdown")
    page.fill("[name=steps-0-html]", HOSTILE)
    with page.context.expect_page() as opened:
        page.click("button:text-is('Preview and test')")
    preview = opened.value
    for width in (700, 390):
        shown = preview.frame_locator(f"iframe[name=mail-{width}]").locator("p").first
        assert shown.inner_text() == "Hi <script>alert(1)</script> Ada [x](javascript:alert(2))"

    assert dialogs == []
    assert preview.locator("button:text-is('Show'):visible").count() == 0
    # The editor is as it was.
    assert page.input_value("[name=steps-0-html]") == HOSTILE
    assert sequence.versions.count() == 1


def test_axe_finds_nothing_and_a_phone_is_wide_enough(
    page: "Page", live_server: LiveServer, workspace: Workspace
) -> None:
    from axe_playwright_python.sync_playwright import Axe  # noqa: PLC0415 - in `checks` only

    long = f"{'long' * 60} https://shop.example/{'path' * 60}"
    sequence = make_sequence(
        workspace, {**MAIL, "subject": long, "previewText": long, "text": long}
    )
    page.set_viewport_size({"width": 390, "height": 844})
    sign_in(page, live_server, is_wide=False)
    found = []
    schemes: tuple[Literal["light", "dark"], ...] = ("light", "dark")

    for scheme in schemes:
        page.emulate_media(color_scheme=scheme)
        page.goto(f"{live_server.url}{view_url(sequence, 'mail')}?number=1")
        answer = Axe().run(page, context="#content-main", options=OPTIONS).response
        found += [
            f"{rule['id']}: {node['html']}"
            for rule in answer["violations"]
            for node in rule["nodes"]
        ]
        found += ["wider than a phone"] if page.evaluate(IS_WIDER) else []

    assert found == []
