"""The page to leave by, as people see it: without scripts, by light and by dark."""

from typing import TYPE_CHECKING

import pytest
from pytest_django.live_server_helper import LiveServer

from subscribers.models import Subscriber
from subscribers.services.consent import unsubscribing
from tests import factories

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
GROUND = "getComputedStyle(document.body).backgroundColor"


def test_the_button_unsubscribes_where_scripts_are_off(
    browser: "Browser", live_server: LiveServer
) -> None:
    person = factories.SubscriberFactory.create()
    page = browser.new_context(java_script_enabled=False).new_page()

    page.goto(f"{live_server.url}/u/{unsubscribing.link_token(person)}")
    before = Subscriber.objects.get().status
    page.click("button")
    page.wait_for_selector("text=You are unsubscribed")

    assert before == "active"
    assert Subscriber.objects.get().status == "unsubscribed"
    assert page.context.cookies() == []


def test_the_page_follows_light_and_dark_and_breaks_no_policy(
    browser: "Browser", live_server: LiveServer
) -> None:
    grounds, complaints = [], []
    for scheme in ("light", "dark"):
        page = browser.new_context(color_scheme=scheme).new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.goto(f"{live_server.url}/u/anything")
        grounds.append(page.evaluate(GROUND))

    assert grounds == ["rgb(243, 244, 244)", "rgb(16, 16, 19)"]
    assert complaints == []
