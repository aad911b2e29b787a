"""How many events of a name came, by hour or by day, from the counts that the worker makes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from events.models import EventCount, EventDefinition
from events.services.counts.roll_ups import DAY, HOUR, Unit


class Span(StrEnum):
    DAY = "24h"
    MONTH = "30d"
    QUARTER = "90d"


BUCKETS: dict[Span, tuple[EventCount.Unit, timedelta, int]] = {
    Span.DAY: (Unit.HOUR_OF_RECEIPT, HOUR, 24),
    Span.MONTH: (Unit.DAY_OF_OCCURRENCE, DAY, 30),
    Span.QUARTER: (Unit.DAY_OF_OCCURRENCE, DAY, 90),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class VolumeBucket:
    # In UTC.
    starts_at: datetime
    count: int


def volume(*, definition: EventDefinition, span: Span, now: datetime) -> Sequence[VolumeBucket]:
    """Return the hours of receipt, or the days of occurrence in UTC, up to the present one, in
    order; one query.
    """
    unit, length, number = BUCKETS[span]
    last = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    if length == DAY:
        last = last.replace(hour=0)
    moments = [last - length * place for place in reversed(range(number))]
    stored = EventCount.objects.filter(
        definition=definition, unit=unit, starts_at__range=(moments[0], last)
    )
    count_by_moment = dict(stored.values_list("starts_at", "count"))
    return [VolumeBucket(starts_at=each, count=count_by_moment.get(each, 0)) for each in moments]
