"""Segments are written by rows, by text, counted first, and kept while something names them."""

import json
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client

from config.admin_base import admin_url, list_url, view_url
from events.language.segments import parse_root
from events.services.segments import limits
from events.wording.segments import in_words
from subscribers.models import Segment, Subscriber, Workspace
from tests import factories
from tests.support.segment_making import TAGGED, make_segment, tagged

ADD = list_url(Segment) + "add/"
XSS = '<script>alert(1)</script>"><img src=x onerror=alert(2)>'


def row(number: int, kind: str, group: int = 0, **inputs: str) -> dict[str, str]:
    own = {f"row-{number}-{name}": value for name, value in inputs.items()}
    return {f"row-{number}-group": str(group), f"row-{number}-kind": kind, **own}


def posted(workspace: Workspace, **more: str) -> dict[str, str]:
    return {"workspace": str(workspace.pk), "name": "Twice", **more}


def test_rows_in_groups_become_a_tree(admin_client: Client, workspace: Workspace) -> None:
    chosen = factories.ListFactory.create(workspace=workspace, name="News")
    fields = {
        **row(0, "tag.contains", tag="VIP"),
        **row(1, "event.at_least", event="order.placed", times="2", window="30d"),
        **row(4, "list.is", group=3, list=f"lst_{chosen.pk.hex}"),
        **row(5, "attribute.gt", group=3, attribute="seats", text="5"),
        **row(6, "", group=3),
        **row(7, "added.less_than", group=3, days="7"),
        **row(8, "emailSent.is_not", group=3, mail="marketing", window="24h"),
        "groups-join": "and",
        "group-3-join": "or",
    }

    answer = admin_client.post(ADD, posted(workspace, **fields))

    (segment,) = Segment.objects.all()
    page = admin_client.get(admin_url(segment)).content.decode()
    assert answer.status_code == 302
    assert (
        "has the tag vip and did order.placed at least 2 times in the last 30 days"
        in page.replace("&gt;", ">")
    )
    first, second = segment.root["children"]
    assert [each["value"] for each in first["children"]] == ["vip", "order.placed:2:30d"]
    assert second["joinOperator"] == "or"
    assert [each["value"] for each in second["children"]] == [
        f"lst_{chosen.pk.hex}", "seats:5", "7 days", "marketing:24h",
    ]  # fmt: skip


def test_a_stored_segment_saves_as_it_was(admin_client: Client, workspace: Workspace) -> None:
    segment = make_segment(
        workspace,
        TAGGED,
        {
            "joinOperator": "or",
            "children": [
                {"field": "event", "operator": "is", "value": "a:b:2d"},
                {"field": "attribute", "operator": "is_empty", "value": "plan"},
                {"field": "email", "operator": "is_not", "value": "a@example.com"},
                {"field": "status", "operator": "is", "value": "pending"},
                {"field": "tag", "operator": "is_empty"},
                {"field": "emailOpened", "operator": "at_least", "value": "3:7d"},
                {"field": "emailBounced", "operator": "is_permanent_bounce", "value": "all"},
                {"field": "emailClicked", "operator": "is_not", "value": "marketing:90d"},
            ],
        },
    )
    form = admin_client.get(admin_url(segment)).context["adminform"].form
    fields = {
        name: value
        for box in form.rows.boxes
        for each in box.rows
        for name, value in row(each.number, each.kind, box.number, **each.values).items()
    } | {f"group-{box.number}-join": box.join for box in form.rows.boxes}
    before = parse_root(segment.root)

    admin_client.post(admin_url(segment), {"name": "VIPs", "groups-join": form.rows.join, **fields})

    segment.refresh_from_db()
    root = parse_root(segment.root)
    names: dict[str, str] = {}
    assert in_words(root, names=names) == in_words(before, names=names)


def test_counting_stores_nothing(admin_client: Client, workspace: Workspace) -> None:
    tag = factories.TagFactory.create(workspace=workspace, name="vip")
    person = factories.SubscriberFactory.create(workspace=workspace)
    gone = factories.SubscriberFactory.create(workspace=workspace, unsubscribed=True)
    for each in (person, gone):
        factories.SubscriberTagFactory.create(subscriber=each, tag=tag)

    fields = {**row(0, "tag.contains", tag="vip"), "_preview": "1"}
    answer = admin_client.post(ADD, posted(workspace, **fields))
    page = answer.content.decode()

    preview = answer.context["adminform"].form.preview
    assert (str(preview.matching), str(preview.active)) == ("2", "1")
    assert person.email in page
    assert not Segment.objects.exists()


