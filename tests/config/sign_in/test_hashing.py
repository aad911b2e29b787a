"""Password hashes: Argon2, few at a time, and the same work for every name."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.contrib.auth import password_validation
from django.contrib.auth.hashers import Argon2PasswordHasher, PBKDF2PasswordHasher, make_password
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.test import Client, override_settings

from config.management import first_run
from config.sign_in import hashing
from config.sign_in.limits import Refused
from tests.support.signing_in import PASSWORD, sign_in

OLD = "config.sign_in.hashing.OldHasher"
NEW = "config.sign_in.hashing.Argon2Hasher"


@pytest.fixture(autouse=True)
def real_hashers(db: None) -> Any:
    """The product's own, which the other tests do without."""
    with override_settings(PASSWORD_HASHERS=[NEW, OLD]):
        yield


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Which hashes are computed, counted by algorithm."""
    counts: Counter[str] = Counter()

    def count(kind: type[Any], name: str) -> None:
        work = getattr(kind, name)

        def counted(self: Any, *given: Any, **named: Any) -> Any:
            counts[self.algorithm] += 1
            return work(self, *given, **named)

        monkeypatch.setattr(kind, name, counted)

    count(Argon2PasswordHasher, "encode")
    count(Argon2PasswordHasher, "verify")
    # Its `verify` calls `encode`.
    count(PBKDF2PasswordHasher, "encode")
    return counts


def old_user(name: str) -> User:
    """Make somebody whose password was hashed by release 0.2.0."""
    return User.objects.create(username=name, password=make_password(PASSWORD, hasher=hashing.OLD))


@contextmanager
def all_places_taken() -> Iterator[None]:
    """Let two other threads hash."""
    go, inside = threading.Event(), threading.Barrier(hashing.AT_ONCE + 1)

    def hold() -> None:
        with hashing.slot():
            inside.wait()
            go.wait()

    threads = [threading.Thread(target=hold) for _ in range(hashing.AT_ONCE)]
    for thread in threads:
        thread.start()
    inside.wait()
    try:
        yield
    finally:
        go.set()
        for thread in threads:
            thread.join()


def test_passwords_are_hashed_by_argon2() -> None:
    assert User.objects.create_user("ada", password=PASSWORD).password.startswith(
        "argon2$argon2id$v=19$m=19456,t=2,p=1$"
    )


def test_an_old_hash_works_and_is_replaced_at_sign_in() -> None:
    person = old_user("ada")
    User.objects.filter(pk=person.pk).update(is_staff=True)

    assert sign_in().status_code == 302
    person.refresh_from_db()
    assert person.password.startswith("argon2$")
    assert sign_in().status_code == 302


@pytest.mark.parametrize("has_old_users", [False, True])
def test_a_wrong_password_costs_the_same_for_every_name(
    hashed: Counter[str], has_old_users: bool
) -> None:
    User.objects.create_user("new", password=PASSWORD)
    User.objects.create_user("unusable")
    User.objects.create_user("switched-off", password=PASSWORD, is_active=False)
    names = ["new", "unusable", "switched-off", "nobody"]
    if has_old_users:
        old_user("old")
        names.append("old")
    costs = []
    for name in names:
        hashed.clear()
        assert sign_in("wrong password", name=name).status_code == 200
        costs.append(dict(hashed))

    expected = {"argon2": 1, "pbkdf2_sha256": 1} if has_old_users else {"argon2": 1}
    assert costs == [expected] * len(names)


def test_the_third_at_a_time_is_refused_at_once_and_a_readable_page() -> None:
    User.objects.create_superuser("ada", password=PASSWORD)
    with all_places_taken():
        answer = sign_in()
        with pytest.raises(Refused):
            make_password("of any page")

    assert answer.status_code == 429
    assert answer.headers["Retry-After"] == "2"
    assert "Too many people are signing in" in answer.content.decode()
    assert sign_in().status_code == 302


def test_changing_a_password_takes_a_place_as_well() -> None:
    client = Client(raise_request_exception=False)
    client.force_login(User.objects.create_superuser("ada", password=PASSWORD))
    fields = {"old_password": PASSWORD, "new_password1": "x", "new_password2": "x"}

    with all_places_taken():
        assert client.post("/admin/password_change/", fields).status_code == 429


def test_passwords_have_twelve_characters() -> None:
    with pytest.raises(ValidationError, match="at least 12"):
        password_validation.validate_password("qV7-pLs2xWz")
    password_validation.validate_password("qV7-pLs2xWz!")
    password = first_run.make_what_is_missing().password
    assert password
    password_validation.validate_password(password)
