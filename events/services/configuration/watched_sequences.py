"""Reads what the write path watches for from the workspace's sequences."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from uuid import UUID

import msgspec
from django.db.models import F, Q

from events.decisions.watched import StartKey, Wait, Watched, WatchedSequence
from events.language import steps, timing
from events.language.entry import StopCondition, Trigger, TriggerType, trigger_from_stored
from events.models import Enrollment, Step
from events.models import Sequence as SequenceRow
from subscribers.ids import decode
from subscribers.models import List, Tag
from subscribers.wire.names import plain


def read(*, workspace_id: UUID) -> Watched:
    """Return what starts, stops and releases enrollments, by plain names; one to four queries.

    Waits are those of every version: an enrollment keeps the version that it began with.
    """
    rows = list(SequenceRow.objects.filter(workspace_id=workspace_id).order_by("id"))
    if not rows:
        return Watched()
    first_steps, waits, awaited_attributes = _read_steps(workspace_id)
    triggers = [trigger_from_stored(row.trigger, row.trigger_config) for row in rows]
    return assemble(
        rows,
        first_steps=first_steps,
        waits=waits,
        awaited_attributes=awaited_attributes,
        tag_ids=tag_ids_of(rows),
        list_names=_list_names(workspace_id, triggers),
    )


def assemble(
    rows: Sequence[SequenceRow],
    *,
    first_steps: Mapping[UUID, tuple[UUID, int]],
    waits: Mapping[str, Mapping[UUID, Wait]],
    awaited_attributes: frozenset[str] = frozenset(),
    tag_ids: Mapping[str, UUID],
    list_names: Mapping[UUID, str],
) -> Watched:
    """Return what the sequences watch for; `first_steps` have their lanes, by version."""
    triggers = {row.id: trigger_from_stored(row.trigger, row.trigger_config) for row in rows}
    stopping = [row for row in rows if row.stop_condition]
    stops = {row.id: msgspec.convert(row.stop_condition, StopCondition) for row in stopping}
    sequences = {row.id: _as_value(row, triggers[row.id], first_steps) for row in rows}
    is_open = {row.id for row in rows if row.status != SequenceRow.Status.ARCHIVED}
    starting = [(sequences[each], triggers[each]) for each in sequences if each in is_open]
    starts: dict[tuple[TriggerType, StartKey], list[WatchedSequence]] = {}
    for sequence, trigger in starting:
        for key in dict.fromkeys(_start_keys(trigger, tag_ids)):
            starts.setdefault((trigger.type, key), []).append(sequence)
    stops_by_event: dict[str, dict[UUID, StopCondition]] = {}
    stops_by_tag: dict[UUID, dict[UUID, StopCondition]] = {}
    for sequence_id, stop in stops.items():
        if stop.type == "event_received":
            stops_by_event.setdefault(plain(stop.value), {})[sequence_id] = stop
        elif stop.value in tag_ids:
            stops_by_tag.setdefault(tag_ids[stop.value], {})[sequence_id] = stop
    used = [each for stop in stops.values() for each in stop.filters]
    used += [
        each for by_step in waits.values() for wait in by_step.values() for each in wait.filters
    ]
    return Watched(
        sequences=sequences,
        starts=starts,
        starts_by_creation=[each for each, trigger in starting if trigger.scope == "any_contact"],
        stops_by_event=stops_by_event,
        stops_by_tag=stops_by_tag,
        waits_by_event=waits,
        awaited_attributes=awaited_attributes,
        list_names=list_names,
        compares_entry=any(each.entry_path for each in used),
    )


def _start_keys(trigger: Trigger, tag_ids: Mapping[str, UUID]) -> Iterator[StartKey]:
    """Yield the keys of a trigger; deleted tags and lists start nothing."""
    if trigger.event_name:
        yield plain(trigger.event_name)
    yield from (tag_ids[name] for name in trigger.tag_names if name in tag_ids)
    yield from (list_id for each in trigger.lists if (list_id := decode("lst", each)))
    if trigger.is_for_any_list:
        yield None


def _as_value(
    row: SequenceRow, trigger: Trigger, first_steps: Mapping[UUID, tuple[UUID, int]]
) -> WatchedSequence:
    first = first_steps.get(row.current_version_id) if row.current_version_id else None
    return WatchedSequence(
        id=row.id,
        name=row.name,
        is_active=row.status == SequenceRow.Status.ACTIVE and first is not None,
        is_enrollment_paused=row.is_enrollment_paused,
        is_one_time=row.enrollment_mode == SequenceRow.Mode.ONE_TIME,
        restarts=row.enrollment_mode == SequenceRow.Mode.RESTART,
        is_keyed=row.enrollment_mode == SequenceRow.Mode.MATCHING_FIELD,
        active_only=row.active_subscribers_only,
        runs_while_pending=row.runs_while_pending,
        field_path=row.enrollment_field_path,
        filters=trigger.filters,
        version_id=row.current_version_id,
        first_step_id=first[0] if first else None,
        lane=first[1] if first else Enrollment.Lane.MARKETING,
    )


def _read_steps(
    workspace_id: UUID,
) -> tuple[dict[UUID, tuple[UUID, int]], dict[str, dict[UUID, Wait]], frozenset[str]]:
    """Return each version's first step with its lane, all waits by event's name and step, and the
    attributes with awaited dates.
    """
    of_attribute = Q(kind=Step.Kind.DELAY, config__source="subscriber")
    rows = Step.objects.filter(
        Q(position=0) | Q(kind=Step.Kind.WAIT_FOR_EVENT) | of_attribute,
        version__sequence__workspace_id=workspace_id,
    ).annotate(sequence_id=F("version__sequence_id"))
    first_steps: dict[UUID, tuple[UUID, int]] = {}
    waits: dict[str, dict[UUID, Wait]] = {}
    attributes: set[str] = set()
    for row in rows:
        step = steps.from_stored(row.config)
        if row.position == 0:
            lanes = Enrollment.Lane
            lane = lanes.TRANSACTIONAL if step.is_urgent else lanes.MARKETING
            first_steps[row.version_id] = (row.id, lane)
        if isinstance(step, steps.WaitForEventStep):
            wait = Wait(sequence_id=row.sequence_id, filters=step.filters)
            waits.setdefault(plain(step.event_name), {})[row.id] = wait
        delay = step.delay if isinstance(step, steps.DelayStep) else None
        if isinstance(delay, timing.UntilDate) and delay.source == "subscriber":
            attributes.add(timing.attribute_of(delay.field))
    return first_steps, waits, frozenset(attributes)


def tag_ids_of(rows: Sequence[SequenceRow]) -> dict[str, UUID]:
    """Return the ids of the tags that start and stop the sequences; one query at most."""
    triggers = [trigger_from_stored(row.trigger, row.trigger_config) for row in rows]
    names = {name for trigger in triggers for name in trigger.tag_names}
    stops = [msgspec.convert(row.stop_condition, StopCondition | None) for row in rows]
    names.update(stop.value for stop in stops if stop and stop.type == "tag_added")
    if not names:
        return {}
    found = Tag.objects.filter(workspace_id=rows[0].workspace_id, name__in=names)
    return dict(found.values_list("name", "id"))


def _list_names(workspace_id: UUID, triggers: Iterable[Trigger]) -> dict[UUID, str]:
    if not any("lists" in trigger.facts.fields for trigger in triggers):
        return {}
    return dict(List.objects.filter(workspace_id=workspace_id).values_list("id", "name"))
