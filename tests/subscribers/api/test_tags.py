"""`/tags`: every tag, with its colour."""

from importlib import import_module
from typing import Any

import pytest
from django.apps import apps
from django.db import connection

from subscribers.models import Subscriber, SubscriberTag, Tag
from subscribers.services.storage import portions
from tests import factories
from tests.support.calling import Caller
from tests.support.resources import send
from tests.support.wire_shapes import Reader
from tests.support.wire_table import NAMED, assert_has_shape

pytestmark = pytest.mark.django_db
TAGS = "/api/v1/tags"
FIELDS = Reader(NAMED["Tag"], NAMED).read().fields or {}
COLOURS = FIELDS["color"].kind.choices


def test_a_tag_is_created_by_its_normal_form(caller: Caller) -> None:
    made = caller.post(TAGS, {"name": "VIP_User", "color": "blue"})

    assert made.status == 200
    assert made.json["success"] is True
    assert (
        made.json["tag"].items() >= {"name": "vip-user", "color": "blue", "isSystem": False}.items()
    )
    assert caller.get(TAGS).json["tags"] == [{**made.json["tag"], "etag": made.headers["ETag"]}]


@pytest.mark.parametrize("color", COLOURS)
def test_a_tag_has_every_colour_that_clients_know(caller: Caller, color: str) -> None:
    made = caller.post(TAGS, {"name": "made", "color": color})
    plain = caller.post(TAGS, {"name": "plain"}).json["tag"]
    changed = send(caller, "PATCH", f"{TAGS}/{plain['id']}", {"color": color})

    assert [reply.json["tag"]["color"] for reply in (made, changed)] == [color, color]
    assert_has_shape(caller.get(TAGS), "GET tags")


def test_no_tag_has_a_colour_that_clients_do_not_know() -> None:
    assert len(COLOURS) == 18
    assert set(Tag.Color.values) == set(COLOURS)


def test_a_tag_of_a_colour_that_went_gets_a_known_one(caller: Caller) -> None:
    for color in ("slate", "blue"):
        factories.TagFactory.create(workspace=caller.workspace, name=color, color=color)

    import_module("subscribers.migrations.0019_tag_colours").slate_is_gray(apps, None)

    assert dict(Tag.objects.values_list("name", "color")) == {"slate": "gray", "blue": "blue"}


def test_a_second_tag_of_the_name_is_a_conflict(caller: Caller) -> None:
    caller.post(TAGS, {"name": "vip"})

    again = caller.post(TAGS, {"name": "VIP"})

    assert (again.status, again.code) == (409, "CONFLICT")
    assert Tag.objects.count() == 1


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({}, "name"),
        ({"name": None}, "name"),
        ({"name": 7}, "name"),
        ({"name": "!!"}, "name"),
        ({"name": "a", "color": "crimson"}, "color"),
        ({"name": "a", "colour": "red"}, "colour"),
    ],
)
def test_a_fault_names_its_field(caller: Caller, body: object, path: str) -> None:
    refused = caller.post(TAGS, body)

    assert (refused.status, refused.code) == (400, "VALIDATION_ERROR")
    assert refused.json["error"]["details"][0]["path"] == path
    assert not Tag.objects.exists()


def test_an_unknown_word_is_answered_with_the_nearest(caller: Caller) -> None:
    refused = caller.post(TAGS, {"name": "a", "colour": "red"})

    assert "did you mean color?" in refused.message


def test_a_colour_changes_and_the_name_stays(caller: Caller) -> None:
    tag = caller.post(TAGS, {"name": "vip"}).json["tag"]

    changed = send(caller, "PATCH", f"{TAGS}/{tag['id']}", {"color": "red"})

    assert changed.json["tag"] == {**tag, "color": "red"}


def test_a_change_of_what_somebody_changed_is_refused(caller: Caller) -> None:
    path = f"{TAGS}/{caller.post(TAGS, {'name': 'vip'}).json['tag']['id']}"
    (seen,) = [tag["etag"] for tag in caller.get(TAGS).json["tags"]]
    send(caller, "PATCH", path, {"color": "blue"})

    late = send(caller, "PATCH", path, {"color": "pink"}, If_Match=seen)
    (now,) = [tag["etag"] for tag in caller.get(TAGS).json["tags"]]
    again = send(caller, "PATCH", path, {"color": "rose"}, If_Match=now)

    assert (late.status, late.code, again.status) == (412, "PRECONDITION_FAILED", 200)
    assert Tag.objects.get().color == "rose"


def test_a_deleted_tag_leaves_everybody(caller: Caller) -> None:
    person = factories.SubscriberFactory.create(workspace=caller.workspace)
    tag = factories.TagFactory.create(workspace=caller.workspace, name="vip")
    SubscriberTag.objects.create(workspace=caller.workspace, subscriber=person, tag=tag)

    gone = send(caller, "DELETE", f"{TAGS}/tag_{tag.pk.hex}")

    assert (gone.status, gone.json) == (200, {"success": True})
    assert not SubscriberTag.objects.exists()
    assert Subscriber.objects.filter(pk=person.pk).exists()


def test_a_tag_of_many_goes_in_portions(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(portions, "AT_ONCE", 2)
    tag, other = factories.TagFactory.create_batch(2, workspace=caller.workspace)
    for _ in range(5):
        person = factories.SubscriberFactory.create(workspace=caller.workspace)
        for each in (tag, other):
            factories.SubscriberTagFactory.create(
                workspace=caller.workspace, subscriber=person, tag=each
            )
    deletions: list[str] = []

    def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.startswith("DELETE") and "subscribers_subscribertag" in sql:
            deletions.append(sql)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        gone = send(caller, "DELETE", f"{TAGS}/tag_{tag.pk.hex}")

    assert gone.status == 200
    assert len(deletions) == 3
    assert set(SubscriberTag.objects.values_list("tag", flat=True)) == {other.pk}
    assert SubscriberTag.objects.count() == 5


def test_a_system_tag_stays(caller: Caller) -> None:
    tag = factories.TagFactory.create(workspace=caller.workspace, is_system=True)
    path = f"{TAGS}/tag_{tag.pk.hex}"

    replies = [
        send(caller, "PATCH", path, {"color": "red"}),
        send(caller, "DELETE", path),
    ]

    assert [(reply.status, reply.code) for reply in replies] == [(403, "FORBIDDEN")] * 2
    assert Tag.objects.filter(pk=tag.pk).exists()


def test_another_workspace_s_tag_is_nobody_s(caller: Caller, stranger: Caller) -> None:
    tag = caller.post(TAGS, {"name": "vip"}).json["tag"]

    reply = send(stranger, "PATCH", f"{TAGS}/{tag['id']}", {"color": "red"})

    assert (reply.status, reply.code) == (404, "NOT_FOUND")
    assert stranger.get(TAGS).json["tags"] == []
