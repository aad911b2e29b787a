"""The second factor: set up, asked for, required, lost."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone
from django_otp.plugins.otp_static.models import StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice
from pytest_django.fixtures import Settings

from config.admin_base import admin_url, list_url, view_url
from config.sign_in.models import SignIn
from tests.support.signing_in import PASSWORD, code_of, next_of, set_up, sign_in

LIST = "/admin/subscribers/subscriber/"
CODE = "/admin/enter-code/"
SET_UP = "/admin/second-factor/set-up/"
OWN = "/admin/second-factor/"
LATER = timedelta(seconds=90)


@pytest.fixture
def ada(db: None) -> User:
    """Somebody who may look in."""
    return User.objects.create_superuser("ada", password=PASSWORD)


@pytest.fixture
def phone(ada: User, client: Client) -> tuple[str, list[str]]:
    """Her app's key and her recovery codes; `client` is the browser that set them up."""
    assert sign_in(client=client).status_code == 302
    return set_up(client)


def is_in(client: Client) -> bool:
    """Tell whether the admin shows its pages."""
    return client.get(LIST).status_code == 200


def half_signed_in() -> Client:
    """Return a browser that has given the password only."""
    client = Client()
    assert next_of(sign_in(client=client))[0] == CODE
    return client


def enter(client: Client, code: str) -> Any:
    """Send a code from the address of the password."""
    return client.post(CODE, {"code": code}, REMOTE_ADDR="192.0.2.1")


def test_without_a_device_the_password_is_enough(ada: User, client: Client) -> None:
    sign_in(client=client)

    assert is_in(client)


def test_setting_up_shows_ten_codes_once_and_keeps_only_hashes(
    phone: tuple[str, list[str]], client: Client
) -> None:
    _, codes = phone

    assert len(set(codes)) == 10
    kept = set(StaticToken.objects.values_list("token", flat=True))
    assert len(kept) == 10
    assert not kept & {code.replace("-", "") for code in codes}
    assert codes[0] not in client.get(OWN).content.decode()
    assert is_in(client)


def test_a_wrong_code_sets_nothing_up(ada: User, client: Client) -> None:
    sign_in(client=client)
    client.get(SET_UP)

    answer = client.post(SET_UP, {"code": "000000"})

    assert "This code is wrong" in answer.content.decode()
    assert not TOTPDevice.objects.exists()


@pytest.mark.parametrize("path", [LIST, OWN, SET_UP, "/admin/", "/admin/password_change/"])
def test_the_password_alone_opens_no_page(phone: tuple[str, list[str]], path: str) -> None:
    client = half_signed_in()

    for answer in (client.get(path), client.post(path, {"code": "1"})):
        assert answer.status_code == 302
        assert next_of(answer)[0] in {"/admin/login/", CODE}
    assert next_of(client.get("/admin/login/?next=" + LIST)) == (CODE, [LIST])


def test_the_code_lets_in_and_leads_to_the_page_that_was_asked_for(
    phone: tuple[str, list[str]],
) -> None:
    key, _ = phone
    client = half_signed_in()

    with time_machine.travel(timezone.now() + LATER):
        answer = client.post(f"{CODE}?next={LIST}", {"code": code_of(key)})

    assert answer.headers["Location"] == LIST
    assert is_in(client)
    assert SignIn.objects.filter(outcome="succeeded").count() == 2


@pytest.mark.parametrize("place", ["https://evil.example", "//evil.example", "javascript:alert(1)"])
def test_a_code_leads_to_no_other_host(phone: tuple[str, list[str]], place: str) -> None:
    key, _ = phone
    client = half_signed_in()

    with time_machine.travel(timezone.now() + LATER):
        answer = client.post(f"{CODE}?next={place}", {"code": code_of(key)})

    assert answer.headers["Location"] == "/admin/"


def test_who_gave_the_wrong_name_signs_in_as_somebody_else(phone: tuple[str, list[str]]) -> None:
    User.objects.create_superuser("bob", password=PASSWORD)
    client = half_signed_in()

    client.post("/admin/sign-out/")
    assert client.get("/admin/login/").status_code == 200
    sign_in(client=client, name="bob")

    assert is_in(client)


def test_a_code_works_once(phone: tuple[str, list[str]]) -> None:
    key, _ = phone
    with time_machine.travel(timezone.now() + LATER):
        code = code_of(key)
        assert enter(half_signed_in(), code).status_code == 302

        second = half_signed_in()
        assert "This code is wrong" in enter(second, code).content.decode()

    assert not is_in(second)


def test_a_recovery_code_works_once(phone: tuple[str, list[str]]) -> None:
    _, codes = phone
    first, second = half_signed_in(), half_signed_in()

    assert enter(first, codes[3].upper().replace("-", " ")).status_code == 302
    assert is_in(first)
    assert "This code is wrong" in enter(second, codes[3]).content.decode()
    assert "9 recovery codes are left" in first.get(OWN).content.decode()


