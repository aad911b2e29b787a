"""Many events of one subscriber in one request: shapes, order, partial success."""

import re
from datetime import UTC, datetime

import pytest
from pytest_django.fixtures import Settings

from events.models import Event, EventDefinition
from subscribers.models import ListMembership, Subscriber, Workspace
from subscribers.services.workspaces import workspaces
from tests.conftest import new_caller
from tests.support.calling import BULK, Caller

pytestmark = pytest.mark.usefixtures("both_ways")


def test_the_answer_has_the_shape_of_the_contract(caller: Caller) -> None:
    reply = caller.bulk(
        {"name": "page_viewed", "properties": {"path": "/"}, "eventId": "1"},
        {"name": "page_viewed"},
        email="Ann@Example.com",
        externalId="user_1",
    )

    assert reply.status == 200
    assert set(reply.json) == {"success", "subscriber", "events"}
    assert reply.json["success"] is True
    subscriber = reply.json["subscriber"]
    assert re.fullmatch("sub_[0-9a-f]{32}", subscriber.pop("id"))
    assert subscriber == {"email": "Ann@example.com", "externalId": "user_1", "created": True}
    first, second = reply.json["events"]
    assert re.fullmatch("evt_[0-9a-f]{32}", first.pop("id"))
    assert first == {"name": "page_viewed", "definitionCreated": True}
    assert second["definitionCreated"] is False
    assert "optIn" not in reply.json


def test_events_are_stored_as_they_were_sent(caller: Caller) -> None:
    before = datetime.now(tz=UTC)

    caller.bulk({"name": " order.placed ", "properties": {"total": 12.5, "lines": [1, None]}})

    event = Event.objects.get()
    assert event.definition.name == "order.placed"
    assert event.properties == {"total": 12.5, "lines": [1, None]}
    assert before <= event.received_at <= datetime.now(tz=UTC)
    assert event.occurred_at == event.received_at
    assert event.workspace == caller.workspace
    assert event.event_id is None
    assert event.effects == {}


def test_events_answer_the_request_in_its_order_and_ids_rise_with_it(caller: Caller) -> None:
    names = [f"event {number % 7}" for number in range(100)]

    reply = caller.bulk(*[{"name": name} for name in names])

    assert [event["name"] for event in reply.json["events"]] == names
    ids = [event["id"] for event in reply.json["events"]]
    assert ids == sorted(ids)
    assert [event.public_id for event in Event.objects.order_by("id")] == ids


def test_a_second_request_finds_subscriber_and_definition(caller: Caller) -> None:
    first = caller.bulk({"name": "seen"})

    second = caller.bulk({"name": "seen"})

    assert second.json["subscriber"]["created"] is False
    assert second.json["subscriber"]["id"] == first.json["subscriber"]["id"]
    assert second.json["events"][0]["definitionCreated"] is False
    assert EventDefinition.objects.count() == 1


def test_one_bad_event_among_500_leaves_499_in_order_and_says_which_and_why(
    caller: Caller,
) -> None:
    events: list[dict[str, object]] = [{"name": "step", "eventId": str(n)} for n in range(500)]
    events[250] = {"name": ""}

    reply = caller.bulk(*events)

    assert reply.status == 207
    assert reply.json["success"] is False
    assert reply.code == "PARTIAL_FAILURE"
    assert reply.json["events"][250] == {
        "index": 250,
        "name": "",
        "error": {
            "code": "VALIDATION_ERROR",
            "message": "events[250].name must not be blank: 1-200 characters.",
        },
    }
    stored = Event.objects.order_by("id").values_list("event_id", flat=True)
    assert list(stored) == [str(n) for n in range(500) if n != 250]


