"""One person's recorded events in memory, in the order of their time, as steps look for them."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from operator import attrgetter
from typing import Any, NamedTuple
from uuid import UUID

from events.language import filters as property_filters
from events.language.filters import Filter
from events.services.engine.claimed import MOST_EVENTS_SEEN
from events.services.engine.walking import SeenEvent
from events.services.simulation.imagined_enrollment import ImaginedEnrollment
from subscribers.wire.names import plain

_AT = attrgetter("at")


class PastEvent(NamedTuple):
    at: datetime
    id: UUID
    name: str
    properties: Mapping[str, Any]


class PersonEvents:
    """The events of one person that a sequence asks for."""

    def __init__(self, rows: Iterable[PastEvent]) -> None:
        self.rows = sorted(rows, key=lambda row: row[:2])
        self.by_name: dict[str, list[PastEvent]] = {}
        for row in self.rows:
            self.by_name.setdefault(row.name, []).append(row)

    def named(self, name: str) -> Sequence[PastEvent]:
        return self.by_name.get(plain(name), ())

    def at(self, event_id: UUID) -> datetime | None:
        return next((row.at for row in self.rows if row.id == event_id), None)


# Without slots: they would create a second class, and `super()` would refer to the first.
@dataclass(kw_only=True)
class ReplayedEnrollment(ImaginedEnrollment):
    """An enrollment at the moment `now`, among recorded events.

    An event at that very moment is seen only where an event brought the moment: the clock's work
    is done before. So the engine, which carries out what is due, then takes the next request.
    """

    events: PersonEvents = field(repr=False)

    def find_event(
        self, name: str, filters: Sequence[Filter], *, since: datetime
    ) -> SeenEvent | None:
        rows = self._seen(name)
        first = bisect_left(rows, since, key=_AT)
        for row in rows[first : first + MOST_EVENTS_SEEN]:
            if self._is_later(row, since) and property_filters.are_met(filters, row.properties):
                return SeenEvent(row.id, row.at)
        return None

    def received_at(self, event_id: UUID) -> datetime | None:
        return self.events.at(event_id)

    def has_happened(self, name: str, filters: Sequence[Filter], *, since: datetime | None) -> bool:
        rows = self._seen(name)
        first = bisect_left(rows, since, key=_AT) if since else 0
        latest: Iterator[PastEvent] = reversed(rows[max(first, len(rows) - MOST_EVENTS_SEEN) :])
        return any(
            property_filters.are_met(filters, row.properties)
            for row in latest
            if since is None or self._is_later(row, since)
        )

    def _seen(self, name: str) -> Sequence[PastEvent]:
        rows = self.events.named(name)
        find = bisect_right if self.is_woken else bisect_left
        return rows[: find(rows, self.now, key=_AT)]

    def _is_later(self, row: PastEvent, since: datetime) -> bool:
        """Tell whether an event followed, or came after the starting event at the same moment."""
        return row.at > since or (self.started_by is not None and row.id > self.started_by.id)
