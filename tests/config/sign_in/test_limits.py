"""Signing in: wrong passwords are counted by name and address, by address, and in all."""

import hashlib
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings

from config.http.security_headers import security_headers
from config.sign_in import refusals
from config.sign_in.gate import SignInGate
from config.sign_in.limits import KEPT, Reason
from config.sign_in.models import SignIn
from tests import factories
from tests.support.signing_in import PASSWORD, sign_in


@pytest.fixture(autouse=True)
def ada(db: None) -> User:
    """Somebody who may look in; the process has refused nobody yet."""
    refusals._refused.clear()
    return User.objects.create_superuser("ada", password=PASSWORD)


def guess(times: int = 10, *, name: str = "ada", address: str = "192.0.2.1") -> None:
    """Send wrong passwords."""
    for _ in range(times):
        assert sign_in("wrong", name=name, address=address).status_code == 200


def refused(answer: Any) -> str:
    """Return the page of a refused sign-in."""
    assert answer.status_code == 429
    assert 0 < int(answer.headers["Retry-After"]) <= 15 * 60
    page: str = answer.content.decode()
    assert "Try again in" in page
    return page


def test_the_right_password_opens_the_door() -> None:
    assert sign_in().status_code == 302


def test_a_sign_in_from_the_sign_in_page_leads_to_the_home_page() -> None:
    assert sign_in().headers["Location"] == "/admin/"


def test_after_ten_guesses_even_the_right_password_waits() -> None:
    guess()

    assert "Too many wrong passwords for this name" in refused(sign_in())


def test_guesses_lock_nobody_else() -> None:
    guess()
    User.objects.create_superuser("bob", password=PASSWORD)

    assert sign_in(address="192.0.2.2").status_code == 302
    assert sign_in(name="bob").status_code == 302


def test_the_door_opens_again_after_a_quarter_of_an_hour() -> None:
    guess()

    with time_machine.travel(timezone.now() + timedelta(minutes=16)):
        assert sign_in().status_code == 302


def test_a_clock_that_was_ahead_makes_no_wait_longer() -> None:
    with time_machine.travel(timezone.now() + timedelta(hours=3)):
        guess()

    assert sign_in().status_code == 302


def test_a_sign_in_by_a_clock_that_was_ahead_forgives_nothing() -> None:
    with time_machine.travel(timezone.now() + timedelta(hours=3)):
        assert sign_in().status_code == 302

    guess()

    refused(sign_in())


def test_a_sign_in_ends_the_count_of_its_name_and_address() -> None:
    guess(9)
    assert sign_in().status_code == 302

    guess(9)

    assert sign_in().status_code == 302


def test_ever_new_names_from_one_address_are_refused(settings: Settings) -> None:
    settings.LOGIN_FAILURES_BY_ADDRESS = 5
    for number in range(5):
        guess(1, name=f"name{number}")

    assert "from your address." in refused(sign_in(name="another"))
    refused(sign_in())
    assert sign_in(address="192.0.2.2").status_code == 302


def test_the_next_address_of_an_ipv6_network_is_the_same_guesser(settings: Settings) -> None:
    settings.LOGIN_FAILURES_BY_ADDRESS = 5
    for number in range(5):
        guess(1, name=f"name{number}", address=f"2001:db8::{number}")

    refused(sign_in(address="2001:db8::ffff"))
    assert sign_in(address="2001:db8:0:1::1").status_code == 302


def test_guessing_from_everywhere_keeps_out_only_addresses_that_never_signed_in(
    settings: Settings,
) -> None:
    settings.LOGIN_FAILURES_IN_ALL = 10
    assert sign_in(address="198.51.100.1").status_code == 302
    for number in range(10):
        guess(1, name=f"name{number}", address=f"203.0.113.{number}")

    assert "from everywhere" in refused(sign_in(address="198.51.100.2"))
    assert sign_in(address="198.51.100.1").status_code == 302

    with time_machine.travel(timezone.now() + KEPT + timedelta(minutes=1)):
        factories.SignInFactory.create_batch(10)
        refused(sign_in(address="198.51.100.1"))


