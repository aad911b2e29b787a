"""What events, tags and lists start, stop and release: decided here, on plain values alone.

Both ways of the write path, retries of failed stages and reactions ask this module, so that they
cannot differ.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal
from uuid import UUID

from events.decisions.runs import (
    UNDER_WAY,
    Ends,
    NotStarted,
    Reason,
    Run,
    Runs,
    Seen,
    Start,
    Starts,
)
from events.decisions.sync_rules import TagRef
from events.decisions.watched import Wait, Watched, WatchedSequence
from events.language.filters import unmet
from events.language.scalars import scalar_at
from subscribers.ids import new_id

# In these a run may stand at a wait for an event.
_CAN_WAIT = frozenset({"waiting", "paused"})
_Candidate = tuple[WatchedSequence, Literal["event", "tag", "list"], str]


def starts_of_event(
    *, watched: Watched, event: Seen, tags_added: Sequence[TagRef], runs: Runs, status: str
) -> Starts:
    """Return what starts by the event's name, then by the tags that it left; each in id order.

    `runs` are the person's before the event, `status` is the person's.
    """
    by_name: list[_Candidate] = [
        (sequence, "event", event.name) for sequence in watched.starts_by_event.get(event.name, ())
    ]
    return _judge_all([*by_name, *_by_tags(watched, tags_added)], event.properties, runs, status)


def starts_of_tags(
    *, watched: Watched, tags_added: Sequence[TagRef], runs: Runs, status: str
) -> Starts:
    """Return what starts by tags that no event added, in order of the sequences' ids."""
    return _judge_all(_by_tags(watched, tags_added), {}, runs, status)


def starts_of_lists(
    *, watched: Watched, list_ids: Sequence[UUID], is_created: bool, runs: Runs, status: str
) -> Starts:
    """Return what starts because the person joined lists, or is new; in order of ids.

    A sequence for any contact is started by the creation, and by a list that is joined later.
    """
    found: dict[UUID, _Candidate] = {}
    for list_id in list_ids:
        for sequence in (*watched.starts_by_list.get(list_id, ()), *watched.starts_by_any_list):
            found.setdefault(sequence.id, (sequence, "list", watched.list_names.get(list_id, "")))
    if is_created:
        for sequence in watched.starts_by_creation:
            found.setdefault(sequence.id, (sequence, "list", ""))
    return _judge_all([found[each] for each in sorted(found)], {}, runs, status)


def ends_of_event(
    *, watched: Watched, event: Seen, tags_added: Sequence[TagRef], runs: Runs
) -> Ends:
    """Return what the event releases and stops of the runs before it; who is stopped only stops."""
    stopped = [
        run
        for run in _under_way(runs)
        if _is_stopped_by_event(watched, event, run)
        or _is_stopped_by_tags(watched, tags_added, run)
    ]
    waits = watched.waits_by_event.get(event.name)
    if not waits:
        return Ends(stopped=stopped)
    stopped_ids = {run.id for run in stopped}
    released = [
        run
        for run in _under_way(runs)
        if run.awaits == event.name
        and run.status in _CAN_WAIT
        and run.released_by is None
        and run.id not in stopped_ids
        and _is_waited_for(waits, event, run)
    ]
    return Ends(released=released, stopped=stopped)


def stops_of_tags(*, watched: Watched, tags_added: Sequence[TagRef], runs: Runs) -> Sequence[Run]:
    """Return the runs that tags stop which no event added."""
    return [run for run in _under_way(runs) if _is_stopped_by_tags(watched, tags_added, run)]


def held_back(*, watched: Watched, name: str, reason: Reason) -> Starts:
    """Return all that such an event would have started, were it not for the reason."""
    sequences = watched.starts_by_event.get(name, ())
    return Starts(not_started=[NotStarted(sequence, reason) for sequence in sequences])


def _by_tags(watched: Watched, tags_added: Sequence[TagRef]) -> list[_Candidate]:
    """Return the sequences that the tags could start, each with the first of its tags."""
    found: dict[UUID, _Candidate] = {}
    for tag in tags_added:
        for sequence in watched.starts_by_tag.get(tag.id, ()):
            found.setdefault(sequence.id, (sequence, "tag", tag.name))
    return [found[each] for each in sorted(found)]


def _judge_all(
    candidates: Sequence[_Candidate], properties: Mapping[str, Any], runs: Runs, status: str
) -> Starts:
    if not candidates:
        return Starts()
    started: list[Start] = []
    not_started: list[NotStarted] = []
    for sequence, by, name in candidates:
        key = scalar_at(sequence.field_path, properties) if sequence.field_path else None
        refusal = _refusal(sequence, key, properties, runs, status)
        if refusal is not None:
            not_started.append(refusal)
            continue
        run = Run(
            id=new_id(),
            sequence_id=sequence.id,
            status="waiting_confirmation" if status == "pending" else "active",
            entry_slot=_slot(sequence, key),
            entry_key=key or "",
            step_id=sequence.first_step_id,
        )
        started.append(Start(sequence=sequence, run=run, by=by, name=name, value=key or ""))
    return Starts(started=started, not_started=not_started)


def _refusal(
    sequence: WatchedSequence,
    key: str | None,
    properties: Mapping[str, Any],
    runs: Runs,
    status: str,
) -> NotStarted | None:
    """Return why the person does not enter the sequence, or None who does."""
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
    holder = runs.get((sequence.id, _slot(sequence, key)))
    if holder is None:
        return None
    is_ended = holder.status not in UNDER_WAY
    return NotStarted(sequence, Reason.ENTERED_BEFORE if is_ended else Reason.ALREADY_ENROLLED)


def _slot(sequence: WatchedSequence, key: str | None) -> str:
    return (key or "") if sequence.is_keyed else ""


def _under_way(runs: Runs) -> list[Run]:
    """Return the runs that can be stopped or released, in order of their ids."""
    return sorted((run for run in runs.values() if run.status in UNDER_WAY), key=lambda run: run.id)


def _is_waited_for(waits: Mapping[UUID, Wait], event: Seen, run: Run) -> bool:
    wait = waits.get(run.step_id) if run.step_id else None
    return wait is not None and unmet(wait.filters, event.properties) is None


def _is_stopped_by_event(watched: Watched, event: Seen, run: Run) -> bool:
    stop = watched.stops_by_event.get(event.name, {}).get(run.sequence_id)
    if stop is None or unmet(stop.filters, event.properties) is not None:
        return False
    return not stop.field_path or (
        bool(run.entry_key) and scalar_at(stop.field_path, event.properties) == run.entry_key
    )


def _is_stopped_by_tags(watched: Watched, tags_added: Sequence[TagRef], run: Run) -> bool:
    return any(run.sequence_id in watched.stops_by_tag.get(tag.id, ()) for tag in tags_added)
