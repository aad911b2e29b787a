"""`POST /subscribers/events/imports`: many events of many subscribers."""

from datetime import UTC, datetime, timedelta

from events.models import Event
from events.services.configuration import sync_rules
from events.services.configuration.sync_rules import RuleSpec
from subscribers.models import Subscriber, SubscriberTag
from tests.support.calling import IMPORTS, Caller


def test_the_numbers_add_up_and_what_was_recorded_stays(caller: Caller) -> None:
    caller.bulk({"name": "a", "eventId": "0"}, email="known@example.com", externalId="k")

    reply = caller.post(
        IMPORTS,
        {
            "events": [
                {"name": "a", "eventId": "0", "externalId": "k"},
                {"name": "a", "eventId": "1", "email": "a@example.com"},
                {"name": "a", "eventId": "1", "email": "A@example.com"},
                {"name": "a", "eventId": "2", "externalId": "nobody"},
                {"name": "a", "email": "a@example.com"},
                {"name": "a", "eventId": "3", "email": "broken"},
                {"name": "b", "eventId": "1", "email": "b@example.com"},
                "nonsense",
            ]
        },
    )

    assert reply.status == 207
    assert reply.json["success"] is False
    numbers = [reply.json[key] for key in ("total", "recorded", "duplicates", "failed")]
    assert numbers == [8, 2, 2, 4]
    assert [failure["index"] for failure in reply.json["failures"]] == [3, 4, 5, 7]
    assert all(isinstance(failure["error"], str) for failure in reply.json["failures"])
    assert "eventId" in reply.json["failures"][1]["error"]
    codes = [failure["code"] for failure in reply.json["failures"]]
    assert codes == ["SUBSCRIBER_NOT_FOUND", *["VALIDATION_ERROR"] * 3]
    assert reply.json["sideEffectFailed"] == 0
    assert reply.json["sideEffectFailures"] == []
    assert reply.json["subscribers"] == 4
    assert isinstance(reply.json["error"], str)
    assert Event.objects.count() == 3


def test_a_complete_import_is_a_success_without_an_error(caller: Caller) -> None:
    reply = caller.post(
        IMPORTS, {"events": [{"name": "a", "eventId": "1", "email": "a@example.com"}]}
    )

    assert reply.status == 200
    assert reply.json["success"] is True
    assert reply.json["failures"] == []
    assert "error" not in reply.json


def test_events_of_one_person_keep_their_order_between_those_of_others(caller: Caller) -> None:
    sync_rules.replace_all(
        workspace=caller.workspace,
        specs=[
            RuleSpec(trigger_event="first", add=["x"]),
            RuleSpec(trigger_event="last", remove=["x"]),
        ],
    )

    caller.post(
        IMPORTS,
        {
            "events": [
                {"name": "first", "eventId": "1", "email": "a@example.com", "externalId": "u"},
                {"name": "first", "eventId": "1", "email": "b@example.com"},
                {"name": "last", "eventId": "1", "externalId": "u"},
            ]
        },
    )

    bearers = SubscriberTag.objects.values_list("subscriber__email", flat=True)
    assert list(bearers) == ["b@example.com"]


def test_history_in_an_import_has_no_consequences(caller: Caller) -> None:
    sync_rules.replace_all(
        workspace=caller.workspace, specs=[RuleSpec(trigger_event="a", add=["x"])]
    )
    long_ago = (datetime.now(tz=UTC) - timedelta(days=100)).isoformat()

    caller.post(
        IMPORTS,
        {
            "events": [
                {"name": "a", "eventId": "1", "email": "a@example.com", "occurredAt": long_ago}
            ]
        },
    )

    assert Event.objects.get().is_historical
    assert not SubscriberTag.objects.exists()
    assert Subscriber.objects.get().created_at < datetime.now(tz=UTC) - timedelta(days=99)


def test_a_conflict_fails_its_own_events_only(caller: Caller) -> None:
    caller.bulk({"name": "a"}, email="a@example.com", externalId="u1")
    caller.bulk({"name": "a"}, email="b@example.com", externalId="u2")

    reply = caller.post(
        IMPORTS,
        {
            "events": [
                {"name": "x", "eventId": "1", "email": "a@example.com", "externalId": "u2"},
                {"name": "x", "eventId": "1", "email": "a@example.com"},
            ]
        },
    )

    assert [failure["index"] for failure in reply.json["failures"]] == [0]
    assert reply.json["recorded"] == 1


def test_when_every_event_is_wrong_the_request_is(caller: Caller) -> None:
    reply = caller.post(IMPORTS, {"events": [{"name": "a"}, 5]})

    assert reply.status == 400
    paths = [detail["path"] for detail in reply.json["error"]["details"]]
    assert paths == ["events[0].eventId", "events[1]"]


def test_a_repeat_with_its_key_gets_the_partial_success_again(caller: Caller) -> None:
    good = {"name": "a", "eventId": "1", "email": "a@example.com"}
    body = {"events": [good, {**good, "email": "broken"}]}

    replies = [caller.post(IMPORTS, body, headers={"Idempotency-Key": "1"}) for _ in range(2)]

    assert [reply.status for reply in replies] == [207, 207]
    assert replies[1].headers["Idempotency-Replayed"] == "true"
    assert replies[0].json == replies[1].json
    assert Event.objects.count() == 1


def test_when_nobody_is_found_each_event_says_so(caller: Caller) -> None:
    events = [{"name": "a", "eventId": str(number), "externalId": "nobody"} for number in range(2)]

    reply = caller.post(IMPORTS, {"events": events})
    dry = caller.post(f"{IMPORTS}?dryRun=true", {"events": events})

    assert reply.status == dry.status == 207
    assert (reply.json["recorded"], reply.json["failed"]) == (0, 2)
    assert {failure["code"] for failure in reply.json["failures"]} == {"SUBSCRIBER_NOT_FOUND"}
    assert not Event.objects.exists()


def test_more_than_500_events_are_refused(caller: Caller) -> None:
    reply = caller.post(IMPORTS, {"events": [{"name": "a", "eventId": "1"}] * 501})

    assert reply.status == 400
    assert "500" in reply.message
