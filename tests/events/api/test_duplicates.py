"""`eventId`: a repeat writes nothing and runs nothing."""

import pytest

from events.models import Event
from events.services.configuration import sync_rules
from events.services.configuration.sync_rules import RuleSpec
from subscribers.models import SubscriberTag
from tests.support.calling import Caller

pytestmark = pytest.mark.usefixtures("both_ways")


def test_a_repeat_answers_with_the_event_that_is_there(caller: Caller) -> None:
    first = caller.bulk({"name": "a", "eventId": "1", "properties": {"n": 1}})

    second = caller.bulk({"name": "a", "eventId": " 1 ", "properties": {"n": 2}})

    assert second.status == 200
    assert second.json["events"][0]["id"] == first.json["events"][0]["id"]
    assert second.json["events"][0]["duplicate"] is True
    assert Event.objects.get().properties == {"n": 1}


def test_a_repeat_within_one_request_is_a_duplicate(caller: Caller) -> None:
    reply = caller.bulk(
        {"name": "a", "eventId": "1"}, {"name": "b", "eventId": "1"}, {"name": "a", "eventId": "1"}
    )

    events = reply.json["events"]
    assert [event.get("duplicate", False) for event in events] == [False, False, True]
    assert events[2]["id"] == events[0]["id"]
    assert [event["definitionCreated"] for event in events] == [True, True, False]
    assert Event.objects.count() == 2


def test_the_event_id_counts_by_subscriber_and_name(caller: Caller) -> None:
    caller.bulk({"name": "a", "eventId": "1"}, email="a@example.com")

    other_person = caller.bulk({"name": "a", "eventId": "1"}, email="b@example.com")
    other_name = caller.bulk({"name": "b", "eventId": "1"}, email="a@example.com")

    assert "duplicate" not in other_person.json["events"][0]
    assert "duplicate" not in other_name.json["events"][0]
    assert Event.objects.count() == 3


def test_a_repeat_runs_no_rule(caller: Caller) -> None:
    sync_rules.replace_all(
        workspace=caller.workspace, specs=[RuleSpec(trigger_event="a", add=["x"])]
    )
    caller.bulk({"name": "a", "eventId": "1"})
    SubscriberTag.objects.all().delete()

    caller.bulk({"name": "a", "eventId": "1"})

    assert not SubscriberTag.objects.exists()


def test_a_failed_event_leaves_its_event_id_free(caller: Caller) -> None:
    caller.bulk({"name": "a", "eventId": "1", "properties": 5}, {"name": "b"})

    reply = caller.bulk({"name": "a", "eventId": "1"})

    assert "duplicate" not in reply.json["events"][0]
    assert reply.json["events"][0]["definitionCreated"] is True


def test_a_request_of_repeats_alone_is_a_success(caller: Caller) -> None:
    caller.bulk({"name": "a", "eventId": "1"})

    reply = caller.bulk({"name": "a", "eventId": "1"}, {"name": "a", "eventId": "1"})

    assert reply.status == 200
    assert reply.json["success"] is True
    assert Event.objects.count() == 1