@pytest.mark.parametrize(
    ("bad", "field", "words"),
    [
        (7, "", "must be an object, not a number"),
        ([], "", "must be an object, not an array"),
        (None, "", "must be an object, not null"),
        ({}, ".name", "is missing"),
        ({"name": 5}, ".name", "must be a string, not a number"),
        ({"name": "  "}, ".name", "must not be blank"),
        ({"name": "x" * 201}, ".name", "at most 200"),
        ({"name": "a\nb"}, ".name", "control characters"),
        ({"name": "a\u0000b"}, ".name", "control characters"),
        ({"name": "a\ud800"}, ".name", "surrogate"),
        ({"name": "a", "properties": []}, ".properties", "must be an object, not an array"),
        ({"name": "a", "properties": {"a\u0000": 1}}, ".properties", "NUL"),
        ({"name": "a", "properties": {"a": ["\udfff"]}}, ".properties", "surrogate"),
        ({"name": "a", "properties": {"a": 10**400}}, ".properties", "range of a double"),
        ({"name": "a", "properties": {"a": "é" * 32765}}, ".properties", "at most 65536"),
        ({"name": "a", "occurredAt": 1}, ".occurredAt", "ISO 8601"),
        ({"name": "a", "occurredAt": "2026-01-01"}, ".occurredAt", "ISO 8601"),
        ({"name": "a", "occurredAt": "2026-01-01T00:00:00"}, ".occurredAt", "offset"),
        ({"name": "a", "occurredAt": "2026-02-30T00:00:00Z"}, ".occurredAt", "does not exist"),
        ({"name": "a", "occurredAt": "0001-01-01T00:00:00+14:00"}, ".occurredAt", "not exist"),
        ({"name": "a", "occurredAt": "2999-01-01T00:00:00Z"}, ".occurredAt", "ahead"),
        ({"name": "a", "occurredAt": "2001-01-01T00:00:00Z"}, ".occurredAt", "1826 days back"),
        ({"name": "a", "eventId": ""}, ".eventId", "must not be blank"),
        ({"name": "a", "eventId": 1}, ".eventId", "must be a string, not a number"),
        ({"name": "a", "eventId": "x" * 256}, ".eventId", "at most 255"),
        ({"name": "a", "eventId": "a\u0000"}, ".eventId", "control characters"),
    ],
)
def test_an_event_that_is_wrong_fails_by_itself(
    caller: Caller, bad: object, field: str, words: str
) -> None:
    reply = caller.bulk({"name": "before"}, bad, {"name": "after"})

    assert reply.status == 207
    failed = reply.json["events"][1]
    assert failed["index"] == 1
    assert failed["error"]["code"] == "VALIDATION_ERROR"
    assert failed["error"]["message"].startswith(f"events[1]{field} ")
    assert words in failed["error"]["message"]
    names = Event.objects.order_by("id").values_list("definition__name", flat=True)
    assert list(names) == ["before", "after"]
    assert set(EventDefinition.objects.values_list("name", flat=True)) == {"before", "after"}


@pytest.mark.parametrize(
    "good",
    [
        {"name": "x" * 200},
        {"name": "Ünïcode 🎉"},
        {"name": "a", "properties": None, "occurredAt": None, "eventId": None},
        {"name": "a", "properties": {"a": "x" * (65536 - len('{"a":""}'))}},
        {"name": "a", "properties": {"n": 10**300, "f": -1.5e-300}},
        {"name": "a", "eventId": "x" * 255},
        {"name": "a", "unknown": {"status": "bounced"}},
    ],
)
def test_an_event_at_its_limits_is_recorded(caller: Caller, good: object) -> None:
    reply = caller.bulk(good)

    assert reply.status == 200
    assert Event.objects.count() == 1


def test_when_every_event_is_wrong_nothing_at_all_is_written(caller: Caller) -> None:
    reply = caller.bulk({"name": ""}, {"name": "a", "eventId": 5}, customAttributes={"a": 1})

    assert reply.status == 400
    assert reply.code == "VALIDATION_ERROR"
    paths = [detail["path"] for detail in reply.json["error"]["details"]]
    assert paths == ["events[0].name", "events[1].eventId"]
    assert not Subscriber.objects.exists()
    assert not EventDefinition.objects.exists()


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({}, "email"),
        ({"email": None, "externalId": None, "events": [{"name": "a"}]}, "email"),
        ({"email": 5, "events": [{"name": "a"}]}, "email"),
        ({"email": " ", "events": [{"name": "a"}]}, "email"),
        ({"email": "nobody", "events": [{"name": "a"}]}, "email"),
        ({"externalId": 5, "events": [{"name": "a"}]}, "externalId"),
        ({"externalId": " ", "events": [{"name": "a"}]}, "externalId"),
        ({"email": "a@b.io", "externalId": "x" * 256, "events": [{"name": "a"}]}, "externalId"),
        ({"email": "a@b.io", "externalId": "a\u0000", "events": [{"name": "a"}]}, "externalId"),
        ({"email": "a@b.io", "firstName": 1, "events": [{"name": "a"}]}, "firstName"),
        ({"email": "a@b.io", "lastName": "x" * 256, "events": [{"name": "a"}]}, "lastName"),
        (
            {"email": "a@b.io", "customAttributes": [], "events": [{"name": "a"}]},
            "customAttributes",
        ),
        (
            {"email": "a@b.io", "customAttributes": {"a": "\u0000"}, "events": [{"name": "a"}]},
            "customAttributes",
        ),
        (
            {"email": "a@b.io", "customAttributes": {"a": "x" * 65536}, "events": [{"name": "a"}]},
            "customAttributes",
        ),
        ({"email": "a@b.io"}, "events"),
        ({"email": "a@b.io", "events": None}, "events"),
        ({"email": "a@b.io", "events": []}, "events"),
        ({"email": "a@b.io", "events": {"name": "a"}}, "events"),
        ({"email": "a@b.io", "events": [{"name": "a"}] * 501}, "events"),
    ],
)
def test_a_request_that_is_wrong_is_refused_by_the_name_of_its_field(
    caller: Caller, body: dict[str, object], path: str
) -> None:
    reply = caller.post(BULK, body)

    assert reply.status == 400
    assert reply.code == "VALIDATION_ERROR"
    assert path in [detail["path"] for detail in reply.json["error"]["details"]]
    assert path in reply.message
    assert not Subscriber.objects.exists()
    assert not Event.objects.exists()


