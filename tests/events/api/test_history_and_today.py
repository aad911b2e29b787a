"""History says nothing about today: it only fills what is empty of a person, and answers say so."""

from typing import Any

import pytest

from subscribers.models import Subscriber
from tests.events.api.test_warnings import warned
from tests.support.calling import IMPORTS, SINGLE, Caller

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("both_ways")]
LONG_AGO = "2026-01-31T09:30:00Z"
TODAY: dict[str, Any] = {
    "email": "h@example.com",
    "firstName": "New",
    "customAttributes": {"plan": "enterprise", "seats": 2},
}
OLD: dict[str, Any] = {
    "email": "h@example.com",
    "firstName": "Old",
    "lastName": "Moss",
    "customAttributes": {"plan": "free", "seats": None, "source": "ad"},
}
FILLED = ("New", "Moss", {"plan": "enterprise", "seats": 2, "source": "ad"})
OTHER_NAME = "was not stored: the person has another one, which stays."
KEPT = "was not stored: history only adds what is missing, and the person has a value."


@pytest.fixture(autouse=True)
def known(caller: Caller) -> None:
    caller.bulk({"name": "x"}, **TODAY)


def stored() -> tuple[str, str, dict[str, Any]]:
    person = Subscriber.objects.get()
    return person.first_name, person.last_name, person.attributes


def test_a_request_of_history_alone_only_fills_what_is_empty(caller: Caller) -> None:
    wrong = {"name": 7}

    reply = caller.bulk(
        {"name": "x", "eventId": "1", "occurredAt": LONG_AGO},
        {"name": "y", "eventId": "2", "occurredAt": LONG_AGO},
        wrong,
        **OLD,
    )

    assert stored() == FILLED
    assert warned(reply.json) == {
        "firstName": OTHER_NAME,
        "customAttributes.plan": KEPT,
        "customAttributes.seats": KEPT,
    }


def test_the_call_of_one_event_and_its_dry_run_say_alike(caller: Caller) -> None:
    old = {**OLD, "event": "x", "occurredAt": LONG_AGO}

    dry = caller.post(f"{SINGLE}?dryRun=true", old)
    before = stored()
    reply = caller.post(SINGLE, old)

    assert before == ("New", "", TODAY["customAttributes"])
    assert stored() == FILLED
    assert list(warned(reply.json)) == [
        "firstName", "customAttributes.plan", "customAttributes.seats",
    ]  # fmt: skip
    assert dry.json["warnings"] == reply.json["warnings"]


@pytest.mark.parametrize("recent", [{}, {"eventId": "again"}])
def test_beside_one_live_event_what_a_request_says_is_of_today(
    caller: Caller, recent: dict[str, str]
) -> None:
    caller.bulk({"name": "x", "eventId": "again", "occurredAt": LONG_AGO}, email=TODAY["email"])

    reply = caller.bulk({"name": "x", "occurredAt": LONG_AGO}, {"name": "x", **recent}, **OLD)

    assert stored() == ("New", "Moss", {"plan": "free", "source": "ad"})
    assert list(warned(reply.json)) == ["firstName"]


def test_what_history_repeats_is_no_warning(caller: Caller) -> None:
    same = {"plan": "enterprise", "old": None}

    reply = caller.bulk(
        {"name": "x", "occurredAt": LONG_AGO}, email=TODAY["email"], customAttributes=same
    )

    assert warned(reply.json) == {}
    assert stored()[2] == TODAY["customAttributes"]


def test_a_person_whom_history_creates_has_all_that_it_says(caller: Caller) -> None:
    Subscriber.objects.all().delete()

    reply = caller.bulk({"name": "x", "occurredAt": LONG_AGO}, **OLD)

    assert stored() == ("Old", "Moss", {"plan": "free", "source": "ad"})
    assert warned(reply.json) == {}


def test_in_an_import_each_event_is_of_its_own_time(caller: Caller) -> None:
    old = {**OLD, "name": "x", "occurredAt": LONG_AGO}
    other = {"plan": "trial", "seats": 9, "source": "fair"}

    reply = caller.post(
        IMPORTS,
        {
            "events": [
                {**old, "eventId": "1"},
                {**old, "eventId": "2", "customAttributes": other},
                {**TODAY, "name": "x", "eventId": "3", "customAttributes": {"seats": 5}},
            ]
        },
    )

    assert reply.json["recorded"] == 3
    assert stored() == ("New", "Moss", {"plan": "enterprise", "seats": 5, "source": "ad"})
    assert warned(reply.json) == {
        "events[0].firstName": OTHER_NAME,
        "events[0].customAttributes.plan": KEPT,
        "events[0].customAttributes.seats": KEPT,
        "events[1].customAttributes.plan": KEPT,
        "events[1].customAttributes.source": KEPT,
    }
