"""The outcome of each event of a request."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from events.intake.payloads import RejectedEvent
from events.models import Event, EventDefinition
from events.services.planning import effects


class Recorded(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A stored event: recorded by this request, or a duplicate of an earlier one."""

    id: UUID
    name: str
    occurred_at: datetime
    is_duplicate: bool
    is_historical: bool
    is_definition_created: bool
    failed_stages: tuple[str, ...]
    effects: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """An event that was not recorded; `field` is its invalid field, empty for the whole event."""

    name: str | None
    code: str
    field: str
    message: str

    @property
    def is_our_fault(self) -> bool:
        return self.code == "INTERNAL"


Outcome = Recorded | Failed


@dataclass(frozen=True, slots=True, kw_only=True)
class Notes:
    """What of a request was not used, or may not be as its sender thinks."""

    # The fields of the person that were given and keep another stored value.
    kept_fields: Sequence[str] = ()
    # The attributes that a request of history gave and that keep another stored value.
    kept_attributes: Sequence[str] = ()
    # New names of events, with the known name that each resembles.
    alike_names: Mapping[str, str] = field(default_factory=dict)
    # The day on which the person left, if nobody asks them to come back; empty if it is unknown.
    left_on: str | None = None


def notes_of(
    *,
    kept_fields: Sequence[str],
    left_on: str | None,
    kept_attributes: Sequence[str] = (),
    alike_names: Mapping[str, str] | None = None,
) -> Notes | None:
    """Return the notes on a request; None, as nearly always, if there is nothing to note."""
    if not (kept_fields or kept_attributes or alike_names or left_on is not None):
        return None
    return Notes(
        kept_fields=kept_fields,
        kept_attributes=kept_attributes,
        alike_names=alike_names or {},
        left_on=left_on,
    )


def reject(event: RejectedEvent) -> Failed:
    fault = event.fault
    return Failed(name=event.name, code=event.code, field=fault.path, message=fault.message)


def recorded(
    event: Event, definition: EventDefinition, *, is_duplicate: bool, is_definition_created: bool
) -> Recorded:
    return Recorded(
        id=event.pk,
        name=definition.name,
        occurred_at=event.occurred_at,
        is_duplicate=is_duplicate,
        is_historical=event.is_historical,
        is_definition_created=is_definition_created,
        failed_stages=effects.failed_stages_in(event.effects),
        effects=event.effects,
    )
