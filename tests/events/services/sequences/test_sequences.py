"""Sequences made, edited, switched on and off, and what the write path learns of it."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from events.language.specs import as_wire, parse_sequence
from events.models import Sequence
from events.services.sequences import sequences
from events.services.sequences.sequences import KeyTaken, NotActive, NotReady
from subscribers.models import Tag, Workspace
from subscribers.wire.payloads import InvalidRequest
from tests.factories import EventDefinitionFactory, EventFactory, ListFactory, WorkspaceFactory
from tests.support.sequence_making import MAIL, NOON, make_sequence

pytestmark = pytest.mark.django_db
LATER = NOON + timedelta(hours=1)


def version_of(workspace: Workspace) -> int:
    workspace.refresh_from_db()
    return workspace.config_version


def test_a_new_sequence_is_a_draft_with_its_first_version() -> None:
    workspace = WorkspaceFactory.create()

    sequence = make_sequence(workspace, MAIL, {"type": "exit", "id": "out"}, is_active=False)

    sequence.refresh_from_db()
    assert sequence.status == Sequence.Status.DRAFT
    assert sequence.current_version is not None
    assert sequence.current_version.number == 1
    assert list(sequence.current_version.steps.values_list("position", "key", "kind")) == [
        (0, "email-1", "email"),
        (1, "out", "exit"),
    ]


def test_what_a_sequence_is_can_be_read_back() -> None:
    workspace = WorkspaceFactory.create()
    news = ListFactory.create(workspace=workspace, name="News")
    raw = {
        "name": "Orders",
        "description": "What follows\nan order",
        "labels": ["shop"],
        "trigger": "event_received",
        "eventName": "order.placed",
        "propertyFilters": [{"path": "total", "operator": "greater_than", "value": 5}],
        "enrollmentMode": "matching_field",
        "enrollmentFieldPath": "order.id",
        "stopCondition": {"type": "tag_added", "value": "VIP_User"},
        "sendingWindow": {"days": ["monday"], "startTime": "09:00", "endTime": "17:00"},
        "activeSubscribersOnly": True,
        "runsWhilePending": True,
        "fromEmail": "shop@example.com",
        "fromName": "Shop",
        "replyTo": "help@example.com",
        "steps": [
            {**MAIL, "isTransactional": True},
            {"type": "update_list", "join": [f"lst_{news.pk.hex}"]},
        ],
    }

    made = sequences.create(workspace=workspace, spec=parse_sequence(raw), now=NOON)

    found = sequences.spec_of(Sequence.objects.get(pk=made.pk))
    assert found == parse_sequence(raw)


def test_tags_that_a_sequence_names_are_made_with_it() -> None:
    workspace = WorkspaceFactory.create()
    rule = {"type": "no_tag", "tag": "churned"}

    make_sequence(
        workspace,
        {"type": "update_tags", "add": ["Customer"], "remove": ["lead"]},
        {"type": "condition", "rules": [rule]},
        trigger="tag_added",
        tagNames=["trial"],
        stopCondition={"type": "tag_added", "value": "cancelled"},
    )

    names = Tag.objects.filter(workspace=workspace).values_list("name", flat=True)
    assert set(names) == {"customer", "lead", "churned", "trial", "cancelled"}


def test_a_key_belongs_to_one_sequence_of_a_workspace() -> None:
    workspace, other = WorkspaceFactory.create(), WorkspaceFactory.create()
    make_sequence(workspace, key="welcome", is_active=False)

    make_sequence(other, key="welcome", is_active=False)
    with pytest.raises(KeyTaken, match="welcome"):
        make_sequence(workspace, key="welcome", is_active=False)

    assert Sequence.objects.count() == 2


def test_a_list_that_is_not_there_is_refused_by_its_field() -> None:
    workspace = WorkspaceFactory.create()
    foreign = ListFactory.create()
    step = {"type": "update_list", "join": [f"lst_{foreign.pk.hex}"], "leave": [foreign.name]}

    with pytest.raises(InvalidRequest) as caught:
        make_sequence(workspace, step, trigger="contact_added", lists=["Nowhere"])

    paths = [fault.path for fault in caught.value.faults]
    assert paths == ["lists", "steps[0].join", "steps[0].leave"]
    assert not Sequence.objects.exists()


def test_the_same_description_changes_nothing() -> None:
    workspace = WorkspaceFactory.create()
    ListFactory.create(workspace=workspace, name="News")
    step = {"type": "update_subscriber", "attributes": {"score": 1.5, "on": True, "n": 1e16}}
    wire: dict[str, Any] = {
        "trigger": "contact_added",
        "lists": ["News"],
        "name": "A",
        "fromEmail": "a@b.example",
    }
    sequence = make_sequence(workspace, MAIL, step, **wire)
    before, version_id = version_of(workspace), sequence.current_version_id

    is_changed = sequences.edit(
        sequence=sequence, spec=parse_sequence({**wire, "steps": [MAIL, step]}), now=LATER
    )

    assert not is_changed
    assert version_of(workspace) == before
    assert sequence.current_version_id == version_id
    assert sequence.updated_at == NOON


def test_true_is_not_one() -> None:
    workspace = WorkspaceFactory.create()
    step = {"type": "update_subscriber", "id": "s", "attributes": {"on": 1}}
    sequence = make_sequence(workspace, step, name="A")
    edited = {"name": "A", "steps": [{**step, "attributes": {"on": True}}]}

    assert sequences.edit(sequence=sequence, spec=parse_sequence(edited), now=LATER)


def test_a_new_name_makes_no_version_and_the_key_stays() -> None:
    workspace = WorkspaceFactory.create()
    sequence = make_sequence(workspace, MAIL, name="A", trigger="manual")
    before, version_id = version_of(workspace), sequence.current_version_id
    wire = {"name": "B", "trigger": "manual", "steps": [MAIL], "fromEmail": "news@example.com"}

    is_changed = sequences.edit(sequence=sequence, spec=parse_sequence(wire), now=LATER)

    assert is_changed
    assert (sequence.name, sequence.key) == ("B", "a")
    assert sequence.current_version_id == version_id
    assert version_of(workspace) == before + 1


@pytest.mark.parametrize(
    "changed",
    [
        {"steps": [{**MAIL, "subject": "Other"}]},
        {"sendingWindow": {"enabled": True, "startTime": "09:00"}},
        {"fromName": "Ann"},
    ],
)
def test_steps_window_and_sender_make_a_new_version(changed: dict[str, Any]) -> None:
    sequence = make_sequence(WorkspaceFactory.create(), MAIL, name="A", trigger="manual")
    wire = {"name": "A", "trigger": "manual", "steps": [MAIL], "fromEmail": "news@example.com"}

    sequences.edit(sequence=sequence, spec=parse_sequence({**wire, **changed}), now=LATER)

    assert sequence.current_version is not None
    assert sequence.current_version.number == 2


@pytest.mark.parametrize(
    ("steps", "wire", "words"),
    [
        ([], {"steps": []}, "It has no steps."),
        ([MAIL], {"fromEmail": None}, "neither it nor the workspace has a from address"),
        (
            [],
            {"trigger": "manual", "enrollmentMode": "matching_field", "enrollmentFieldPath": "id"},
            "its trigger has no event",
        ),
    ],
)
def test_what_is_missing_keeps_a_sequence_off(
    steps: list[dict[str, Any]], wire: dict[str, Any], words: str
) -> None:
    sequence = make_sequence(WorkspaceFactory.create(), *steps, is_active=False, **wire)

    with pytest.raises(NotReady) as caught:
        sequences.activate(sequence=sequence, now=NOON)

    assert len(caught.value.problems) == 1
    assert words in caught.value.problems[0]
    sequence.refresh_from_db()
    assert sequence.status == Sequence.Status.DRAFT


def test_a_list_that_is_gone_keeps_a_sequence_off() -> None:
    workspace = WorkspaceFactory.create()
    news = ListFactory.create(workspace=workspace, name="News")
    rule = {"type": "list", "list": "News"}
    sequence = make_sequence(
        workspace, {"type": "condition", "rules": [rule]}, lists=["News"], trigger="contact_added",
        is_active=False,
    )  # fmt: skip
    news.delete()

    found = sequences.readiness(sequence)

    assert found.problems == (
        "lists names a list that is gone.",
        "steps[0].rules names a list that is gone.",
    )


def test_the_workspaces_address_is_enough() -> None:
    workspace = WorkspaceFactory.create(from_email="us@example.com")

    sequence = make_sequence(workspace, MAIL, fromEmail=None)

    assert sequence.status == Sequence.Status.ACTIVE


def test_properties_that_no_recent_event_had_are_warned_of() -> None:
    workspace = WorkspaceFactory.create(postal_address="1 Main Street")
    definition = EventDefinitionFactory.create(workspace=workspace, name="signup")
    mail = {**MAIL, "html": "{{event.plan.name}} {{event.city|your area}} {{subscriber.firstName}}"}
    sequence = make_sequence(workspace, mail)
    before = sequences.readiness(sequence).warnings

    EventFactory.create(
        subscriber__workspace=workspace, definition=definition, properties={"plan": {"name": "a"}}
    )

    assert before == ("No event signup was received yet, so its properties could not be checked.",)
    assert sequences.readiness(sequence).warnings == (
        "The latest event signup does not have the property city.",
    )


def test_a_mail_that_needs_an_event_where_none_starts_the_sequence_is_warned_of() -> None:
    mail = {**MAIL, "html": "{{event.city}}"}
    workspace = WorkspaceFactory.create(postal_address="1 Main Street")
    sequence = make_sequence(workspace, mail, trigger="manual")

    (warning,) = sequences.readiness(sequence).warnings

    assert "no event starts this sequence" in warning


def test_an_active_sequence_is_not_edited_into_one_that_cannot_run() -> None:
    sequence = make_sequence(WorkspaceFactory.create(from_email=""), MAIL)
    without_sender = parse_sequence({**as_wire(sequences.spec_of(sequence)), "fromEmail": None})

    with pytest.raises(NotReady, match="neither it nor the workspace has a from address"):
        sequences.edit(sequence=sequence, spec=without_sender, now=LATER)

    sequence.refresh_from_db()
    assert sequences.spec_of(sequence).from_email == "news@example.com"


def test_switching_off_and_on_again() -> None:
    workspace = WorkspaceFactory.create()
    sequence = make_sequence(workspace)

    sequences.pause(sequence=sequence, now=LATER, reason="too loud")
    paused = (sequence.status, sequence.paused_at, sequence.pause_reason)
    sequences.activate(sequence=sequence, now=LATER)

    assert paused == (Sequence.Status.PAUSED, LATER, "too loud")
    assert (sequence.status, sequence.paused_at) == (Sequence.Status.ACTIVE, None)
    assert sequence.pause_reason == ""


def test_pausing_twice_keeps_the_first_moment() -> None:
    sequence = make_sequence(WorkspaceFactory.create())
    sequences.pause(sequence=sequence, now=NOON, reason="first")

    sequences.pause(sequence=sequence, now=LATER, reason="second")

    assert (sequence.paused_at, sequence.pause_reason) == (NOON, "first")


def test_a_draft_cannot_be_paused() -> None:
    sequence = make_sequence(WorkspaceFactory.create(), is_active=False)

    with pytest.raises(NotActive, match="The sequence is draft, not active"):
        sequences.pause(sequence=sequence, now=NOON)


def test_an_archived_sequence_comes_back_as_a_draft() -> None:
    sequence = make_sequence(WorkspaceFactory.create())

    sequences.archive(sequence=sequence, now=LATER)
    with pytest.raises(NotReady, match="archived"):
        sequences.activate(sequence=sequence, now=LATER)
    sequences.unarchive(sequence=sequence, now=LATER)

    assert (sequence.status, sequence.paused_at) == (Sequence.Status.DRAFT, None)


def test_letting_nobody_in_leaves_the_sequence_active() -> None:
    sequence = make_sequence(WorkspaceFactory.create())

    sequences.set_enrollment_paused(sequence=sequence, is_paused=True, now=LATER)

    assert sequence.is_enrollment_paused
    assert sequence.status == Sequence.Status.ACTIVE


CHANGES: list[Callable[[Sequence], object]] = [
    lambda sequence: sequences.pause(sequence=sequence, now=LATER),
    lambda sequence: sequences.archive(sequence=sequence, now=LATER),
    lambda sequence: sequences.set_enrollment_paused(sequence=sequence, is_paused=True, now=LATER),
    lambda sequence: sequences.edit(
        sequence=sequence,
        spec=parse_sequence({"name": "New", "trigger": "manual", "steps": [{"type": "exit"}]}),
        now=LATER,
    ),
]


@pytest.mark.parametrize("change", CHANGES)
def test_the_write_path_learns_of_every_change(change: Callable[[Sequence], object]) -> None:
    workspace = WorkspaceFactory.create()
    sequence = make_sequence(workspace)
    before = version_of(workspace)

    change(sequence)

    assert version_of(workspace) > before
