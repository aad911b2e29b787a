"""The sequences in which an event has a part."""

from collections.abc import Sequence as Several
from dataclasses import dataclass
from uuid import UUID

import msgspec

from events.language import steps
from events.language.entry import StopCondition, trigger_from_stored
from events.models import Sequence, Step
from subscribers.wire.names import plain

MOST_USES = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class EventUse:
    """`steps` are the numbers of the current version's steps that name the event, from 1."""

    sequence: Sequence
    is_trigger: bool
    is_exit: bool
    steps: Several[int]


def find(*, workspace_id: UUID, name: str) -> list[EventUse]:
    """Return the sequences whose trigger, exit condition or current steps name the event, without
    archived ones; two queries.
    """
    rows = Sequence.objects.filter(workspace_id=workspace_id).order_by("name", "id")
    known = list(rows.exclude(status=Sequence.Status.ARCHIVED))
    versions = [row.current_version_id for row in known if row.current_version_id]
    # Mails are long, and name no event.
    of_current = Step.objects.filter(version__in=versions).exclude(kind=Step.Kind.EMAIL)
    numbers: dict[UUID | None, list[int]] = {}
    for row in of_current.order_by("position"):
        if name in map(plain, steps.from_stored(row.config).event_names):
            numbers.setdefault(row.version_id, []).append(row.position + 1)
    uses = (_use(row, name, numbers.get(row.current_version_id, [])) for row in known)
    return [use for use in uses if use.is_trigger or use.is_exit or use.steps][:MOST_USES]


def _use(row: Sequence, name: str, numbers: Several[int]) -> EventUse:
    trigger = trigger_from_stored(row.trigger, row.trigger_config)
    stop = msgspec.convert(row.stop_condition, StopCondition | None)
    is_exit = stop is not None and stop.type == "event_received" and plain(stop.value) == name
    return EventUse(
        sequence=row,
        is_trigger=plain(trigger.event_name) == name,
        is_exit=is_exit,
        steps=numbers,
    )
