"""What events, tags and lists start, stop and release, decided on plain values.

Both paths of ingestion, retries of failed stages and reactions ask this module, so they agree.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from events.decisions.enrollments import (
    UNDER_WAY,
    Ends,
    EnrollmentsBySlot,
    EnrollmentState,
    NotStarted,
    Reason,
    Seen,
    Start,
    Starts,
)
from events.decisions.sync_rules import TagRef
from events.decisions.watched import Wait, Watched, WatchedSequence
from events.language.entry import EnteredBy
from events.language.filters import bound, unmet
from events.language.scalars import scalar_at
from subscribers.ids import new_id
from subscribers.wire.names import plain

# The statuses in which an enrollment may wait for an event.
_CAN_WAIT = frozenset({"waiting", "paused"})
_Candidate = tuple[WatchedSequence, EnteredBy, str]


def starts_of_event(
    *,
    watched: Watched,
    event: Seen,
    tags_added: Sequence[TagRef],
    enrollments: EnrollmentsBySlot,
    status: str,
) -> Starts:
    """Return what the event's name starts, then what its new tags start; each in id order.

    `enrollments` are the person's before the event, `status` is the person's.
    """
    by_name: list[_Candidate] = [
        (sequence, "event", event.name)
        for sequence in watched.starting("event_received", event.name)
    ]
    return _judge_all(
        [*by_name, *_by_tags(watched, tags_added)], event.properties, enrollments, status
    )


def starts_of_tags(
    *, watched: Watched, tags_added: Sequence[TagRef], enrollments: EnrollmentsBySlot, status: str
) -> Starts:
    """Return what starts by tags that no event added, in order of the sequences' ids."""
    return _judge_all(_by_tags(watched, tags_added), {}, enrollments, status)


def starts_of_lists(
    *,
    watched: Watched,
    list_ids: Sequence[UUID],
    is_created: bool,
    enrollments: EnrollmentsBySlot,
    status: str,
) -> Starts:
    """Return what starts because the person joined lists, or is new; in order of ids.

    A sequence for any contact starts at creation, and when the person joins a list later.
    """
    found: dict[UUID, _Candidate] = {}
    for list_id in list_ids:
        for key in (list_id, None):
            for sequence in watched.starting("list_joined", key):
                name = watched.list_names.get(list_id, "")
                found.setdefault(sequence.id, (sequence, "list", name))
    if is_created:
        for sequence in watched.starts_by_creation:
            found.setdefault(sequence.id, (sequence, "list", ""))
    return _judge_all([found[each] for each in sorted(found)], {}, enrollments, status)


def ends_of_event(
    *, watched: Watched, event: Seen, tags_added: Sequence[TagRef], enrollments: EnrollmentsBySlot
) -> Ends:
    """Return the earlier enrollments that the event stops, and the others that it releases.

    `enrollments` are those before the event, without the ones that what it starts supersedes.
    """
    stopped = [
        enrollment
        for enrollment in _under_way(enrollments)
        if _is_stopped_by_event(watched, event, enrollment)
        or _is_stopped_by_tags(watched, tags_added, enrollment)
    ]
    waits = watched.waits_by_event.get(event.name)
    if not waits:
        return Ends(stopped=stopped)
    stopped_ids = {enrollment.id for enrollment in stopped}
    released = [
        enrollment
        for enrollment in _under_way(enrollments)
        if plain(enrollment.awaits) == event.name
        and enrollment.status in _CAN_WAIT
        and enrollment.released_by is None
        and enrollment.id not in stopped_ids
        and _is_waited_for(waits, event, enrollment)
    ]
    return Ends(released=released, stopped=stopped)


def stops_of_tags(
    *, watched: Watched, tags_added: Sequence[TagRef], enrollments: EnrollmentsBySlot
) -> Sequence[EnrollmentState]:
    """Return the enrollments that are stopped by tags that no event added."""
    return [
        enrollment
        for enrollment in _under_way(enrollments)
        if _is_stopped_by_tags(watched, tags_added, enrollment)
    ]


def held_back(*, watched: Watched, name: str, reason: Reason) -> Starts:
    """Return everything that such an event would have started, each with the reason."""
    sequences = watched.starting("event_received", name)
    return Starts(not_started=[NotStarted(sequence, reason) for sequence in sequences])


