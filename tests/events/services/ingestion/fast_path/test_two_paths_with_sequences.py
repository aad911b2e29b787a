"""The fast path starts, stops and releases the enrollments that the reference path does.

As in `test_two_paths`, every request goes both ways, in two workspaces alike; between requests the
same happens to the enrollments and people of both, as the engine and operators would do it.
"""

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext

from events.language import timing
from events.models import Enrollment, Event, Sequence
from events.services.sequences import sequences
from subscribers.models import Subscriber, Workspace
from tests.events.services.ingestion.fast_path.test_fast_path import is_fast
from tests.events.services.ingestion.fast_path.test_two_paths import (
    SEEDS,
    make_application,
    random_request,
    rows_of,
    without_ids,
)
from tests.support.calling import BULK, Caller
from tests.support.sequence_making import MAIL, make_sequence

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
NAMES = ["view", "buy", "ask", "start", "start", "order", "order", "end", "came", "came"]
MONTH = {"type": "delay", "days": 30}
# Requests change the attribute `plan`.
DATE = {"field": "plan", "source": "attribute"}
WAIT = {
    "type": "wait_for_event",
    "eventName": "came",
    "propertyFilters": [{"path": "n", "operator": "not_exists"}],
}
BIG = [{"path": "n", "operator": "exists"}]
SAME = [{"path": "n", "operator": "equals", "entryPath": "n"}]
WAITS = {"wait", "same n"}
Status = Enrollment.Status


def stop(kind: str, value: str, **more: Any) -> dict[str, Any]:
    return {"stopCondition": {"type": kind, "value": value, **more}}


SEQUENCES: dict[str, dict[str, Any]] = {
    "plain": {"eventName": "start", **stop("event_received", "end")},
    "mail": {"eventName": "start", "steps": [{**MAIL, "isTransactional": True}]},
    "filtered": {"eventName": "start", "propertyFilters": BIG},
    "once": {"eventName": "start", "enrollmentMode": "one_time", **stop("tag_added", "lead")},
    "active": {"eventName": "order", "activeSubscribersOnly": True},
    "receipt": {
        "eventName": "order",
        "runsWhilePending": True,
        "steps": [{**MAIL, "isTransactional": True}],
    },
    "keyed": {
        "eventName": "order",
        "enrollmentMode": "matching_field",
        "enrollmentFieldPath": "n",
        **stop(
            "event_received", "end", matchConfig={"mode": "matching_field", "fieldPath": "vendor"}
        ),
    },
    "wait": {"eventName": "order", "steps": [WAIT], **stop("event_received", "end")},
    "same n": {"eventName": "order", "steps": [{**WAIT, "propertyFilters": SAME}]},
    "same n stops": {"eventName": "order", **stop("event_received", "came", propertyFilters=SAME)},
    "again": {"eventName": "start", "enrollmentMode": "restart", **stop("event_received", "start")},
    "again by tag": {"trigger": "tag_added", "tagNames": ["vip"], "enrollmentMode": "restart"},
    "own stop": {"eventName": "came", **stop("event_received", "came")},
    "tagged": {"trigger": "tag_added", "tagNames": ["vip", "customer"]},
    "lead": {"trigger": "tag_added", "tagNames": ["lead"], **stop("tag_added", "customer")},
    "news": {"trigger": "contact_added", "lists": ["News"], **stop("event_received", "end")},
    "any list": {"trigger": "contact_added"},
    "anybody": {"trigger": "contact_added", "listScope": "any_contact"},
    "date": {"eventName": "start", "steps": [{"type": "delay", "waitUntil": DATE}]},
    "by an operator": {"trigger": "manual", **stop("event_received", "start")},
    "draft": {"eventName": "start", "is_active": False},
}


def make_sequences(workspace: Workspace) -> None:
    for name, wire in SEQUENCES.items():
        fields = {**wire}
        steps = fields.pop("steps", [MONTH])
        make_sequence(workspace, *steps, name=name, **fields)


def enrollments_in_order(workspace: Workspace) -> list[Enrollment]:
    """Return the enrollments so that a place means the same one in both workspaces."""
    rows = Enrollment.objects.filter(workspace=workspace)
    return list(rows.order_by("subscriber__email_key", "sequence_id", "pk"))


def wait_for(enrollment: Enrollment) -> None:
    is_wait = enrollment.sequence.name in WAITS
    enrollment.status, enrollment.awaits = Status.WAITING, "came" if is_wait else ""
    if enrollment.sequence.name == "date":
        enrollment.awaits = timing.mark_of(DATE["field"])
    enrollment.due_at = NOON + timedelta(days=3)


def pause(enrollment: Enrollment) -> None:
    enrollment.status_before_pause, enrollment.status = enrollment.status, Status.PAUSED
    enrollment.due_before_pause, enrollment.due_at, enrollment.reason = (
        enrollment.due_at,
        None,
        "paused_by_hand",
    )


