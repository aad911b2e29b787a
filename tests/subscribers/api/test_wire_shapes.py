"""Every answer has the shape of the wire's table, so that a strictly typed client can read it.

`test_every_call` holds each call's ordinary answer against its row; here are the others.
"""

import re
from typing import Any

import pytest

from events.models import Sequence
from subscribers.services.workspaces import workspaces
from tests.conftest import new_caller
from tests.project.test_tenant_walk import WITHOUT_IDS
from tests.support.calling import ACCOUNT, IMPORTS, SINGLE, Caller
from tests.support.every_call import API, World, every_call
from tests.support.resources import PEOPLE, send
from tests.support.sequence_making import MAIL, make_sequence
from tests.support.wire_shapes import Reader, faults_of
from tests.support.wire_table import NOT_HERE, OURS, ROWS, assert_has_shape, row_of

pytestmark = pytest.mark.django_db
LONG_AGO = "2026-01-01T12:00:00Z"
NEW_TAG = {"email": "new@example.com", "tag": "vip"}
WINDOW = {
    "enabled": True,
    "timezone": "UTC",
    "days": ["monday"],
    "startTime": "09:00",
    "endTime": "17:00",
}
PAID = {"type": "event_received", "value": "paid"}
BIG = [{"path": "total", "operator": "greater_than", "value": 9}]


@pytest.fixture
def careful() -> Caller:
    """Return a caller of a workspace that asks everybody to confirm."""
    return new_caller(
        workspaces.create(name="Careful", double_opt_in=True, from_email="news@example.com")
    )


def test_every_call_is_a_row_or_our_own_and_every_row_is_a_call() -> None:
    calls = {row_of(each.name) for each in every_call()}
    calls |= {f"POST {path.removeprefix(API)}" for path in WITHOUT_IDS - {ACCOUNT}}

    assert calls == set(ROWS) | OURS


def test_events_that_differ_have_the_shape_of_their_row(caller: Caller) -> None:
    live = {"email": "ada@example.com", "event": "a", "eventId": "1"}
    named = {"name": "a", "email": "ada@example.com", "eventId": "1"}

    for body in (
        live,
        live,
        {**live, "eventId": "2", "occurredAt": LONG_AGO},
        {**live, "eventId": "2", "account": {"id": 1}, "phone": "1"},
    ):
        assert_has_shape(caller.post(SINGLE, body), "POST subscribers/events")
    for events in ([{"name": "a", "eventId": "1"}], [{"name": "a"}, {"name": 7}]):
        assert_has_shape(caller.bulk(*events), "POST subscribers/events/bulk")
    for rows in ([named], [named, {**named, "eventId": "3"}, {"name": "a"}]):
        reply = caller.post(IMPORTS, {"events": rows})
        assert_has_shape(reply, "POST subscribers/events/imports")


def test_somebody_who_is_asked_to_confirm_has_the_shape_of_each_row(careful: Caller) -> None:
    sent = careful.post(SINGLE, {"email": "a@example.com", "event": "a"})
    made = careful.post(PEOPLE, {"email": "b@example.com"})
    tagged = careful.post(f"{PEOPLE}/tags", NEW_TAG)
    read = careful.get(f"{PEOPLE}/new@example.com")

    for reply, row in (
        (sent, "POST subscribers/events"),
        (made, "POST subscribers"),
        (tagged, "POST subscribers/tags"),
    ):
        assert_has_shape(reply, row)
        assert reply.json["optIn"]["emailQueued"] is True
    assert_has_shape(read, "GET subscribers/{email}")
    assert read.json["subscriber"]["status"] == "pending"


def test_people_with_everything_have_the_shape_of_each_row(caller: Caller) -> None:
    world = World(caller)
    emails = {"emails": ["ada@example.com", "nobody@example.com", "nonsense"]}
    news = f"/api/v1/lists/{world.parts['list_id']}/subscribers"

    added = caller.post(news, emails)
    tagged = caller.post(f"{PEOPLE}/bulk/tags/add", {**emails, "tags": ["vip"]})
    wrong = caller.post(f"{PEOPLE}/bulk/tags/add", {"emails": ["x@example.com"], "tags": ["vip"]})
    left = caller.post(f"{news}/remove", {"emails": ["ada@example.com", "x@example.com"]})
    ada = caller.get(f"{PEOPLE}/ada@example.com")
    last = caller.get(f"{PEOPLE}?limit=1")
    cursor = last.json["pagination"]["nextCursor"]
    more = caller.get(f"{PEOPLE}?limit=1&cursor={cursor}")

    assert_has_shape(added, "POST lists/{list_id}/subscribers")
    assert added.json["results"][2]["error"]
    assert_has_shape(tagged, "POST subscribers/bulk/tags/add")
    assert_has_shape(wrong, "POST subscribers/bulk/tags/add")
    assert wrong.json["notFound"]["emails"] == ["x@example.com"]
    assert_has_shape(left, "POST lists/{list_id}/subscribers/remove")
    assert_has_shape(ada, "GET subscribers/{email}")
    assert [bool(ada.json["subscriber"][name]) for name in ("lists", "activity")] == [True, True]
    assert_has_shape(last, "GET subscribers")
    assert_has_shape(more, "GET subscribers")
    assert more.json["pagination"]["total"] is None


