"""Counts of deleted events: the days and hours that held them are counted again.

Days are counted by `roll_ups`. Of hours, only the stored ones are: the others are older than what
is kept, or the worker counts them soon.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

from django.db.models import Count

from events.models import Event, EventCount
from events.services.counts import roll_ups
from events.services.counts.roll_ups import Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Bygone:
    """The columns of an event that say where it was counted; read before it is deleted."""

    id: UUID
    workspace_id: UUID
    definition_id: UUID
    occurred_at: datetime
    received_at: datetime

    @property
    def day(self) -> datetime:
        in_utc = self.occurred_at.astimezone(UTC)
        return in_utc.replace(hour=0, minute=0, second=0, microsecond=0)

    @property
    def hour(self) -> datetime:
        return self.received_at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


COLUMNS = ("id", "workspace_id", "definition_id", "occurred_at", "received_at")


@dataclass(slots=True)
class Touched:
    days: defaultdict[Kind, set[datetime]] = field(default_factory=lambda: defaultdict(set))
    hours: defaultdict[datetime, set[UUID]] = field(default_factory=lambda: defaultdict(set))

    def add(self, events: Iterable[Bygone]) -> None:
        for event in events:
            self.days[Kind(event.definition_id, event.workspace_id)].add(event.day)
            self.hours[event.hour].add(event.definition_id)

    def recount(self, *, unfinished_days: Collection[datetime] = ()) -> None:
        """Count again and forget all but the unfinished days, which stay for a later call.

        In the transaction of the deletion, after it. Idempotent.
        """
        later = set(unfinished_days)
        finished = {kind: days - later for kind, days in self.days.items()}
        roll_ups.recount_days(days_by_kind={kind: days for kind, days in finished.items() if days})
        for each in self.days.values():
            each.intersection_update(later)
        for starts_at in sorted(self.hours):
            _recount_hour(starts_at, self.hours[starts_at])
        self.hours.clear()


def _recount_hour(starts_at: datetime, definition_ids: Iterable[UUID]) -> None:
    stored = EventCount.objects.filter(
        unit=EventCount.Unit.HOUR_OF_RECEIPT, starts_at=starts_at, definition__in=definition_ids
    )
    counted = list(stored.order_by("definition_id"))
    if not counted:
        return
    received = Event.objects.filter(
        pk__gte=roll_ups.first_id_at(starts_at - roll_ups.MARGIN),
        pk__lt=roll_ups.first_id_at(starts_at + roll_ups.HOUR + roll_ups.MARGIN),
        received_at__gte=starts_at,
        received_at__lt=starts_at + roll_ups.HOUR,
        definition__in=[bucket.definition_id for bucket in counted],
    )
    rows = received.values_list("definition_id").order_by().annotate(count=Count("pk"))
    count_by_definition = dict(rows)
    for bucket in counted:
        count = count_by_definition.get(bucket.definition_id, 0)
        same = EventCount.objects.filter(pk=bucket.pk)
        if count:
            same.update(count=count)
        else:
            same.delete()
