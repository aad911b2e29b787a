"""A step is added where it belongs, and the ways around it stay."""

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from config.admin_base import admin_url
from events.models import Sequence
from subscribers.models import Workspace
from tests import factories
from tests.events.admin.sequence_editor.test_sequence_editor import errors_of, wire_of
from tests.support.html_forms import fields_in
from tests.support.sequence_making import MAIL, make_sequence

XSS = "\"><script>alert(1)</script><img src=x onerror=alert(2)>'{{7*7}}"


def tag(step_id: str, **more: Any) -> dict[str, Any]:
    return {"type": "update_tags", "id": step_id, "add": ["x"], **more}


def if_vip(**more: Any) -> dict[str, Any]:
    return {"type": "condition", "id": "if", "rules": [{"type": "tag", "tag": "vip"}], **more}


SPLIT = {
    "type": "split", "id": "split", "branches": [
        {"id": "a", "weight": 1, "next": "one"}, {"id": "b", "weight": 1, "next": "exit"},
    ],
}  # fmt: skip
NEW = "exit-9"


def ways_after(client: Client, sequence: Sequence, button: str) -> dict[str, dict[str, str]]:
    """Press a button, save, and return where each step leads, by its id in the new order."""
    address = admin_url(sequence)
    page = client.get(address).content.decode()
    data = fields_in(page, form_id="sequence_form")
    data |= {name: ["update_tags"] for name in data if name.endswith("-new_kind")}
    page = client.post(address, {**data, "_arrange": button}).content.decode()
    data = fields_in(page, form_id="sequence_form")
    for name, value in {**data}.items():
        if name.endswith("-id") and value[0].startswith("update_tags-"):
            data[name.replace("-id", "-add")] = ["new"]
    stored = client.post(address, data)
    assert stored.status_code == 302, errors_of(stored)
    found: dict[str, dict[str, str]] = {}
    for step in wire_of(sequence)["steps"]:
        ways = {name: step[name] for name in ("next", "onFalse") if name in step}
        ways |= {each["id"]: each["next"] for each in step.get("branches", ())}
        found["new" if step["id"].startswith("update_tags-") else step["id"]] = ways
    return found


@pytest.mark.parametrize(
    ("steps", "button", "expected"),
    [
        # After a step that jumps, the new one jumps in its place.
        (
            [tag("a", next="c"), tag("b"), tag("c")], "add-0",
            {"a": {}, "new": {"next": "c"}, "b": {}, "c": {}},
        ),
        # If so: right below the condition.
        (
            [if_vip(), tag("a")], "add-0",
            {"if": {}, "new": {}, "a": {}},
        ),
        # Otherwise, where it ended: last, and nobody falls into it.
        (
            [if_vip(), tag("a")], "add-0-on_false",
            {"if": {"onFalse": "new"}, "a": {"next": "exit"}, "new": {}},
        ),
        # Otherwise, where it went on at a step: before it, beside the other way.
        (
            [if_vip(onFalse="b"), tag("a"), tag("b")], "add-0-on_false",
            {"if": {"onFalse": "new"}, "a": {"next": "b"}, "new": {}, "b": {}},
        ),
        (
            [if_vip(onFalse="a"), tag("a")], "add-0-on_false",
            {"if": {"next": "a", "onFalse": "new"}, "new": {}, "a": {}},
        ),
        (
            [SPLIT, tag("one")], "add-0-branches.1",
            {"split": {"a": "one", "b": "new"}, "one": {"next": "exit"}, "new": {}},
        ),
        (
            [SPLIT, tag("one")], "add-0-branches.0",
            {"split": {"a": "new", "b": "exit"}, "new": {}, "one": {}},
        ),
        # Removed: ways to it lead to what came after it.
        (
            [if_vip(onFalse="b"), tag("a"), tag("b"), tag("c")], "remove-2",
            {"if": {"onFalse": "c"}, "a": {}, "c": {}},
        ),
        (
            [if_vip(onFalse="b"), tag("a", next="c"), tag("b"), tag("c")], "remove-1",
            {"if": {"next": "c", "onFalse": "b"}, "b": {}, "c": {}},
        ),
        (
            [if_vip(onFalse="z"), tag("a"), {"type": "exit", "id": "z"}], "remove-2",
            {"if": {}, "a": {}},
        ),
    ],
)  # fmt: skip
def test_a_step_comes_and_goes_without_changing_other_ways(
    admin_client: Client,
    workspace: Workspace,
    steps: list[dict[str, Any]],
    button: str,
    expected: dict[str, dict[str, str]],
) -> None:
    sequence = make_sequence(workspace, *steps)

    found = ways_after(admin_client, sequence, button)

    made = next(
        (each["id"] for each in wire_of(sequence)["steps"] if "update_tags-" in each["id"]), ""
    )
    plain = {
        one: {way: "new" if to == made else to for way, to in ways.items()}
        for one, ways in found.items()
    }
    assert plain == expected
    assert [*plain] == [*expected]


