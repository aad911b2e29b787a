"""Events that arrive late: stored with their own time, without effects."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from events.models import Event, FailedStage
from events.services.configuration import sync_rules
from events.services.configuration.sync_rules import RuleSpec
from subscribers.models import Subscriber, SubscriberTag
from tests.support.calling import SINGLE, Caller

pytestmark = pytest.mark.usefixtures("both_ways")

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


def at(moment: datetime) -> str:
    return moment.isoformat()


@time_machine.travel(NOON, tick=False)
@pytest.mark.parametrize(
    ("age", "is_history"),
    [
        (timedelta(seconds=3600), False),
        (timedelta(seconds=3601), True),
        (-timedelta(minutes=5), False),
    ],
)
def test_an_event_older_than_an_hour_is_history(
    caller: Caller,
    age: timedelta,
    is_history: bool,
) -> None:
    reply = caller.bulk({"name": "a", "occurredAt": at(NOON - age)})

    assert reply.json["events"][0].get("historical", False) is is_history
    event = Event.objects.get()
    assert event.is_historical is is_history
    assert event.occurred_at == NOON - age


@time_machine.travel(NOON, tick=False)
@pytest.mark.parametrize(
    "text",
    [
        "2026-06-01T10:00:00Z",
        "2026-06-01t10:00:00z",
        "2026-06-01 12:00:00+02:00",
        "2026-06-01T12:00+0200",
        "2026-06-01T04:00:00-06",
        "2026-06-01T10:00:00.000000000Z",
        "2026-06-01T10:00:00,0Z",
    ],
)
def test_every_form_of_a_time_with_an_offset_means_the_same(caller: Caller, text: str) -> None:
    caller.bulk({"name": "a", "occurredAt": text})

    assert Event.objects.get().occurred_at == NOON - timedelta(hours=2)


@time_machine.travel(NOON, tick=False)
def test_history_runs_no_rule_and_says_so(caller: Caller) -> None:
    rules = sync_rules.replace_all(
        workspace=caller.workspace, specs=[RuleSpec(trigger_event="paid", add=["customer"])]
    )

    caller.bulk({"name": "paid", "occurredAt": at(NOON - timedelta(hours=2))})

    assert not SubscriberTag.objects.exists()
    assert Event.objects.get().effects == {
        "rulesSkipped": [{"rule": rules[0].pk.hex, "reason": "historical"}]
    }


@time_machine.travel(NOON, tick=False)
def test_one_recent_event_does_not_turn_the_rest_live(caller: Caller) -> None:
    sync_rules.replace_all(
        workspace=caller.workspace,
        specs=[
            RuleSpec(trigger_event="old", add=["old"]),
            RuleSpec(trigger_event="new", add=["new"]),
        ],
    )

    reply = caller.bulk(
        {"name": "old", "occurredAt": at(NOON - timedelta(days=30))}, {"name": "new"}
    )

    assert [event.get("historical") for event in reply.json["events"]] == [True, None]
    assert list(SubscriberTag.objects.values_list("tag__name", flat=True)) == ["new"]


@time_machine.travel(NOON, tick=False)
def test_history_moves_the_creation_back_and_never_forward(caller: Caller) -> None:
    caller.bulk(
        {"name": "a", "occurredAt": at(NOON - timedelta(days=3))},
        {"name": "a", "occurredAt": at(NOON - timedelta(days=9))},
    )
    caller.bulk({"name": "a", "occurredAt": at(NOON - timedelta(days=2))})

    assert Subscriber.objects.get().created_at == NOON - timedelta(days=9)


@time_machine.travel(NOON, tick=False)
def test_a_live_event_does_not_move_the_creation(caller: Caller) -> None:
    caller.bulk({"name": "a", "occurredAt": at(NOON - timedelta(minutes=30))})

    assert Subscriber.objects.get().created_at == NOON


def test_a_live_event_retried_two_hours_later_is_still_a_live_duplicate(caller: Caller) -> None:
    event = {"name": "a", "eventId": "1", "occurredAt": at(NOON)}
    with time_machine.travel(NOON, tick=False):
        first = caller.bulk(event)

    with time_machine.travel(NOON + timedelta(hours=2), tick=False):
        second = caller.bulk(event)

    assert second.status == 200
    assert second.json["events"][0] == {
        "id": first.json["events"][0]["id"],
        "name": "a",
        "definitionCreated": False,
        "duplicate": True,
    }


@time_machine.travel(NOON, tick=False)
def test_a_live_repeat_of_a_historical_event_stays_history(caller: Caller) -> None:
    sync_rules.replace_all(
        workspace=caller.workspace, specs=[RuleSpec(trigger_event="a", add=["x"])]
    )
    caller.bulk({"name": "a", "eventId": "1", "occurredAt": at(NOON - timedelta(hours=5))})

    reply = caller.bulk({"name": "a", "eventId": "1"})

    assert reply.json["events"][0]["historical"] is True
    assert reply.json["events"][0]["duplicate"] is True
    assert not SubscriberTag.objects.exists()
    assert not FailedStage.objects.exists()


@time_machine.travel(NOON, tick=False)
def test_a_single_historical_event_answers_in_its_own_shape(caller: Caller) -> None:
    body = {
        "email": "a@example.com",
        "event": "paid",
        "eventId": "1",
        "occurredAt": "2026-05-01T02:00:00+02:00",
    }

    first = caller.post(SINGLE, body)
    second = caller.post(SINGLE, body)

    assert first.status == 200
    assert "event" not in first.json
    assert first.json["historical"] is True
    assert (first.json["inserted"], first.json["duplicates"]) == (1, 0)
    assert first.json["events"] == [
        {
            "id": Event.objects.get().public_id,
            "name": "paid",
            "occurredAt": "2026-05-01T00:00:00Z",
        }
    ]
    assert (second.json["inserted"], second.json["duplicates"]) == (0, 1)
    assert second.json["duplicate"] is True
