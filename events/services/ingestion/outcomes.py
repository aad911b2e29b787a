"""The outcome of each event of a request."""

from dataclasses import dataclass
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


def reject(event: RejectedEvent) -> Failed:
    return Failed(
        name=event.name, code=event.code, field=event.fault.path, message=event.fault.message
    )


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
