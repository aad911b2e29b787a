"""An enrollment without a row: its facts are read or assumed, and change in memory."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from events.decisions.enrollments import Seen
from events.language import filters as property_filters
from events.language.filters import Filter
from events.services.engine.claimed import ClaimedEnrollment
from subscribers.ids import new_id
from subscribers.wire.names import plain


@dataclass(frozen=True, slots=True)
class Assumed:
    """An awaited event assumed to arrive; only the filters it was awaited with are known."""

    id: UUID
    name: str
    filters: tuple[Filter, ...]
    at: datetime

    def meets(self, filters: Sequence[Filter]) -> bool:
        """Tell whether it certainly meets the filters."""
        return all(each in self.filters or property_filters.is_met(each, {}) for each in filters)


# Without slots: they would create a second class, and `super()` would refer to the first.
@dataclass(kw_only=True)
class ImaginedEnrollment(ClaimedEnrollment):
    """An enrollment at the moment `now`; later recorded events are not visible."""

    now: datetime
    started_by: Seen | None
    # Whether an event brought this moment, and not the clock.
    is_woken: bool = True
    assumed: list[Assumed] = field(default_factory=list)

    @property
    def event_properties(self) -> Mapping[str, Any]:
        return self.started_by.properties if self.started_by else {}

    def received_at(self, event_id: UUID) -> datetime | None:
        known = {each.id: each.at for each in self.assumed}
        return known.get(event_id) or super().received_at(event_id)

    def has_happened(self, name: str, filters: Sequence[Filter], *, since: datetime | None) -> bool:
        start, called = self.started_by, plain(name)
        is_start = start is not None and start.name == called
        return (
            # The starting event did not happen since the start.
            (
                since is None
                and is_start
                and property_filters.are_met(filters, self.event_properties)
            )
            or any(each.name == called and each.meets(filters) for each in self.assumed)
            or super().has_happened(name, filters, since=since)
        )

    def assume(self, name: str, filters: Sequence[Filter]) -> Assumed:
        event = Assumed(id=new_id(), name=plain(name), filters=tuple(filters), at=self.now)
        self.assumed.append(event)
        return event

    def _events(self, name: str) -> Any:  # noqa: ANN401 - a queryset of events
        return super()._events(name).filter(received_at__lte=self.now)
