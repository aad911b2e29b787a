"""Consent as operators work with it: a confirmation mail is written, and somebody is confirmed."""

from typing import TYPE_CHECKING

import pytest
from django.utils import timezone
from pytest_django.live_server_helper import LiveServer

from config.admin_base import admin_url
from subscribers.models import ConsentRecord, Subscriber, Suppression, Workspace
from tests import factories
from tests.browser.test_admin_in_a_browser import WATCH, sign_in

if TYPE_CHECKING:
    from playwright.sync_api import Dialog, Page

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

TEMPLATE = """<script>alert(1)</script><img src=x onerror="alert(2)">
<p>Is it you?</p><a href="{{DOUBLE_OPT_IN_URL}}">Yes</a>"""


def test_a_mail_is_written_refused_without_its_link_and_seen_where_nothing_runs(
    page: "Page", live_server: LiveServer
) -> None:
    sign_in(page, live_server)
    workspace = factories.WorkspaceFactory.create(name="Acme")
    dialogs: list[str] = []

    def note_dialog(dialog: "Dialog") -> None:
        dialogs.append(dialog.message)
        dialog.dismiss()

    page.on("dialog", note_dialog)
    page.add_init_script(WATCH)

    page.goto(live_server.url + admin_url(workspace))
    page.fill("textarea[name=confirmation_html]", "<p>Is it you?</p>")
    page.click("button[name=_continue]")
    refusal = page.inner_text(".errorlist")
    page.fill("textarea[name=confirmation_html]", TEMPLATE)
    page.click("button[name=_continue]")
    page.wait_for_selector("text=was changed successfully")
    shown = page.frame_locator("iframe.cueline-mail").locator("body").inner_text()

    assert "{{DOUBLE_OPT_IN_URL}}" in refusal
    assert "Is it you?" in shown
    assert dialogs == []
    assert page.evaluate("window.reports") == []
    assert Workspace.objects.get().confirmation_html == TEMPLATE


def test_somebody_pending_is_found_confirmed_and_put_down_by_clicking(
    page: "Page", live_server: LiveServer
) -> None:
    sign_in(page, live_server)
    person = factories.SubscriberFactory.create(pending=True, email="ada@example.com")
    factories.ConfirmationFactory.create(subscriber=person, mails=2, asked_at=timezone.now())

    page.click("nav >> text=Pending people")
    page.click("text=ada@example.com")
    page.click("summary:text-is('More')")
    page.click("text=Confirm manually")
    page.fill("input[name=reason]", "Said so on the phone")
    page.click("button:has-text('Confirm')")
    page.wait_for_selector("text=is confirmed")
    status = Subscriber.objects.get().status
    page.click("summary:text-is('More')")
    page.click("text=Suppress…")
    page.fill("input[name=reason]", "Asked by letter")
    page.click("button:has-text('Suppress')")
    page.wait_for_selector("text=gets no more mail")
    page.click("text=Suppressed (manual)")
    page.click("text=Remove…")
    page.fill("input[name=reason]", "Changed their mind")
    page.click("button:has-text('Remove')")
    page.wait_for_selector("text=is no longer suppressed")

    assert status == "active"
    assert not Suppression.objects.exists()
    reasons = ConsentRecord.objects.order_by("pk").values_list("kind", "reason")
    assert list(reasons) == [
        ("confirmed", "Said so on the phone"),
        ("suppressed", "Asked by letter"),
        ("released", "Changed their mind"),
    ]