@pytest.mark.parametrize(
    ("wire", "match"),
    [
        ({"stopCondition": PAID}, None),
        ({"stopCondition": {"type": "tag_added", "value": "vip"}}, None),
        (
            {"stopCondition": {**PAID, "propertyFilters": BIG}},
            {"mode": "event_property_filter", "propertyFilters": BIG},
        ),
        (
            {
                "enrollmentMode": "matching_field",
                "enrollmentFieldPath": "order.id",
                "stopCondition": {
                    **PAID, "matchConfig": {"mode": "matching_field", "fieldPath": "id"},
                },
            },
            {
                "mode": "event_property",
                "rules": [{"entryFieldPath": "order.id", "eventFieldPath": "id"}],
            },
        ),
    ],
    ids=["event", "tag", "filters", "field"],
)  # fmt: skip
def test_a_sequence_with_everything_has_the_shape_of_each_row(
    caller: Caller, wire: dict[str, Any], match: object
) -> None:
    row = make_sequence(
        caller.workspace, {"type": "delay", "days": 1}, MAIL, sendingWindow=WINDOW, **wire
    )
    caller.bulk({"name": "signup", "properties": {"order": {"id": 7}}}, email="ada@example.com")
    path = f"/api/v1/sequences/{row.public_id}"
    caller.post(f"{path}/enrollments/pause", {"emails": ["ada@example.com"], "reason": "asked"})

    read = caller.get(path)
    listed = caller.get(f"{path}/enrollments")

    assert_has_shape(read, "GET sequences/{sequence_id}")
    assert read.json["sequence"]["stopCondition"]["matchConfig"] == match
    assert_has_shape(listed, "GET sequences/{sequence_id}/enrollments")
    assert listed.json["stopCondition"]["matchConfig"] == match
    (enrollment,) = listed.json["enrollments"]
    assert (enrollment["status"], enrollment["pauseReason"]) == ("paused", "asked")
    one = caller.get(f"{path}/enrollments/{enrollment['enrollmentId']}")
    assert_has_shape(one, "GET sequences/{sequence_id}/enrollments/{enrollment_id}")


@pytest.mark.parametrize("row", NOT_HERE)
def test_what_is_not_here_is_a_404_with_a_sentence(caller: Caller, row: str) -> None:
    method, path = row.split()
    sequence = make_sequence(caller.workspace)

    reply = send(caller, method, f"{API}{path.format(id=sequence.public_id)}", {"name": "x"})

    assert (reply.status, reply.code) == (404, "NOT_FOUND")
    sentence = r"(There is nothing|The API has no \w+) at this path\."
    assert re.fullmatch(sentence, reply.message)
    assert Sequence.objects.count() == 1


@pytest.mark.parametrize(
    ("text", "value", "fault"),
    [
        ("id!", {}, "id is not there"),
        ("id!", {"id": None}, "id is null"),
        ("id", {"id": 7}, "id is 7, not str"),
        ("name", {}, "name is not there"),
        ("error?", {"error": {"code": "X"}}, "error is {'code': 'X'}, not str"),
        ("tags[str]", {"tags": "vip"}, "tags is 'vip', not an array"),
        ("tags[str]", {"tags": ["vip", None]}, "tags[1] is None, not str"),
        ("all[{at:time}]", {"all": [{"at": "now"}]}, "all[0].at is 'now', not a time in UTC"),
        ("total:int", {"total": True}, "total is True, not int"),
        ("total:int", {"total": 1.0}, "total is 1.0, not int"),
        ("is:bool", {"is": 1}, "is is 1, not bool"),
        ("state:on|off", {"state": "up"}, "state is 'up', not one of ('on', 'off')"),
        ("...Inner", {"deep": {}}, "deep.id is not there"),
        ("config{}", {"config": []}, "config is [], not an object"),
    ],
)  # fmt: skip
def test_what_differs_from_a_shape_is_told(text: str, value: object, fault: str) -> None:
    kind = Reader(text, {"Inner": "deep!{id!}"}).read()

    assert [*faults_of(value, kind)] == [fault]


def test_what_may_be_absent_and_what_is_more_pass() -> None:
    kind = Reader("id!, error?, name, total:num", {}).read()
    value: dict[str, Any] = {"id": "x", "name": None, "total": 1.5, "more": [1]}

    assert [*faults_of(value, kind)] == []
