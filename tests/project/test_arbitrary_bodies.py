"""Hostile JSON: whatever comes, the answer is one of the contract's, on both databases alike."""

import json
import random
from typing import Any

import hypothesis
import pytest
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from events.models import Event
from subscribers.models import Subscriber
from subscribers.services.workspaces import workspaces
from tests.conftest import new_caller
from tests.support.calling import BULK, IMPORTS, SINGLE, Caller

ODD_TEXT = st.text(
    alphabet=st.one_of(
        st.characters(), st.sampled_from("\x00\x1f\x7f\u0085\u2028\u202e\ud800\udfff@.-_ '\"<\\")
    ),
    max_size=40,
)
NUMBERS = st.one_of(
    st.integers(), st.floats(), st.sampled_from([10**400, -(10**309), 1e308, 5e-324, 2**63, -0.0])
)
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, ODD_TEXT),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(ODD_TEXT, inner, max_size=4)
    ),
    max_leaves=12,
)
ADDRESSES = st.one_of(st.emails(), st.sampled_from(["a@example.com", "A@EXAMPLE.com"]), JSON)
EVENT = st.one_of(
    st.fixed_dictionaries(
        {"name": st.one_of(st.sampled_from(["a", "b"]), ODD_TEXT, JSON)},
        optional={
            "eventId": st.one_of(st.sampled_from(["1", "2"]), JSON),
            "properties": st.one_of(st.dictionaries(ODD_TEXT, JSON, max_size=4), JSON),
            "occurredAt": st.one_of(
                st.datetimes(timezones=st.timezones()).map(lambda moment: moment.isoformat()), JSON
            ),
            "email": ADDRESSES,
            "externalId": st.one_of(st.sampled_from(["x", "y"]), JSON),
        },
    ),
    JSON,
)
BODY = st.one_of(
    st.fixed_dictionaries(
        {},
        optional={
            "email": ADDRESSES,
            "externalId": st.one_of(st.sampled_from(["x", "y"]), JSON),
            "event": st.one_of(ODD_TEXT, JSON),
            "firstName": JSON,
            "lastName": JSON,
            "customAttributes": st.one_of(st.dictionaries(ODD_TEXT, JSON, max_size=4), JSON),
            "events": st.one_of(st.lists(EVENT, max_size=6), JSON),
        },
    ),
    JSON,
)
EXPECTED = {200, 207, 400, 404, 409}


class TestArbitraryBodies(TestCase):
    """One transaction an example, rolled back after it."""

    @hypothesis.settings(max_examples=250, deadline=None)
    @hypothesis.given(path=st.sampled_from([BULK, SINGLE, IMPORTS]), body=BODY)
    def test_any_json_gets_an_answer_of_the_contract(self, path: str, body: Any) -> None:
        _check(path, json.dumps(body).encode())

    @hypothesis.settings(max_examples=100, deadline=None)
    @hypothesis.given(path=st.sampled_from([BULK, SINGLE, IMPORTS]), body=st.binary(max_size=200))
    def test_any_bytes_get_an_answer_of_the_contract(self, path: str, body: bytes) -> None:
        _check(path, body)


def _check(path: str, body: bytes) -> None:
    caller = new_caller(workspaces.create(name="Acme"))

    reply = caller.post(path, body)

    assert reply.status in EXPECTED
    assert isinstance(reply.json["success"], bool)
    if reply.status >= 400:
        assert not Event.objects.exists()
        assert not Subscriber.objects.exists()
    elif path == BULK:
        recorded = [event for event in reply.json["events"] if "id" in event]
        assert Event.objects.count() == len({event["id"] for event in recorded})
        assert reply.json["success"] is (reply.status == 200)
    elif path == IMPORTS:
        assert Event.objects.count() == reply.json["recorded"]
        counted = reply.json["recorded"] + reply.json["duplicates"] + reply.json["failed"]
        assert counted == reply.json["total"]
        assert (reply.status == 207) is bool(reply.json["failed"])
    else:
        assert Event.objects.count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize(
    "value",
    [
        "\x00",
        "\ud800",
        "\udc00\ud800",
        "\u202e",
        "\ufeff",
        "\uffff",
        "\U0010ffff",
        10**308,
        10**309,
        -(10**400),
        1e308,
        5e-324,
        1.7976931348623157e308,
        2**63,
        2**64,
        [],
        {},
        [[[[]]]],
        "x" * 70_000,
    ],
    ids=lambda value: repr(value)[:20],
)
def test_what_is_stored_is_read_back_alike(caller: Caller, value: Any) -> None:
    reply = caller.bulk({"name": "a", "properties": {"v": value}}, {"name": "b"})

    refused = value in ("\x00", "\ud800", "\udc00\ud800", 10**309, -(10**400), "x" * 70_000)
    assert reply.status == (207 if refused else 200)
    if not refused:
        stored = Event.objects.get(definition__name="a").properties["v"]
        assert float(stored) == value if isinstance(value, float) else stored == value


ODD_VALUES: list[Any] = [
    None, True, 0, -1, 2.5, 10**400, "", " ", "a", "a@example.com", "x@localhost", "\x00", "\ud800",
    "x" * 300, "x" * 70_000, [], {}, [1], {"a": None}, {"\x00": 1}, "2026-01-01",
    "1999-01-01T00:00:00Z",
]  # fmt: skip
FIELDS = ["email", "externalId", "event", "eventId", "events", "firstName", "customAttributes"]
FIELDS += ["name", "properties", "occurredAt"]
# One digit a body: 2 is 200, 7 is 207, 4 is 400, 9 is 409, 0 is 404.
STATUSES_ON_EITHER_DATABASE = (
    "22222272224222774722774724722722774772224742724272444742272772244744722772724722"
    "22422274272274227422222227272247472227274224222274277277272474222274277272427474"
    "27227222427227727222247747224792242247727227247242442247227747227447227222442722"
    "74772272422472224722722749742242722222772722772772744772274772274722222272772772"
    "74224274474272222272472472277427277277472477972222477274424474272472472477222424"
)


def _odd_bodies() -> list[dict[str, Any]]:
    """Return 400 bodies in which some fields hold what they should not; the same every time."""
    chooser = random.Random(20261124)  # noqa: S311 - repeatable, not secret
    bodies = []
    for _ in range(400):
        event: dict[str, Any] = {"name": "a", "eventId": "1", "email": "a@example.com"}
        body: dict[str, Any] = {"email": "a@example.com", "event": "a", "events": [event, event]}
        body["events"].append({**event, chooser.choice(FIELDS): chooser.choice(ODD_VALUES)})
        if chooser.random() < 0.5:
            body[chooser.choice(FIELDS)] = chooser.choice(ODD_VALUES)
        bodies.append(body)
    return bodies


@pytest.mark.django_db
def test_odd_bodies_get_the_same_status_on_both_databases(caller: Caller) -> None:
    digits = {200: "2", 207: "7", 400: "4", 404: "0", 409: "9"}
    paths = [BULK, SINGLE, IMPORTS]

    statuses = [
        caller.post(paths[number % 3], body).status for number, body in enumerate(_odd_bodies())
    ]

    assert "".join(digits[status] for status in statuses) == STATUSES_ON_EITHER_DATABASE
