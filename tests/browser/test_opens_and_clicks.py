"""A tracked mail in a real browser, and the same mail at a scanner's."""

import urllib.request
from typing import TYPE_CHECKING

import pytest
from pytest_django.fixtures import Settings
from pytest_django.live_server_helper import LiveServer

from subscribers.models import MailActivity
from tests.support.tracked_mail import message_of, sent_mail

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/140.0.0.0 Safari/537.36"


def test_a_person_is_counted_once_and_a_scanner_as_a_machine(
    browser: "Browser", live_server: LiveServer, settings: Settings
) -> None:
    settings.PUBLIC_URL = live_server.url
    target = f"{live_server.url}/healthz"
    mail = sent_mail(html=f'<body><a href="{target}">Read</a></body>', text="Read.")
    scanned = sent_mail(html=mail.html, text="Read.")
    page = browser.new_context(user_agent=CHROME).new_page()

    page.set_content(message_of(mail).html, wait_until="networkidle")
    page.click("text=Read")
    page.wait_for_url(target)
    source = message_of(scanned).html
    for address in (each for each in source.split('"') if each.startswith(live_server.url)):
        urllib.request.urlopen(address).read()  # noqa: S310 - our own server

    rows = MailActivity.objects.order_by("id").values_list("email", "kind", "quality", "times")
    assert list(rows) == [
        (mail.pk, "opened", "human", 1),
        (mail.pk, "clicked", "human", 1),
        (scanned.pk, "clicked", "machine", 1),
        (scanned.pk, "opened", "machine", 1),
    ]
    assert page.context.cookies() == []
