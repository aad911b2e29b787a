"""What becomes of a request's events, one by one."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from events.intake.payloads import RejectedEvent
from events.models import Event, EventDefinition
from events.services.planning import effects


class Recorded(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An event that is stored now: by this request, or before when it is a duplicate."""

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
    """An event that was not recorded; `field` is its faulty field, or empty for the whole event."""

    name: str | None
    code: str
    field: str
    message: str

    @property
    def is_our_fault(self) -> bool:
        return self.code == "INTERNAL"


Outcome = Recorded | Failed


def reject(event: RejectedEvent) -> Failed:
    """Return the outcome of an event that was wrong as it came."""
    return Failed(
        name=event.name, code=event.code, field=event.fault.path, message=event.fault.message
    )


def recorded(
    event: Event, definition: EventDefinition, *, is_duplicate: bool, is_definition_created: bool
) -> Recorded:
    """Return the outcome of an event that is stored."""
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
