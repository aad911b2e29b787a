"""Starts, stops and releases, decided without a database."""

from typing import Any
from uuid import UUID

import pytest

from events.decisions import triggers
from events.decisions.enrollments import (
    EnrollmentsBySlot,
    EnrollmentState,
    Reason,
    Seen,
    enrollments_after,
)
from events.decisions.sync_rules import TagRef
from events.decisions.watched import Wait, Watched, WatchedSequence
from events.language.entry import StopCondition
from events.language.filters import Filter, Operator
from subscribers.ids import new_id

VIP = TagRef(id=new_id(), name="vip")
BY_VIP = StopCondition(type="tag_added", value="vip")
GOLD = TagRef(id=new_id(), name="gold")
PRO_ONLY = (Filter(path="plan", operator=Operator.EQUALS, value="pro"),)


def sequence(**fields: Any) -> WatchedSequence:
    return WatchedSequence(
        **{"id": new_id(), "name": "S", "is_active": True, "first_step_id": new_id(), **fields}
    )


def watching(*sequences: WatchedSequence, **fields: Any) -> Watched:
    """Return what a workspace watches for whose sequences the event `go` starts."""
    return Watched(
        sequences={each.id: each for each in sequences},
        **{"starts": {("event_received", "go"): sequences}, **fields},
    )


def enrollment_in(of: WatchedSequence, **fields: Any) -> EnrollmentState:
    return EnrollmentState(
        **{
            "id": new_id(),
            "sequence_id": of.id,
            "status": "waiting",
            "entry_slot": "",
            "step_id": of.first_step_id,
            **fields,
        }
    )


def held(*enrollments: EnrollmentState) -> EnrollmentsBySlot:
    return {enrollment.slot: enrollment for enrollment in enrollments}


def go(**properties: Any) -> Seen:
    return Seen(id=new_id(), name="go", properties=properties)


@pytest.mark.parametrize(
    ("fields", "status", "enrollment_status", "reason"),
    [
        (
            {"is_active": False, "is_enrollment_paused": True, "filters": PRO_ONLY},
            "bounced", "waiting", Reason.SEQUENCE_NOT_ACTIVE,
        ),
        (
            {"is_enrollment_paused": True, "filters": PRO_ONLY, "active_only": True},
            "bounced", "waiting", Reason.ENROLLMENT_PAUSED,
        ),
        (
            {"filters": PRO_ONLY, "is_keyed": True, "field_path": "id", "active_only": True},
            "bounced", "waiting", Reason.FILTER_NOT_MET,
        ),
        (
            {"is_keyed": True, "field_path": "id", "active_only": True},
            "bounced", "waiting", Reason.ENTRY_KEY_MISSING,
        ),
        ({"active_only": True}, "unsubscribed", "waiting", Reason.SUBSCRIBER_UNSUBSCRIBED),
        ({"active_only": True}, "complained", "waiting", Reason.SUBSCRIBER_UNSUBSCRIBED),
        ({"active_only": True}, "bounced", "waiting", Reason.SUBSCRIBER_BOUNCED),
        ({"is_one_time": True}, "active", "completed", Reason.ENTERED_BEFORE),
        ({"is_one_time": True}, "active", "waiting", Reason.ALREADY_ENROLLED),
        ({}, "bounced", "paused", Reason.ALREADY_ENROLLED),
        ({}, "pending", "waiting_confirmation", Reason.ALREADY_ENROLLED),
    ],
)  # fmt: skip
def test_the_first_reason_that_applies_is_given(
    fields: dict[str, Any], status: str, enrollment_status: str, reason: Reason
) -> None:
    one = sequence(**fields)
    enrollments = held(enrollment_in(one, status=enrollment_status))

    found = triggers.starts_of_event(
        watched=watching(one),
        event=go(plan="free"),
        tags_added=[],
        enrollments=enrollments,
        status=status,
    )

    assert not found.started
    assert [each.reason for each in found.not_started] == [reason]


def test_a_sequence_starts_once_however_many_of_its_tags_come() -> None:
    one, other = sequence(), sequence()
    watched = Watched(
        sequences={each.id: each for each in (one, other)},
        starts={("tag_added", VIP.id): [other], ("tag_added", GOLD.id): [one, other]},
    )

    found = triggers.starts_of_tags(
        watched=watched, tags_added=[VIP, GOLD], enrollments={}, status="active"
    )

    assert [(each.sequence, each.name) for each in found.started] == [(one, "gold"), (other, "vip")]


