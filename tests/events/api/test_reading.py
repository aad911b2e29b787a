"""`/events`, `/definitions` and the time line: what was recorded, and what it did."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from events.models import FailedStage
from tests.support.calling import Caller, Reply
from tests.support.resources import PEOPLE, done, path_of_fault, send
from tests.support.sequence_making import make_sequence

pytestmark = pytest.mark.django_db
EVENTS = "/api/v1/events"


def names_of(reply: Reply) -> list[str]:
    return [each["name"] for each in done(reply)["events"]]


def record(caller: Caller, *names: str, email: str = "ada@example.com", **fields: object) -> None:
    for name in names:
        assert caller.bulk({"name": name, **fields}, email=email).status == 200


def test_an_event_says_what_it_did_and_what_not_and_why(caller: Caller) -> None:
    make_sequence(caller.workspace, eventName="order.placed", name="Thanks")
    make_sequence(
        caller.workspace,
        eventName="order.placed",
        propertyFilters=[{"path": "total", "operator": "greater_than", "value": 100}],
        name="Big orders",
    )
    sent = caller.bulk(
        {"name": "order.placed", "properties": {"total": 9}, "eventId": "o-1"},
        email="ada@example.com",
    )

    event = done(caller.get(f"{EVENTS}/{sent.json['events'][0]['id']}"))["event"]

    assert (event["name"], event["eventId"], event["historical"]) == ("order.placed", "o-1", False)
    assert event["subscriber"]["email"] == "ada@example.com"
    assert event["properties"] == {"total": 9}
    assert [each["sequence"] for each in event["effects"]["sequencesStarted"]] == ["Thanks"]
    (refused,) = event["effects"]["sequencesNotStarted"]
    assert (refused["sequence"], refused["reason"]) == ("Big orders", "filter_not_met")
    assert event["sideEffectFailures"] == []


def test_a_failed_stage_is_told(caller: Caller) -> None:
    sent = caller.bulk({"name": "a"})
    event_id = sent.json["events"][0]["id"]
    now = timezone.now()
    FailedStage.objects.create(
        workspace=caller.workspace,
        event_id=event_id.removeprefix("evt_"),
        stage="trigger-sequences",
        last_error="away",
        failed_at=now,
        next_attempt_at=now + timedelta(minutes=1),
    )

    (failure,) = done(caller.get(f"{EVENTS}/{event_id}"))["event"]["sideEffectFailures"]

    assert failure["stage"] == "trigger-sequences"
    assert (failure["error"], failure["attempts"]) == ("away", 1)


def test_events_are_found_by_person_name_and_time(caller: Caller) -> None:
    record(caller, "a", "b")
    record(caller, "a", email="bob@example.com")
    old = (timezone.now() - timedelta(days=2)).isoformat()
    record(caller, "old", occurredAt=old)
    ada = done(caller.get(f"{PEOPLE}/ada@example.com"))["subscriber"]["id"]
    day = (timezone.now() - timedelta(days=1)).date().isoformat()

    assert names_of(caller.get(EVENTS)) == ["old", "a", "b", "a"]
    assert names_of(caller.get(f"{EVENTS}?email=ada@example.com")) == ["b", "a", "old"]
    assert names_of(caller.get(f"{EVENTS}?subscriberId={ada}&name=a")) == ["a"]
    assert names_of(caller.get(f"{EVENTS}?name=a")) == ["a", "a"]
    assert names_of(caller.get(f"{EVENTS}?occurredBefore={day}")) == ["old"]
    assert names_of(caller.get(f"{EVENTS}?email=ada@example.com&occurredAfter={day}")) == ["b", "a"]
    assert names_of(caller.get(f"{EVENTS}?historical=true")) == ["old"]
    assert names_of(caller.get(f"{EVENTS}?email=nobody@example.com")) == []


@pytest.mark.parametrize("query", ["", "&email=ada@example.com", "&name=a"])
def test_pages_go_on_where_the_last_one_ended(caller: Caller, query: str) -> None:
    for number in range(5):
        record(caller, "a", properties={"number": number})
    found: list[int] = []
    cursor = ""
    for _ in range(3):
        body = done(caller.get(f"{EVENTS}?limit=2{query}{cursor}"))
        found += [each["properties"]["number"] for each in body["events"]]
        cursor = f"&cursor={body['pagination']['nextCursor']}"
        record(caller, "a", properties={"number": 99})

    assert found == [4, 3, 2, 1, 0]
    assert body["pagination"]["hasMore"] is False


@pytest.mark.parametrize(
    ("query", "path"),
    [
        ("limit=201", "limit"),
        ("cursor=x", "cursor"),
        ("email=a@example.com&externalId=1", "email"),
        ("email=nonsense", "email"),
        ("subscriberId=evt_1", "subscriberId"),
        ("occurredAfter=soon", "occurredAfter"),
        ("person=a@example.com", "person"),
    ],
)
def test_a_faulty_query_names_its_parameter(caller: Caller, query: str, path: str) -> None:
    assert path_of_fault(caller.get(f"{EVENTS}?{query}")) == path


def test_another_workspace_s_events_are_nobody_s(caller: Caller, stranger: Caller) -> None:
    sent = caller.bulk({"name": "a"})

    reply = stranger.get(f"{EVENTS}/{sent.json['events'][0]['id']}")

    assert (reply.status, reply.code) == (404, "NOT_FOUND")
    assert names_of(stranger.get(f"{EVENTS}?name=a")) == names_of(stranger.get(EVENTS)) == []


def test_definitions_schemas_and_a_sample(caller: Caller) -> None:
    record(caller, "order.placed", properties={"total": 9, "items": [{"sku": "a"}]})

    (definition,) = done(caller.get("/api/v1/definitions"))["definitions"]
    schemas = done(caller.get(f"{EVENTS}/schemas?eventName=order.placed"))
    sample = done(caller.get(f"{EVENTS}/sample?eventName=order.placed"))["sample"]
    nothing = done(caller.get(f"{EVENTS}/sample?eventName=never"))

    assert (definition["name"], definition["isHidden"]) == ("order.placed", False)
    (provider,) = schemas["events"][0]["providers"]
    paths = {each["path"]: each["mergeTag"] for each in provider["properties"]}
    assert paths["total"] == "{{event.total}}"
    assert "items[].sku" in paths
    assert sample["properties"] == {"total": 9, "items": [{"sku": "a"}]}
    assert nothing["sample"] is None


def test_attributes_are_learnt_from_people(caller: Caller) -> None:
    caller.post(PEOPLE, {"email": "a@example.com", "customAttributes": {"plan": "pro", "n": 1}})
    mixed = {"plan": 7, "tags": ["x"], "address": {"city": "Berlin"}, "vip": True, "gone": None}
    caller.post(PEOPLE, {"email": "b@example.com", "customAttributes": mixed})

    flat = done(caller.get(f"{PEOPLE}/attributes"))
    nested = done(caller.get(f"{PEOPLE}/attributes?includeNested=true"))

    assert flat["sampledContacts"] == 2
    by_key = {each["key"]: each for each in flat["attributes"]}
    assert list(by_key) == ["plan", "n", "tags", "vip"]
    assert (by_key["plan"]["valueType"], by_key["plan"]["mixedTypes"]) == ("string", True)
    assert (by_key["tags"]["isArray"], by_key["vip"]["valueType"]) == (True, "boolean")
    assert "address.city" in {each["key"] for each in nested["attributes"]}


def test_the_time_line_has_everything_in_order(caller: Caller) -> None:
    make_sequence(caller.workspace, trigger="tag_added", tagNames=["vip"])
    record(caller, "signed_up")
    caller.post(f"{PEOPLE}/tags", {"email": "ada@example.com", "tag": "vip"})
    send(caller, "POST", f"{PEOPLE}/ada@example.com/unsubscribe")

    body = done(caller.get(f"{PEOPLE}/ada@example.com/timeline"))
    only = done(caller.get(f"{PEOPLE}/ada@example.com/timeline?show=events"))

    kinds = [each["kind"] for each in body["timeline"]]
    assert {"added", "event", "tag", "entered", "consent"} <= set(kinds)
    times = [each["at"] for each in body["timeline"]]
    assert times == sorted(times, reverse=True)
    assert [each["text"] for each in only["timeline"]] == ["signed_up"]
    assert body["nextCursor"] is None


def test_reading_takes_as_many_statements_for_many_as_for_few(caller: Caller) -> None:
    def read_all(email: str) -> int:
        with CaptureQueriesContext(connection) as captured:
            for path in (
                f"{EVENTS}?email={email}",
                f"{PEOPLE}/{email}",
                f"{PEOPLE}/{email}/timeline",
                f"{PEOPLE}?email=p",
                "/api/v1/definitions",
                "/api/v1/tags",
            ):
                done(caller.get(path))
        return len(captured)

    counts = []
    for size in (2, 20):
        email = f"p{size}@example.com"
        for number in range(size):
            record(caller, f"event-{number}", email=email)
            caller.post(f"{PEOPLE}/tags", {"email": email, "tag": f"tag-{number}"})
        # What a process keeps is read once.
        read_all(email)
        counts.append(read_all(email))

    assert counts[0] == counts[1]