def test_steps_are_folded_to_sentences_and_stand_in_their_branches(
    admin_client: Client, workspace: Workspace
) -> None:
    mail = {**MAIL, "id": "mail", "subject": "Hi {{subscriber.firstName|friend}}", "next": "end"}
    sequence = make_sequence(
        workspace, if_vip(onFalse="b"), mail, tag("b", label="Mark"), tag("end")
    )

    answer = admin_client.get(admin_url(sequence))

    page = answer.content.decode()
    shown = answer.context["adminform"].form.rows.shown
    assert [each.sentence for each in shown] == [
        "If tag vip", "Email “Hi [first name]”", "Mark", "Tags: add x",
    ]  # fmt: skip
    assert [(each.place.depth, each.place.way) for each in shown] == [
        (0, ""), (1, "If so"), (1, "Otherwise"), (0, ""),
    ]  # fmt: skip
    assert page.count("<details open") == 0


def test_only_the_new_step_is_open(admin_client: Client, workspace: Workspace) -> None:
    sequence = make_sequence(workspace, tag("a"), tag("b"), tag("c"))
    page = admin_client.get(admin_url(sequence)).content.decode()
    data = {**fields_in(page, form_id="sequence_form"), "steps-1-new_kind": "email"}

    answer = admin_client.post(admin_url(sequence), {**data, "_arrange": "add-1"})

    shown = answer.context["adminform"].form.rows.shown
    assert [each.is_open for each in shown] == [False, False, True, False]
    assert 'formaction="#step-3"' in page
    assert 'id="step-3"' in answer.content.decode()


def test_what_was_never_received_is_said_beside_its_field(
    admin_client: Client, workspace: Workspace
) -> None:
    factories.EventDefinitionFactory.create(workspace=workspace, name="known")
    rules = [{"type": "did_event", "eventName": name} for name in ("known", "ru<le")]
    sequence = make_sequence(
        workspace,
        {"type": "wait_for_event", "id": "w", "eventName": "never"},
        {"type": "condition", "id": "if", "rules": rules},
        eventName="signup",
        stopCondition={"type": "event_received", "value": "known"},
    )

    page = admin_client.get(admin_url(sequence)).content.decode()

    for name in ("signup", "never", "ru&lt;le"):
        assert f"Never received: {name}.</strong>" in page
    assert "Never received: known" not in page
    assert "No event signup was ever received, and the trigger asks for it." in page


def test_names_are_suggested(admin_client: Client, workspace: Workspace) -> None:
    definition = factories.EventDefinitionFactory.create(workspace=workspace, name="signup")
    factories.EventFactory.create(definition=definition, properties={"plan": {"na<me": 1, "id": 2}})
    factories.TagFactory.create(workspace=workspace, name="vip")
    factories.ListFactory.create(workspace=workspace, name="News & more")
    sequence = make_sequence(workspace, if_vip())

    page = admin_client.get(admin_url(sequence)).content.decode()

    for kind, name in (
        ("tags", "vip"), ("lists", "News &amp; more"), ("events", "signup"),
        ("properties", "plan.id"),
    ):  # fmt: skip
        names = page.partition(f'<datalist id="known-{kind}">')[2].partition("</datalist>")[0]
        assert f'<option value="{name}">' in names


def test_fifty_steps_take_as_many_statements_as_two(
    admin_client: Client, workspace: Workspace
) -> None:
    wait = {"type": "wait_for_event", "eventName": "x"}
    few = make_sequence(workspace, {**wait, "id": "a"}, if_vip())
    pairs = [({**wait, "id": f"w{n}"}, {**if_vip(), "id": f"i{n}"}) for n in range(25)]
    many = make_sequence(workspace, *(step for pair in pairs for step in pair))
    counts = []
    admin_client.get(admin_url(few))

    for sequence in (few, many):
        with CaptureQueriesContext(
            connection,
        ) as queries:
            page = admin_client.get(admin_url(sequence)).content.decode()
        counts.append(len(queries))
    data = fields_in(page, form_id="sequence_form")
    moved = admin_client.post(admin_url(many), {**data, "_arrange": "up-1"})

    assert counts[0] == counts[1] <= 30
    assert moved.status_code == 200


def test_hostile_texts_are_shown_as_texts(admin_client: Client, workspace: Workspace) -> None:
    factories.TagFactory.create(workspace=workspace, name="x")
    page = admin_client.get("/admin/events/sequence/add/").content.decode()
    data: dict[str, Any] = {**fields_in(page, form_id="sequence_form")}
    data |= {"steps-count": "12", "stop_type": "event_received", "event_name": XSS}
    kinds = [
        kind for kind, _ in admin_client.get("/admin/events/sequence/add/").context["step_kinds"]
    ]
    for place, kind in enumerate(kinds):
        data |= {f"steps-{place}-kind": kind, f"steps-{place}-id": XSS}
    page = admin_client.post(
        "/admin/events/sequence/add/", {**data, "_arrange": "open"}
    ).content.decode()
    found = fields_in(page, form_id="sequence_form")
    typed = {
        name: [XSS]
        for name in found
        if not name.endswith(("-kind", "count", "-rows", "csrfmiddlewaretoken"))
    }
    typed |= {"workspace": [str(workspace.pk)], "_arrange": ["open"]}

    page = admin_client.post("/admin/events/sequence/add/", {**found, **typed}).content.decode()
    saved = admin_client.post("/admin/events/sequence/add/", {**found, **typed, "_arrange": ""})

    assert saved.status_code == 200
    for text in (page, saved.content.decode()):
        assert "alert(1)" in text
        assert "<script>alert" not in text
        assert "<img src=x" not in text