def test_wrong_codes_make_the_device_wait(phone: tuple[str, list[str]]) -> None:
    client = half_signed_in()
    enter(client, "000000")

    answer = enter(client, "000000")

    assert answer.status_code == 429
    assert "Too many wrong codes" in answer.content.decode()
    assert SignIn.objects.filter(outcome="wrong_code").count() == 1


def test_wrong_codes_count_like_wrong_passwords(phone: tuple[str, list[str]]) -> None:
    client = half_signed_in()
    now = timezone.now()
    for number in range(10):
        TOTPDevice.objects.update(throttling_failure_count=0)
        with time_machine.travel(now + timedelta(seconds=number)):
            assert enter(client, "000000").status_code == 200

    assert enter(client, "000000").status_code == 429
    assert sign_in().status_code == 429


def test_other_sessions_need_the_code_once_there_is_a_device(ada: User) -> None:
    old, new = Client(), Client()
    sign_in(client=old)
    sign_in(client=new)

    set_up(new)

    assert is_in(new)
    assert not is_in(old)


def test_who_has_the_password_cannot_set_another_device_up(phone: tuple[str, list[str]]) -> None:
    client = half_signed_in()

    assert next_of(client.get(SET_UP))[0] == CODE
    assert next_of(client.post(SET_UP, {"code": "123456"}))[0] == CODE
    assert TOTPDevice.objects.count() == 1


def test_where_it_is_required_staff_set_it_up_and_can_do_nothing_else(
    ada: User, client: Client, settings: Settings
) -> None:
    settings.REQUIRE_2FA = True

    answer = sign_in(client=client)
    assert next_of(answer)[0] == CODE
    assert next_of(client.get(CODE))[0] == SET_UP
    assert not is_in(client)
    assert next_of(client.get(OWN))[0] == "/admin/login/"
    assert not SignIn.objects.exists()
    set_up(client)

    assert is_in(client)
    assert SignIn.objects.get().outcome == "succeeded"


def test_a_session_from_before_it_was_required_ends(
    ada: User, client: Client, settings: Settings
) -> None:
    sign_in(client=client)
    assert is_in(client)

    settings.REQUIRE_2FA = True

    assert not is_in(client)


def test_the_owner_removes_it_with_the_password(
    phone: tuple[str, list[str]], client: Client
) -> None:
    wrong = client.post(OWN, {"password": "wrong"})
    assert "This is not your password" in wrong.content.decode()
    assert TOTPDevice.objects.exists()

    client.post(OWN, {"password": PASSWORD})

    assert not TOTPDevice.objects.exists()
    assert not StaticToken.objects.exists()
    assert is_in(client)
    words = LogEntry.objects.order_by("pk").values_list("change_message", flat=True)
    assert list(words) == ["Second factor set up", "Second factor removed"]


def test_guessing_the_password_there_is_limited(
    phone: tuple[str, list[str]], client: Client
) -> None:
    for _ in range(10):
        client.post(OWN, {"password": "wrong"})

    assert client.post(OWN, {"password": PASSWORD}).status_code == 429


def test_only_a_superuser_removes_somebody_else_s(
    phone: tuple[str, list[str]], ada: User, admin_client: Client
) -> None:
    address = view_url(ada, "remove-second-factor")
    assert "Remove second factor" in admin_client.get(admin_url(ada)).content.decode()
    assert admin_client.get(list_url(User)).status_code == 200

    helper = Client()
    helper.force_login(User.objects.create_user("helper", is_staff=True))
    assert helper.post(address).status_code == 403
    assert admin_client.get(address).status_code == 405
    admin_client.post(address)

    assert not TOTPDevice.objects.exists()
    assert LogEntry.objects.latest("pk").user_id != ada.pk


def test_the_command_helps_who_lost_the_device(phone: tuple[str, list[str]]) -> None:
    with pytest.raises(CommandError, match="no user"):
        call_command("remove_second_factor", "nobody")

    call_command("remove_second_factor", "ada")

    assert sign_in().headers["Location"] == "/admin/"
    with pytest.raises(CommandError, match="no second factor"):
        call_command("remove_second_factor", "ada")


def test_the_keys_of_devices_are_on_no_page(
    phone: tuple[str, list[str]], admin_client: Client
) -> None:
    for path in ("/admin/otp_totp/totpdevice/", "/admin/otp_static/staticdevice/"):
        assert admin_client.get(path).status_code == 404


def test_the_picture_comes_with_the_page(ada: User, client: Client) -> None:
    sign_in(client=client)

    answer = client.get(SET_UP)

    assert 'src="data:image/svg+xml' in answer.content.decode()
    assert "img-src 'self' data:" in answer.headers["Content-Security-Policy"]
    assert "no-store" in answer.headers["Cache-Control"]