def test_every_attempt_is_on_record_and_refused_ones_are_not() -> None:
    guess()
    sign_in()
    sign_in(address="192.0.2.2")

    found = SignIn.objects.order_by("at").values_list("name", "network", "outcome")

    assert list(found) == [
        *[("ada", "192.0.2.1", "wrong_password")] * 10,
        ("ada", "192.0.2.2", "succeeded"),
    ]


def test_what_is_nobody_s_name_may_be_a_password_and_is_not_kept() -> None:
    guess(1, name="My-Secret-Password")

    row = SignIn.objects.get()

    assert row.name.startswith("unknown (")
    assert "Secret" not in str(row)
    # With the secret key in it, so that who reads the list cannot try words against it.
    assert hashlib.sha256(b"My-Secret-Password").hexdigest()[:12] not in row.name


def test_names_that_nobody_has_are_locked_like_others() -> None:
    guess(name="nobody")

    assert "for this name" in refused(sign_in(name="nobody"))


def test_old_rows_go_when_somebody_fails() -> None:
    factories.SignInFactory.create(at=timezone.now() - KEPT)

    guess(1)

    assert SignIn.objects.count() == 1


def test_the_command_unlocks() -> None:
    guess()

    call_command("unlock_sign_in", "--name", "bob")
    refused(sign_in())
    call_command("unlock_sign_in", "--name", "ada")

    assert sign_in().status_code == 302


def test_a_form_without_a_name_is_no_error() -> None:
    assert Client().post("/admin/login/", {}).status_code == 200
    assert Client().post("/admin/login/", {"username": "a\0", "password": "x"}).status_code == 200


@pytest.mark.parametrize("address", ["203.0.113.5:51234", "[2001:db8::1]:443", "unknown", "x" * 99])
def test_no_address_that_a_proxy_writes_is_an_error(settings: Settings, address: str) -> None:
    settings.BEHIND_PROXY = True

    answer = Client(headers={"X-Forwarded-For": address}).post(
        "/admin/login/", {"username": "ada", "password": PASSWORD}, REMOTE_ADDR="127.0.0.1"
    )

    assert answer.status_code == 302
    written = {"203.0.113.5:51234": "203.0.113.5", "[2001:db8::1]:443": "2001:db8::/64"}
    assert SignIn.objects.get().network == written.get(address, "127.0.0.1")


def test_a_network_that_is_refused_is_known_without_the_database(settings: Settings) -> None:
    settings.LOGIN_FAILURES_BY_ADDRESS = 5
    guess(5)
    refused(sign_in())

    known = refusals.recall("192.0.2.1")

    assert known is not None
    assert known.reason == Reason.ADDRESS
    assert refusals.recall("192.0.2.2") is None


def test_guessing_the_old_password_of_an_open_session_is_limited() -> None:
    client = Client()
    sign_in(client=client)
    new = "qV7-pLs2xWz!"
    fields = {"old_password": "wrong", "new_password1": new, "new_password2": new}

    for _ in range(10):
        assert client.post("/admin/password_change/", fields).status_code == 200

    assert SignIn.objects.filter(outcome="wrong_password").count() == 10
    right = {**fields, "old_password": PASSWORD}
    assert client.post("/admin/password_change/", right).status_code == 429
    call_command("unlock_sign_in")
    assert client.post("/admin/password_change/", right).status_code == 302
    assert client.get("/admin/password_change/done/").status_code == 200


def test_forms_that_cost_time_without_a_guess_are_limited_too() -> None:
    statuses: list[str] = []
    headers: list[tuple[str, str]] = []

    def answer(status: str, given: list[tuple[str, str]], *_: Any) -> Any:
        statuses.append(status)
        headers[:] = given

    def useless(environ: Any, start_response: Any) -> list[bytes]:
        start_response("403 Forbidden", [])
        return [b""]

    environ = {"PATH_INFO": "/admin/login/", "REQUEST_METHOD": "POST", "REMOTE_ADDR": "192.0.2.7"}
    for _ in range(70):
        SignInGate(useless)(environ, answer)

    assert statuses[:61] == ["403 Forbidden"] * 61
    assert statuses[61:] == ["429 Too Many Requests"] * 9
    assert set(security_headers()) <= set(headers)
    assert refusals.recall("192.0.2.1") is None


def test_a_locked_name_is_not_a_locked_network() -> None:
    guess()
    refused(sign_in())

    assert refusals.recall("192.0.2.1") is None
