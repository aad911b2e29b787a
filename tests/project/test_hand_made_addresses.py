"""No address and no form of the admin, however it was made, is a fault of the server.

With `EVERY_VALUE=yes` each id and each field gets every bad value, else some of them in turn.
"""

import os
from collections.abc import Iterator

import pytest
from django.contrib.auth.models import User
from django.db import transaction
from django.http import QueryDict
from django.test import Client

from tests.support.admin_walk import addresses, asked_of, make_world

pytestmark = pytest.mark.django_db
EVERY_VALUE = bool(os.environ.get("EVERY_VALUE"))
AT_A_TIME = 1
# Asked for on every page.
OF_DJANGO = ("_", "csrfmiddlewaretoken")
# Quoted as the admin quotes ids (`_00`), and as addresses are quoted (an unpaired surrogate).
IDS = (
    "x", "0", "-1", "9" * 40, "%00", "_00", "%ED%A0%80", "_ED_A0_80", "a/b", "%F0%9F%92%A9",
    "00000000-0000-0000-0000-000000000000", "1e9", "%D9%A3", "None",
)  # fmt: skip
VALUES = (
    "\0", "x\0y", "9" * 400, "-1", "\u0663", "\u00b2", "0001-01-01", "9999-12-31T23:59", "1e999",
    "NaN", "{", "[" * 3000, "{{", "{% for a in (1..9) %}", "'\"<", "zzz", " ", "\ufffe\u2028\u202e",
    "evt_" + "f" * 32, "sub_" + "\u0663" * 32, "a = ", "= 1", "\U0001f4a9" * 300, "2147483648",
    "9223372036854775808", "%ED%A0%80",
)  # fmt: skip


@pytest.fixture
def names_read(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The names that a view has asked a request's address or form for."""
    names: set[str] = set()
    for method in ("get", "getlist", "__getitem__", "__contains__"):
        original = getattr(QueryDict, method)

        def noting(
            self: QueryDict, name: str, *more: object, _original: object = original
        ) -> object:
            names.add(str(name))
            return _original(self, name, *more)  # type: ignore[operator]  # the method of that name

        monkeypatch.setattr(QueryDict, method, noting)
    return names


def in_turn(values: tuple[str, ...], place: int) -> Iterator[str]:
    """Yield all values, or some of them, others at each place."""
    for number in range(len(values) if EVERY_VALUE else AT_A_TIME):
        yield values[(place * AT_A_TIME + number) % len(values)]


def status_of(client: Client, method: str, path: str, fields: dict[str, str]) -> int:
    """Ask, and undo what it changed."""
    with transaction.atomic():
        answer = (client.get if method == "GET" else client.post)(path, fields)
        if answer.streaming:
            b"".join(answer)
        transaction.set_rollback(True)
    return answer.status_code


@pytest.fixture
def operator() -> Client:
    return Client(raise_request_exception=False)


def test_a_bad_id_is_not_found(operator: Client) -> None:
    world = make_world()
    operator.force_login(User.objects.get(username="ada"))
    faults = []

    for place, address in enumerate(addresses(world)):
        row_id = str(world[address.model].pk) if address.model else ""
        if not row_id or row_id not in address.path:
            continue
        for bad in in_turn(IDS, place):
            path = address.path.replace(f"/{row_id}/", f"/{bad}/")
            for method in ("GET", "POST"):
                status = status_of(operator, method, path, asked_of(world, address))
                if status not in {302, 403, 404, 405}:
                    faults.append(f"{method} {path}: {status}")

    assert faults == []


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_bad_value_is_no_fault(operator: Client, names_read: set[str], method: str) -> None:
    world = make_world()
    operator.force_login(User.objects.get(username="ada"))
    faults = []
    place = 0

    for address in addresses(world):
        asked = asked_of(world, address)
        names_read.clear()
        if status_of(operator, method, address.path, asked) == 405:
            continue
        for name in sorted(each for each in names_read if not each.startswith(OF_DJANGO)):
            place += 1
            # Forms have many fields of a kind, and are drawn again each time.
            if method == "POST" and place % 4 and not EVERY_VALUE:
                continue
            for bad in in_turn(VALUES, place):
                status = status_of(operator, method, address.path, {**asked, name: bad})
                if status >= 500:
                    faults.append(f"{address} {name}={bad[:40]!r}: {status}")

    assert faults == []