def test_unknown_names_are_a_warning(admin_client: Client, workspace: Workspace) -> None:
    fields = {**row(0, "tag.contains", tag="nope"), **row(1, "event.is", event="no", window="all")}

    page = admin_client.post(ADD, posted(workspace, **fields), follow=True).content.decode()

    assert "There is no tag “nope” yet" in page
    assert "No event “no” was received yet" in page
    assert Segment.objects.count() == 1


@pytest.mark.parametrize(
    ("button", "numbers"),
    [
        ("add-0", [0, 1, 2]),
        ("remove-0", [1]),
        ("group", [0, 1, 2]),
        ("zzz", [0, 1]),
        ("add-9", [0, 1]),
    ],
)
def test_buttons_add_and_remove_rows(
    admin_client: Client, workspace: Workspace, button: str, numbers: list[int]
) -> None:
    fields = {**row(0, "tag.contains", tag="a"), **row(1, "tag.contains", tag="b")}

    answer = admin_client.post(ADD, posted(workspace, **fields, _arrange=button))

    rows = answer.context["adminform"].form.rows
    assert [each.number for box in rows.boxes for each in box.rows] == numbers
    assert not Segment.objects.exists()


def test_a_fault_is_shown_at_its_row(admin_client: Client, workspace: Workspace) -> None:
    fields = {
        **row(0, "tag.contains", tag="vip"),
        **row(1, "event.is", group=1, event="", window="30d"),
        **row(2, "attribute.gt", group=1, attribute="seats", text="many"),
    }

    answer = admin_client.post(ADD, posted(workspace, **fields))

    rows = answer.context["adminform"].form.rows
    faults = {each.number: each.faults for box in rows.boxes for each in box.rows}
    assert faults[0] == []
    assert "blank" in faults[1][0]
    assert "compare with a number" in faults[2][0]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "is no JSON"),
        ("[" * 100_000, "is no JSON"),
        ('{"children": [{"field": "tag"}]}', "root.children[0].operator is missing"),
        ('{"children": [{"field": "list", "operator": "is", "value": "Nope"}]}', "is not there"),
        ('{"children": [{"field": "tag", "operator": "contains", "value": "\\u0000"}]}', "stored"),
        ("null", "must be an object"),
    ],
)
def test_a_wrong_text_names_the_place(
    admin_client: Client, workspace: Workspace, text: str, says: str
) -> None:
    answer = admin_client.post(ADD, posted(workspace, uses_text="on", as_text=text))

    assert says in str(answer.context["adminform"].form.errors["as_text"])


def test_lists_and_segments_may_be_named_in_the_text(
    admin_client: Client, workspace: Workspace
) -> None:
    other = make_segment(workspace, name="Other")
    chosen = factories.ListFactory.create(workspace=workspace, name="News")
    children = [
        {"field": "list", "operator": "is", "value": "News"},
        {"field": "segment", "operator": "is_not", "value": "Other"},
        {"children": [{"children": [TAGGED, TAGGED]}]},
    ]

    text = json.dumps({"children": children})
    admin_client.post(ADD, posted(workspace, uses_text="on", as_text=text))

    made = Segment.objects.get(name="Twice")
    values = [each["value"] for each in made.root["children"][:2]]
    assert values == [f"lst_{chosen.pk.hex}", other.public_id]
    page = admin_client.get(admin_url(made)).content.decode()
    assert "is on the list News and is not in the segment Other" in page
    assert "nest deeper than the form shows" in page


def test_a_segment_cannot_need_itself(admin_client: Client, workspace: Workspace) -> None:
    one = make_segment(workspace, name="One")
    two = make_segment(
        workspace, {"field": "segment", "operator": "is", "value": "One"}, name="Two"
    )

    answer = admin_client.post(
        admin_url(one), {"name": "One", **row(0, "segment.is", segment=two.public_id)}
    )

    assert "needs this segment itself" in answer.content.decode()


def test_what_a_segment_names_is_not_deleted(admin_client: Client, workspace: Workspace) -> None:
    tag = factories.TagFactory.create(workspace=workspace, name="vip")
    chosen = factories.ListFactory.create(workspace=workspace, name="News")
    inner = make_segment(
        workspace, TAGGED, {"field": "list", "operator": "is", "value": "News"}, name="Inner"
    )
    make_segment(workspace, {"field": "segment", "operator": "is", "value": "Inner"}, name="Outer")

    for each, user in ((tag, "Inner"), (chosen, "Inner"), (inner, "Outer")):
        address = admin_url(each).replace("/change/", "/delete/")
        page = admin_client.get(address).content.decode()
        admin_client.post(address, {"post": "yes"})
        assert f"Segment: {user}" in page
        assert type(each).objects.filter(pk=each.pk).exists()