@pytest.mark.parametrize(
    ("value", "slot"), [(7, "7"), (7.0, "7"), (" a ", "a"), (True, "true"), ("x" * 255, "x" * 255)]
)
def test_a_field_s_value_is_the_slot_as_text(value: object, slot: str) -> None:
    one = sequence(is_keyed=True, field_path="id")

    found = triggers.starts_of_event(
        watched=watching(one), event=go(id=value), tags_added=[], enrollments={}, status="active"
    )

    assert found.started[0].enrollment.entry_slot == found.started[0].enrollment.entry_key == slot


@pytest.mark.parametrize("value", [None, "", " ", [], {}, [1, 2], "x" * 256])
def test_without_a_scalar_nobody_enters(value: object) -> None:
    one = sequence(is_keyed=True, field_path="id")

    found = triggers.starts_of_event(
        watched=watching(one), event=go(id=value), tags_added=[], enrollments={}, status="active"
    )

    assert [each.reason for each in found.not_started] == [Reason.ENTRY_KEY_MISSING]


@pytest.mark.parametrize(
    ("fields", "is_released"),
    [
        ({"awaits": "go"}, True),
        ({"awaits": "go", "status": "paused"}, True),
        ({"awaits": "go", "status": "active"}, False),
        ({"awaits": "go", "released_by": UUID(int=1)}, False),
        ({"awaits": "other"}, False),
        ({"awaits": "go", "step_id": UUID(int=1)}, False),
        ({"awaits": "go", "step_id": None}, False),
    ],
)
def test_a_wait_is_released_by_its_event_once(fields: dict[str, Any], *, is_released: bool) -> None:
    one = sequence()
    assert one.first_step_id is not None
    waits = {"go": {one.first_step_id: Wait(sequence_id=one.id, filters=PRO_ONLY)}}
    enrollment = enrollment_in(one, **fields)

    met, unmet = (
        triggers.ends_of_event(
            watched=watching(one, waits_by_event=waits),
            event=go(plan=plan),
            tags_added=[],
            enrollments=held(enrollment),
        )
        for plan in ("pro", "free")
    )

    assert list(met.released) == [enrollment] * is_released
    assert not unmet.released


def test_a_stop_by_field_needs_a_value_on_both_sides() -> None:
    one = sequence(is_keyed=True, field_path="id")
    stop = StopCondition(type="event_received", value="go", field_path="order")
    watched = watching(one, stops_by_event={"go": {one.id: stop}})
    first, keyless = (
        enrollment_in(one, entry_slot="1", entry_key="1"),
        enrollment_in(one, entry_slot=""),
    )

    stopped = [
        triggers.ends_of_event(
            watched=watched, event=event, tags_added=[], enrollments=held(first, keyless)
        ).stopped
        for event in (go(order=1), go(order=2), go())
    ]

    assert stopped == [[first], [], []]


def test_a_tag_stops_the_enrollments_of_its_sequences_alone() -> None:
    one, other = sequence(), sequence()
    watched = watching(one, other, stops_by_tag={VIP.id: {one.id: BY_VIP}})
    enrollments = held(enrollment_in(one), enrollment_in(other))

    stopped = triggers.stops_of_tags(watched=watched, tags_added=[VIP], enrollments=enrollments)

    assert [enrollment.sequence_id for enrollment in stopped] == [one.id]


def test_a_stopped_enrollment_frees_its_slot_unless_people_enter_once() -> None:
    often, once = sequence(), sequence(is_one_time=True)
    enrollments = held(enrollment_in(often), enrollment_in(once))

    left = enrollments_after(
        watched=watching(often, once), enrollments=enrollments, stopped=enrollments.values()
    )

    assert {enrollment.sequence_id: enrollment.status for enrollment in left.values()} == {
        once.id: "stopped"
    }


def test_what_does_not_concern_an_event_stays_out_of_sight() -> None:
    one = sequence()
    watched = watching(one, stops_by_tag={VIP.id: {one.id: BY_VIP}})

    assert watched.concerned_by(names=["go"]) == {one.id}
    assert watched.concerned_by(tag_ids=[VIP.id]) == {one.id}
    assert watched.concerned_by(names=["other"], tag_ids=[GOLD.id]) == frozenset()
    assert watched.event_names() == {"go"}
