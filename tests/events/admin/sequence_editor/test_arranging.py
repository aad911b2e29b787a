"""A step is added where it belongs, and the ways around it stay."""

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from config.admin_base import admin_url
from events.admin.sequence_editor.arranging import TypedStep
from events.admin.sequence_editor.places import places_of
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


def pressed(client: Client, address: str, page: str | None, button: str, **typed: str) -> str:
    """Return the page after a button that stores nothing, as a browser without script sees it."""
    page = client.get(address).content.decode() if page is None else page
    data: dict[str, Any] = {**fields_in(page, form_id="sequence_form")}
    return client.post(address, {**data, **typed, "_arrange": button}).content.decode()


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

    rows = answer.context["adminform"].form.rows
    assert [each.is_open for each in rows.shown] == [False, False, True, False]
    assert not rows.has_errors
    assert 'formaction="#step-3"' in page
    assert 'id="step-3"' in answer.content.decode()
    assert "This field is required" not in answer.content.decode()


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


def test_a_new_split_has_two_branches_to_fill(admin_client: Client, workspace: Workspace) -> None:
    sequence = make_sequence(workspace, tag("a"))
    address = admin_url(sequence)
    page = pressed(admin_client, address, None, "add", _add_kind="split")
    page = pressed(admin_client, address, page, "add-1-branches.1", **{"steps-1-new_kind": "exit"})
    saved = admin_client.post(address, fields_in(page, form_id="sequence_form"))

    assert saved.status_code == 302, errors_of(saved)
    assert wire_of(sequence)["steps"][1]["branches"] == [
        {"id": "a", "weight": 50, "next": "exit"},
        {"id": "b", "weight": 50, "next": "exit-3"},
    ]


@pytest.mark.parametrize(("lines", "ways"), [(11, 11), (5000, 0)])
def test_more_branches_than_a_split_may_have_are_ways_up_to_some(lines: int, ways: int) -> None:
    """Each is drawn and led anew: of thousands, the editor's page would take minutes."""
    typed = TypedStep("split", {"id": ["s"], "branches": ["1 exit a\n" * lines]})

    (place,) = places_of([typed])

    assert [each.name for each in place.ways] == (["in a"] * ways or ["after it"])


def test_a_flow_is_built_without_script(admin_client: Client, workspace: Workspace) -> None:
    add = "/admin/events/sequence/add/"
    general = {"workspace": str(workspace.pk), "name": "Nudge", "event_name": "signup"}
    rule = {"kind": "did_not_event", "event": "order.placed"}

    page = pressed(admin_client, add, None, "add", _add_kind="delay", **general)
    typed = {"steps-0-days": "1", "steps-0-new_kind": "condition"}
    page = pressed(admin_client, add, page, "add-0", **typed)
    typed = {f"steps-1-rules-0-{name}": value for name, value in rule.items()}
    page = pressed(admin_client, add, page, "add-1", **typed, **{"steps-1-new_kind": "email"})
    typed = {"steps-2-subject": "Still there?", "steps-2-text": "Hello"}
    page = pressed(admin_client, add, page, "add", **typed, _add_kind="exit")
    saved = admin_client.post(add, fields_in(page, form_id="sequence_form"))

    assert saved.status_code == 302, errors_of(saved)
    assert wire_of(Sequence.objects.get())["steps"] == [
        {"type": "delay", "id": "delay-1", "days": 1},
        {
            "type": "condition",
            "id": "condition-2",
            "rules": [{"type": "did_not_event", "eventName": "order.placed"}],
        },
        {"type": "email", "id": "email-3", "subject": "Still there?", "text": "Hello"},
        {"type": "exit", "id": "exit-4"},
    ]
