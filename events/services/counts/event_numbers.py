"""Reads how often events came: for pages, from the roll-ups of `roll_ups`."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from django.db.models import Max, Q, Sum

from events.models import EventCount
from events.services.counts.roll_ups import DAY
from subscribers.services.storage.outcomes import hour_of

Unit = EventCount.Unit


@dataclass(frozen=True, slots=True)
class TimesReceived:
    """How often events of a name came in 24 hours and in 30 days, and the day of the last one."""

    in_day: int = 0
    in_month: int = 0
    last_day: date | None = None


NEVER = TimesReceived()


def came(*, definition_ids: Collection[UUID], now: datetime) -> Mapping[UUID, TimesReceived]:
    """Return the counts of each definition; one query.

    The 24 hours are those of receipt that have begun since then; the 30 days are of occurrence.
    """
    hours = Q(unit=Unit.HOUR_OF_RECEIPT, starts_at__gte=hour_of(now) - DAY)
    days = Q(unit=Unit.DAY_OF_OCCURRENCE)
    month = days & Q(starts_at__gt=now - 30 * DAY, starts_at__lte=now)
    rows = EventCount.objects.filter(hours | days, definition__in=definition_ids).order_by()
    found = rows.values_list("definition_id").annotate(
        in_day=Sum("count", filter=hours, default=0),
        in_month=Sum("count", filter=month, default=0),
        last=Max("starts_at", filter=days),
    )
    return {row[0]: TimesReceived(row[1], row[2], row[3] and row[3].date()) for row in found}
