"""What a request gave and was not used: the answer's `warnings`, alike on all calls and paths."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine

from events.models import Event
from subscribers.models import Subscriber
from subscribers.services.consent import unsubscribing
from subscribers.services.consent.unsubscribing import UnsubscribeMethod
from tests.support.calling import ACCOUNT, IMPORTS, SINGLE, Caller
from tests.support.sequence_making import NOON

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("both_ways")]
NOW = "unknown; did you mean occurredAt? The event was recorded as happening now."


@pytest.fixture(autouse=True)
def clock() -> Iterator[Any]:
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


def warned(answer: Any) -> dict[str, str]:
    """Return the warnings by path."""
    found = answer.get("warnings", [])
    assert found or "warnings" not in answer
    return {each["path"]: each["message"] for each in found}


@pytest.mark.parametrize("times", [1, 2])
def test_unknown_fields_are_named_with_the_nearest_known_word(caller: Caller, times: int) -> None:
    for _ in range(times):
        reply = caller.bulk(
            {"name": "x", "timestamp": "2026-01-01T00:00:00Z"},
            {"name": "x", "messageId": "1", "occurredAt": "2026-11-24T12:00:00Z"},
            {"name": "x", "properties": {"timestamp": 1}},
            email="a@example.com",
            user_id="u1",
            first_name="Ada",
            shoeSize=7,
            customAttributes={"first_name": 1},
        )

    assert reply.status == 200
    assert warned(reply.json) == {
        "user_id": "unknown; did you mean externalId?",
        "first_name": "unknown; did you mean firstName?",
        "shoeSize": "unknown; it changes nothing.",
        "events[0].timestamp": NOW,
        "events[1].messageId": "unknown; did you mean eventId?",
    }


def test_the_single_event_warns_alike(caller: Caller) -> None:
    body = {"email": "a@example.com", "event": "x", "time": 1, "account": {"id": 1}}

    reply = caller.post(SINGLE, body)

    assert warned(reply.json) == {"time": NOW}
    assert "accountIgnored" in reply.json


def test_imports_warn_alike(caller: Caller) -> None:
    caller.bulk({"name": "x"}, email="a@example.com", externalId="u1", firstName="Ada")
    events = [
        {"name": "y", "eventId": "1", "email": "b@example.com", "date": "2020-01-01"},
        {"name": "X", "eventId": "2", "externalId": "u1", "email": "c@example.com",
         "firstName": "Bob"},
    ]  # fmt: skip

    reply = caller.post(IMPORTS, {"events": events, "batch": 1})

    assert reply.json["success"]
    assert warned(reply.json) == {
        "batch": "unknown; it changes nothing.",
        "events[0].date": NOW,
        "events[1].email": "differs from the address that is stored under this externalId, which"
        " stays. Mail goes to the stored one.",
        "events[1].firstName": "was not stored: the person has another one, which stays.",
        "events[1].name": "is new, and differs from the known 'x' only by case, blanks or"
        " separators.",
    }


def test_warnings_are_bounded_and_the_rest_is_counted(caller: Caller) -> None:
    unknown: dict[str, Any] = {f"unknown{number}" * 3: number for number in range(5000)}

    reply = caller.bulk({"name": "x"}, *[{"name": "x", "time": 1}] * 499, **unknown, email="a@b.io")

    assert len(reply.json["warnings"]) == 21
    assert reply.json["warnings"][20] == {
        "path": "",
        "message": f"{5000 + 499 - 20:,} more warnings are not listed.",
    }


def test_names_that_do_not_replace_the_stored_ones_are_told(caller: Caller) -> None:
    first = {"firstName": "Ada", "timezone": "Europe/Berlin"}
    caller.bulk({"name": "x"}, email="a@example.com", **first)
    same = caller.bulk({"name": "x"}, email="a@example.com", **first)

    reply = caller.bulk(
        {"name": "x"}, email="a@example.com", firstName="Bob", lastName="L", timezone="Asia/Tokyo"
    )
    again = caller.bulk({"name": "x"}, email="a@example.com", firstName="Bob", lastName="L")

    kept = "was not stored: the person has another one, which stays."
    assert warned(same.json) == {}
    assert warned(reply.json) == {"firstName": kept, "timezone": kept}
    assert warned(again.json) == {"firstName": kept}
    person = Subscriber.objects.get()
    assert (person.first_name, person.last_name) == ("Ada", "L")


def test_another_address_under_a_known_external_id_is_told(caller: Caller) -> None:
    caller.bulk({"name": "x"}, email="old@example.com", externalId="u1")

    same = caller.bulk({"name": "x"}, email="OLD@example.com", externalId="u1")
    reply = caller.bulk({"name": "x"}, email="new@example.com", externalId="u1")

    assert warned(same.json) == {}
    assert reply.json["subscriber"]["email"] == "old@example.com"
    assert list(warned(reply.json)) == ["email"]


def test_a_new_name_like_a_known_one_is_told_once(caller: Caller) -> None:
    caller.bulk({"name": "sign up"})

    reply = caller.bulk({"name": "Sign Up"}, {"name": "sign_up"}, {"name": "Sign Up"})
    again = caller.bulk({"name": "Sign Up"}, {"name": "sign up 2"})

    assert list(warned(reply.json)) == ["events[0].name", "events[1].name"]
    assert "'sign up'" in warned(reply.json)["events[0].name"]
    assert warned(again.json) == {}


def test_a_failed_event_is_not_said_to_be_recorded(caller: Caller) -> None:
    reply = caller.bulk({"name": "x"}, {"event": "x", "time": 1})

    assert reply.status == 207
    assert reply.json["events"][1]["error"]["message"].startswith("events[1].name is missing")
    assert warned(reply.json) == {
        "events[1].event": "unknown; did you mean name?",
        "events[1].time": "unknown; did you mean occurredAt?",
    }


def test_a_kept_answer_has_its_warnings(caller: Caller) -> None:
    body = {"email": "a@example.com", "event": "x", "time": 1}
    for _ in range(2):
        reply = caller.post(SINGLE, body, headers={"Idempotency-Key": "1"})

    assert reply.headers["Idempotency-Replayed"] == "true"
    assert warned(reply.json) == {"time": NOW}


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("?dry_run=true", "dry_run is not a parameter of this call; did you mean dryRun?"),
        ("?colour=red", "colour is not a parameter of this call."),
        ("?dryRun=true&dryrun=false", "dryrun is not a parameter of this call; did you mean"),
    ],
)
def test_unknown_query_parameters_are_refused_and_nothing_is_recorded(
    caller: Caller, query: str, words: str
) -> None:
    body = {"email": "a@example.com", "event": "x"}
    imported = {"events": [{"email": "a@example.com", "name": "x", "eventId": "1"}]}

    for reply in (
        caller.bulk({"name": "x"}, query=query),
        caller.post(SINGLE + query, body),
        caller.post(IMPORTS + query, imported),
    ):
        assert (reply.status, reply.code) == (400, "VALIDATION_ERROR")
        assert words in reply.message
    assert not Event.objects.exists()


def test_other_calls_refuse_them_too(caller: Caller) -> None:
    assert caller.get(f"{ACCOUNT}?page=2").status == 400
    assert caller.get(ACCOUNT).status == 200


@pytest.mark.parametrize("zone", ["UTC+2", "Berlin", 7])
def test_a_time_zone_that_is_none_is_refused_by_name(caller: Caller, zone: object) -> None:
    reply = caller.bulk({"name": "x"}, email="a@example.com", timezone=zone)

    assert reply.status == 400
    assert reply.json["error"]["details"][0]["path"] == "timezone"
    assert not Event.objects.exists()


def test_a_time_zone_is_stored_where_none_is(caller: Caller) -> None:
    caller.bulk({"name": "x"}, email="a@example.com")
    caller.bulk({"name": "x"}, email="a@example.com", timezone=" Europe/Berlin ")
    caller.bulk({"name": "x"}, email="b@example.com", timezone="Asia/Tokyo")
    caller.bulk({"name": "x"}, email="a@example.com", timezone=None)

    zones = Subscriber.objects.order_by("email").values_list("timezone", flat=True)
    assert list(zones) == ["Europe/Berlin", "Asia/Tokyo"]


def test_about_somebody_who_left_a_warning_says_how_to_ask_them(caller: Caller, clock: Any) -> None:
    caller.bulk({"name": "x"})
    person = Subscriber.objects.get()
    unsubscribing.leave(subscriber_ids=[person.pk], now=NOON, method=UnsubscribeMethod.PAGE)
    clock.move_to(NOON + timedelta(days=10))

    reply = caller.bulk({"name": "x"})
    history = caller.bulk({"name": "x", "occurredAt": "2026-01-01T00:00:00Z"})

    assert warned(reply.json) == {
        "resubscribe": "The person left on 2026-11-24; send resubscribe: true to ask them to"
        " confirm again."
    }
    assert warned(history.json) == {}
    assert "optIn" not in reply.json
