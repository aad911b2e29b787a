"""Signing in: wrong passwords are counted by name and address."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.test import Client, RequestFactory
from django.utils import timezone
from pytest_django.fixtures import Settings

from config.http.client_ip import client_ip

PASSWORD = "correct horse battery"


@pytest.fixture(autouse=True)
def ada(db: None) -> User:
    """Somebody who may look in."""
    return User.objects.create_superuser("ada", password=PASSWORD)


def sign_in(password: str = PASSWORD, *, name: str = "ada", address: str = "192.0.2.1") -> Any:
    """Send the form."""
    fields = {"username": name, "password": password}
    return Client().post("/admin/login/", fields, REMOTE_ADDR=address)


def guess_until_locked() -> None:
    """Guess as often as it is allowed."""
    for _ in range(10):
        sign_in("wrong")


def test_the_right_password_opens_the_door() -> None:
    assert sign_in().status_code == 302


def test_a_sign_in_from_the_sign_in_page_leads_to_the_home_page() -> None:
    assert sign_in().headers["Location"] == "/admin/"


def test_after_ten_guesses_even_the_right_password_waits() -> None:
    guess_until_locked()

    answer = sign_in()

    assert answer.status_code == 429
    assert "Too many wrong passwords" in answer.content.decode()


def test_guesses_lock_nobody_else() -> None:
    guess_until_locked()
    User.objects.create_superuser("bob", password=PASSWORD)

    assert sign_in(address="192.0.2.2").status_code == 302
    assert sign_in(name="bob").status_code == 302


def test_the_door_opens_again_after_a_quarter_of_an_hour() -> None:
    guess_until_locked()

    with time_machine.travel(timezone.now() + timedelta(minutes=16)):
        assert sign_in().status_code == 302


def test_a_form_without_a_name_is_no_error() -> None:
    assert Client().post("/admin/login/", {}).status_code == 200


@pytest.mark.parametrize(
    ("is_behind_proxy", "header", "expected"),
    [
        (False, "203.0.113.9", "192.0.2.1"),
        (True, "203.0.113.9", "203.0.113.9"),
        (True, "10.0.0.1, 203.0.113.9", "203.0.113.9"),
        (True, "", "192.0.2.1"),
    ],
)
def test_only_the_proxy_s_word_on_the_caller_counts(
    settings: Settings, is_behind_proxy: bool, header: str, expected: str
) -> None:
    settings.BEHIND_PROXY = is_behind_proxy
    request = RequestFactory().get("/", HTTP_X_FORWARDED_FOR=header, REMOTE_ADDR="192.0.2.1")

    assert client_ip(request) == expected
