"""Sessions of the admin end; their cookies belong to one host."""

from datetime import timedelta

import pytest
import time_machine
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from tests.project.test_the_house import run
from tests.support.signing_in import PASSWORD, sign_in

LIST = "/admin/subscribers/subscriber/"
SHOW = (
    "from django.conf import settings as s;"
    "print(s.SESSION_COOKIE_NAME, s.CSRF_COOKIE_NAME, s.SESSION_COOKIE_SECURE,"
    " s.CSRF_COOKIE_SECURE, s.SESSION_COOKIE_PATH, s.SESSION_COOKIE_DOMAIN, s.CSRF_COOKIE_DOMAIN)"
)


@pytest.fixture
def browser(db: None) -> Client:
    """Somebody who has signed in now."""
    User.objects.create_superuser("ada", password=PASSWORD)
    client = Client()
    sign_in(client=client)
    assert client.get(LIST).status_code == 200
    return client


def status_after(client: Client, minutes: int) -> int:
    """Open a page some time from now."""
    with time_machine.travel(timezone.now() + timedelta(minutes=minutes)):
        return client.get(LIST).status_code


def test_a_session_ends_when_nobody_uses_it_for_two_hours(browser: Client) -> None:
    assert status_after(browser, 119) == 200
    assert status_after(browser, 119 + 119) == 200
    assert status_after(browser, 119 + 119 + 121) == 302


def test_a_session_ends_after_twelve_hours_of_use(browser: Client) -> None:
    for minutes in range(60, 12 * 60, 60):
        assert status_after(browser, minutes) == 200

    assert status_after(browser, 12 * 60 + 1) == 302
    with time_machine.travel(timezone.now() + timedelta(minutes=12 * 60 + 2)):
        sign_in(client=browser)
        assert browser.get(LIST).status_code == 200


def test_a_page_writes_the_session_once_a_minute_at_most(browser: Client) -> None:
    assert "sessionid" not in browser.get(LIST).cookies
    with time_machine.travel(timezone.now() + timedelta(minutes=2)):
        assert "sessionid" in browser.get(LIST).cookies


@pytest.mark.parametrize("key", ["\0" * 32, "a" * 31 + "\0", "\xff" * 32])
def test_a_cookie_that_is_no_key_is_no_fault(browser: Client, key: str) -> None:
    browser.cookies["sessionid"] = key

    assert browser.get(LIST).status_code == 302


def test_cookies_belong_to_the_host_over_https() -> None:
    _, https = run("shell", "--no-imports", "-c", SHOW, PUBLIC_URL="https://mail.example.com")
    _, http = run("shell", "--no-imports", "-c", SHOW, PUBLIC_URL="http://127.0.0.1:8000")

    assert https.split() == [
        "__Host-sessionid", "__Host-csrftoken", "True", "True", "/", "None", "None"
    ]  # fmt: skip
    assert http.split() == ["sessionid", "csrftoken", "False", "False", "/", "None", "None"]