def test_a_name_is_taken_once(admin_client: Client, workspace: Workspace) -> None:
    make_segment(workspace, name="Twice")
    other = make_segment(workspace, name="Other")
    fields = row(0, "tag.contains", tag="vip")

    added = admin_client.post(ADD, posted(workspace, **fields))
    renamed = admin_client.post(admin_url(other), {"name": "Twice", **fields})

    assert added.status_code == renamed.status_code == 200
    assert "another segment of this name" in renamed.content.decode()


def test_the_list_costs_the_same_with_many(
    admin_client: Client, workspace: Workspace, django_assert_max_num_queries: Any
) -> None:
    for number in range(6):
        factories.ListFactory.create(workspace=workspace)
        make_segment(workspace, name=f"Segment {number}")

    with django_assert_max_num_queries(10):
        answer = admin_client.get(list_url(Segment))

    assert len(answer.context["cl"].result_list) == 6


def test_subscribers_are_listed_by_segment(admin_client: Client, workspace: Workspace) -> None:
    segment = make_segment(workspace)
    tag = factories.TagFactory.create(workspace=workspace, name="vip")
    wanted = factories.SubscriberTagFactory.create(
        subscriber__workspace=workspace, tag=tag
    ).subscriber
    factories.SubscriberFactory.create(workspace=workspace)
    # A tag of the same name elsewhere.
    factories.SubscriberTagFactory.create(tag__name="vip")

    answer = admin_client.get(list_url(Subscriber, segment=segment.pk.hex))

    assert list(answer.context["cl"].result_list) == [wanted]
    assert "VIPs" in answer.content.decode()


def test_its_people_are_exported(admin_client: Client, workspace: Workspace) -> None:
    segment = make_segment(workspace)
    (person,) = tagged(workspace, 1)
    factories.SubscriberFactory.create(workspace=workspace)

    answer = admin_client.post(view_url(segment, "export"))

    rows = b"".join(answer.streaming_content).decode().splitlines()  # type: ignore[attr-defined]
    assert len(rows) == 2
    assert person.email in rows[1]
    assert admin_client.get(view_url(segment, "export")).status_code == 405


@pytest.mark.postgresql
def test_a_segment_that_takes_too_long_is_left_out(
    admin_client: Client, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    segment = make_segment(workspace)
    tagged(workspace, 1)
    monkeypatch.setattr(limits, "SECONDS", 0.05)

    def slow(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        is_asked = "subscribers_subscribertag" in sql and sql.startswith("SELECT")
        asked = ("SELECT pg_sleep(5)", None) if is_asked else (sql, params)
        return execute(*asked, many, context)

    with connection.execute_wrapper(slow):
        shown = admin_client.get(list_url(Subscriber, segment=segment.pk.hex), follow=True)
        fields = {**row(0, "tag.contains", tag="vip"), "_preview": "1"}
        counted = admin_client.post(ADD, posted(workspace, **fields))

    assert "took longer than five seconds" in shown.content.decode()
    assert shown.redirect_chain[-1][0] == list_url(Subscriber)
    assert "not counted: it takes too long" in counted.content.decode()


def test_a_viewer_reads_and_changes_nothing(client: Client, workspace: Workspace) -> None:
    segment = make_segment(workspace)
    person = User.objects.create(username="viewer", is_staff=True)
    person.user_permissions.set(Permission.objects.filter(codename="view_segment"))
    client.force_login(person)

    page = client.get(admin_url(segment))
    changed = client.post(admin_url(segment), {"name": "x", **row(0, "tag.contains", tag="a")})

    assert "has the tag vip" in page.content.decode()
    assert "Add condition" not in page.content.decode()
    assert changed.status_code == 403
    assert client.get(ADD).status_code == 403


def test_hostile_names_are_escaped(admin_client: Client, workspace: Workspace) -> None:
    factories.EventDefinitionFactory.create(workspace=workspace, name=XSS)
    factories.SubscriberFactory.create(workspace=workspace, attributes={XSS: 1})
    segment = make_segment(
        workspace, {"field": "event", "operator": "is", "value": f"{XSS}:30d"}, name=XSS
    )

    for address in (admin_url(segment), list_url(Segment), ADD):
        page = admin_client.get(address).content.decode()
        assert "<script>alert(1)" not in page
        assert "<img src=x" not in page