def test_new_people_join_the_default_lists_at_once(db: None) -> None:
    workspace = workspaces.create(name="Lists", default_lists=["News", "Offers"])

    new_caller(workspace).bulk({"name": "a"})

    joined = ListMembership.objects.values_list("list__name", flat=True)
    assert set(joined) == {"News", "Offers"}


def test_known_people_do_not_join_default_lists_again(caller: Caller) -> None:
    caller.bulk({"name": "a"})
    workspace = Workspace.objects.get(pk=caller.workspace.pk)
    workspace.lists.create(name="Later", is_default=True)

    caller.bulk({"name": "a"})

    assert not ListMembership.objects.exists()


def test_where_double_opt_in_is_asked_for_new_people_stay_pending_and_off_the_lists(
    db: None,
) -> None:
    workspace = workspaces.create(name="Careful", double_opt_in=True, default_lists=["News"])

    reply = new_caller(workspace).bulk({"name": "a"})

    assert reply.status == 200
    assert Subscriber.objects.get().status == Subscriber.Status.PENDING
    assert not ListMembership.objects.exists()
    assert Event.objects.count() == 1


def test_nothing_but_documented_fields_changes_a_row(caller: Caller) -> None:
    caller.bulk(
        {"name": "a", "id": "evt_" + "0" * 32, "effects": {"tagsAdded": []}, "receivedAt": "x"},
        email="a@example.com",
        status="bounced",
        workspace="other",
        createdAt="2001-01-01T00:00:00Z",
        id="sub_" + "0" * 32,
        tags=["vip"],
    )

    subscriber = Subscriber.objects.get()
    assert subscriber.status == Subscriber.Status.ACTIVE
    assert subscriber.workspace == caller.workspace
    assert subscriber.created_at.year != 2001
    assert subscriber.pk.int != 0
    assert not subscriber.tag_links.exists()


@pytest.mark.parametrize("status", ["unsubscribed", "bounced", "complained", "active"])
def test_an_event_never_changes_the_status_of_known_people(caller: Caller, status: str) -> None:
    caller.bulk({"name": "a"})
    Subscriber.objects.update(status=status)

    reply = caller.bulk({"name": "b"})

    assert reply.status == 200
    assert Subscriber.objects.get().status == status
    assert Event.objects.count() == 2


def test_beyond_the_limit_of_definitions_a_new_name_fails_its_event(
    caller: Caller, settings: Settings
) -> None:
    settings.MAX_DEFINITIONS = 2
    caller.bulk({"name": "one"})

    reply = caller.bulk({"name": "two"}, {"name": "three"}, {"name": "one"}, {"name": "three"})

    assert reply.status == 207
    codes = [event.get("error", {}).get("code") for event in reply.json["events"]]
    assert codes == [None, "DEFINITION_LIMIT", None, "DEFINITION_LIMIT"]
    assert "2" in reply.json["events"][1]["error"]["message"]
    assert EventDefinition.objects.count() == 2


def test_when_only_names_beyond_the_limit_are_sent_nothing_is_written(
    caller: Caller, settings: Settings
) -> None:
    settings.MAX_DEFINITIONS = 1
    caller.bulk({"name": "one"})

    reply = caller.bulk({"name": "two"}, email="new@example.com")

    assert reply.status == 400
    assert "event definitions" in reply.message
    assert Subscriber.objects.count() == 1


def test_the_limit_of_definitions_counts_by_workspace(
    caller: Caller, stranger: Caller, settings: Settings
) -> None:
    settings.MAX_DEFINITIONS = 1
    caller.bulk({"name": "one"})

    reply = stranger.bulk({"name": "one"})

    assert reply.json["events"][0]["definitionCreated"] is True