def complete(enrollment: Enrollment) -> None:
    enrollment.status, enrollment.due_at, enrollment.awaits, enrollment.ended_at = (
        Status.COMPLETED,
        None,
        "",
        NOON,
    )
    if enrollment.sequence.enrollment_mode != Sequence.Mode.ONE_TIME:
        enrollment.entry_slot = None


CHANGES: list[Callable[[Enrollment], None]] = [wait_for, wait_for, pause, complete]


def happen(choose: random.Random, workspaces: list[Workspace]) -> None:
    """Do the same to an enrollment, a person or a sequence of each workspace."""
    kind, chance = choose.random(), choose.random()
    change, status = choose.choice(CHANGES), choose.choice(Subscriber.Status.values)
    name = choose.choice(list(SEQUENCES))
    for workspace in workspaces:
        if kind < 0.75:
            under_way = [
                enrollment
                for enrollment in enrollments_in_order(workspace)
                if enrollment.is_under_way
            ]
            if under_way:
                enrollment = under_way[int(chance * len(under_way))]
                change(enrollment)
                enrollment.save()
        elif kind < 0.9:
            people = list(Subscriber.objects.filter(workspace=workspace).order_by("email_key"))
            if people:
                person = people[int(chance * len(people))]
                person.status = status
                person.save()
        else:
            sequence = Sequence.objects.get(workspace=workspace, name=name)
            if chance < 0.3 and sequence.status == Sequence.Status.ACTIVE:
                sequences.pause(sequence=sequence, now=NOON)
            elif chance < 0.4:
                sequences.archive(sequence=sequence, now=NOON)
            elif chance < 0.6:
                sequences.set_enrollment_paused(sequence=sequence, is_paused=True, now=NOON)
            elif sequence.status != Sequence.Status.ARCHIVED:
                sequences.set_enrollment_paused(sequence=sequence, is_paused=False, now=NOON)
                sequences.activate(sequence=sequence, now=NOON)


def labels_of(workspace: Workspace) -> dict[str, str]:
    """Return a name for each id of a sequence, run and event, the same in both workspaces."""
    labels = {each.pk.hex: each.name for each in Sequence.objects.filter(workspace=workspace)}
    for number, enrollment in enumerate(enrollments_in_order(workspace)):
        labels[enrollment.pk.hex] = f"run {number}"
    events = Event.objects.filter(workspace=workspace).order_by("subscriber__email_key", "pk")
    for number, event in enumerate(events):
        labels[event.pk.hex] = f"event {number}"
    return labels


def enrollments_without_ids(workspace: Workspace, labels: dict[str, str]) -> list[dict[str, Any]]:
    """Return all columns of the enrollments, with names in the place of ids."""
    found = []
    for enrollment in enrollments_in_order(workspace):
        row = {
            field.attname: getattr(enrollment, field.attname) for field in Enrollment._meta.fields
        }
        assert row.pop("workspace_id") == workspace.pk
        row["subscriber_id"] = enrollment.subscriber.email
        row["version_id"] = enrollment.version.number
        row["step_id"] = enrollment.step and enrollment.step.position
        for name in ("id", "sequence_id", "started_by_id", "released_by"):
            row[name] = row[name] and labels[row[name].hex]
        found.append(row)
    return found


def send_both_ways(
    fast: Caller, reference: Caller, body: Any, number: int
) -> tuple[Any, Any, bool]:
    with CaptureQueriesContext(connection) as queries:
        reply = fast.post(BULK, body)
    key = {"Idempotency-Key": f"request-{number}"}
    return reply, reference.post(BULK, body, headers=key), is_fast(queries)


@pytest.mark.parametrize("seed", range(SEEDS))
def test_both_paths_make_the_same_enrollments_and_effects(db: None, seed: int) -> None:
    choose = random.Random(seed)  # noqa: S311 - cases, no secrets
    fast, reference = make_application("fast"), make_application("reference")
    both = [fast.workspace, reference.workspace]
    for workspace in both:
        make_sequences(workspace)
    fast_ids: dict[str, str] = {}
    reference_ids: dict[str, str] = {}
    taken = 0

    with time_machine.travel(NOON, tick=False) as clock:
        for number in range(40):
            clock.shift(timedelta(seconds=1))
            if choose.random() < 0.5:
                happen(choose, both)
            body = random_request(choose, NAMES)
            reply, expected, was_fast = send_both_ways(fast, reference, body, number)
            taken += was_fast

            assert without_ids(reply, fast_ids) == without_ids(expected, reference_ids), body

    labels = [labels_of(workspace) for workspace in both]
    assert rows_of(both[0], labels[0]) == rows_of(both[1], labels[1])
    assert enrollments_without_ids(both[0], labels[0]) == enrollments_without_ids(
        both[1], labels[1]
    )
    assert Enrollment.objects.count() >= 10
    assert taken >= 5