def _by_tags(watched: Watched, tags_added: Sequence[TagRef]) -> list[_Candidate]:
    """Return the sequences that the tags could start, each with the first of its tags."""
    found: dict[UUID, _Candidate] = {}
    for tag in tags_added:
        for sequence in watched.starting("tag_added", tag.id):
            found.setdefault(sequence.id, (sequence, "tag", tag.name))
    return [found[each] for each in sorted(found)]


def _judge_all(
    candidates: Sequence[_Candidate],
    properties: Mapping[str, Any],
    enrollments: EnrollmentsBySlot,
    status: str,
) -> Starts:
    if not candidates:
        return Starts()
    started: list[Start] = []
    not_started: list[NotStarted] = []
    for sequence, by, name in candidates:
        key = scalar_at(sequence.field_path, properties) if sequence.field_path else None
        refusal = _refusal(sequence, key, properties, enrollments, status)
        if refusal is not None:
            not_started.append(refusal)
            continue
        is_held = status == "pending" and not sequence.runs_while_pending
        enrollment = EnrollmentState(
            id=new_id(),
            sequence_id=sequence.id,
            status="waiting_confirmation" if is_held else "active",
            entry_slot=_slot(sequence, key),
            entry_key=key or "",
            step_id=sequence.first_step_id,
            entry=properties,
        )
        holder = enrollments.get(enrollment.slot)
        started.append(
            Start(
                sequence=sequence,
                enrollment=enrollment,
                by=by,
                name=name,
                value=key or "",
                supersedes=holder.id if holder else None,
            )
        )
    return Starts(started=started, not_started=not_started)


def _refusal(
    sequence: WatchedSequence,
    key: str | None,
    properties: Mapping[str, Any],
    enrollments: EnrollmentsBySlot,
    status: str,
) -> NotStarted | None:
    """Return why the person may not enter the sequence, or None if they may."""
    if not sequence.is_active:
        return NotStarted(sequence, Reason.SEQUENCE_NOT_ACTIVE)
    if sequence.is_enrollment_paused:
        return NotStarted(sequence, Reason.ENROLLMENT_PAUSED)
    failed = unmet(sequence.filters, properties)
    if failed is not None:
        return NotStarted(sequence, Reason.FILTER_NOT_MET, failed.path)
    if sequence.is_keyed and key is None:
        return NotStarted(sequence, Reason.ENTRY_KEY_MISSING, sequence.field_path)
    if sequence.active_only and status in {"unsubscribed", "complained"}:
        return NotStarted(sequence, Reason.SUBSCRIBER_UNSUBSCRIBED)
    if sequence.active_only and status == "bounced":
        return NotStarted(sequence, Reason.SUBSCRIBER_BOUNCED)
    holder = enrollments.get((sequence.id, _slot(sequence, key)))
    is_ended = holder is not None and holder.status not in UNDER_WAY
    if holder is None or (sequence.restarts and not is_ended and not holder.is_newer):
        return None
    return NotStarted(sequence, Reason.ENTERED_BEFORE if is_ended else Reason.ALREADY_ENROLLED)


def _slot(sequence: WatchedSequence, key: str | None) -> str:
    return (key or "") if sequence.is_keyed else ""


def _under_way(enrollments: EnrollmentsBySlot) -> list[EnrollmentState]:
    """Return the enrollments that can be stopped or released, in order of their ids."""
    return sorted(
        (enrollment for enrollment in enrollments.values() if enrollment.status in UNDER_WAY),
        key=lambda enrollment: enrollment.id,
    )


def _is_waited_for(waits: Mapping[UUID, Wait], event: Seen, enrollment: EnrollmentState) -> bool:
    wait = waits.get(enrollment.step_id) if enrollment.step_id else None
    if wait is None:
        return False
    return unmet(bound(wait.filters, enrollment.entry), event.properties) is None


def _is_stopped_by_event(watched: Watched, event: Seen, enrollment: EnrollmentState) -> bool:
    stop = watched.stops_by_event.get(event.name, {}).get(enrollment.sequence_id)
    if stop is None or unmet(bound(stop.filters, enrollment.entry), event.properties) is not None:
        return False
    return not stop.field_path or (
        bool(enrollment.entry_key)
        and scalar_at(stop.field_path, event.properties) == enrollment.entry_key
    )


def _is_stopped_by_tags(
    watched: Watched, tags_added: Sequence[TagRef], enrollment: EnrollmentState
) -> bool:
    return any(enrollment.sequence_id in watched.stops_by_tag.get(tag.id, ()) for tag in tags_added)
