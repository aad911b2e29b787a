"""Counts of events by hour of receipt and by day of occurrence, so that no page counts events.

A bucket is always counted as a whole and overwritten, never added to: counting it twice, on two
hosts at once, changes nothing. Ids rise with the time of receipt, so an hour is a range of ids. The
newest stored hour is the mark up to which everything is counted. Hours missed while no worker ran
are counted later, some at a time. See .github/decisions/recomputed-counts.md.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Count
from django.db.models.functions import TruncDay
from django.db.models.sql.compiler import SQLCompiler

from events.models import Event, EventCount
from subscribers import ids
from subscribers.services.storage.sql_values import adapted, as_json

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
# The most time between a request's moment of receipt and the creation of its events' ids.
MARGIN = timedelta(minutes=2)
MOST_HOURS = 24
ROWS_IN_STATEMENT = 500

# An import touches thousands of days: the ORM takes three to five times the CPU (measured).
_INSERT = """
INSERT INTO events_eventcount (unit, id, workspace_id, definition_id, starts_at, count)
"""
_OR_OVERWRITE = """
WHERE true ON CONFLICT (definition_id, unit, starts_at) DO UPDATE SET count = excluded.count
"""
OVERWRITE = {
    "postgresql": f"""{_INSERT}
SELECT %s, (bucket ->> 0)::uuid, (bucket ->> 1)::uuid, (bucket ->> 2)::uuid,
    (bucket ->> 3)::timestamptz, (bucket ->> 4)::bigint
FROM json_array_elements(%s::json) AS given (bucket)
{_OR_OVERWRITE}""",  # noqa: S608 - no values in it
    "sqlite": f"""{_INSERT}
SELECT %s, json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]'),
    json_extract(value, '$[3]'), json_extract(value, '$[4]')
FROM json_each(%s)
{_OR_OVERWRITE}""",  # noqa: S608 - as above
}
Unit = EventCount.Unit
first_id_at = ids.first_id_at


@dataclass(frozen=True, slots=True, order=True)
class Kind:
    definition_id: UUID
    workspace_id: UUID


@dataclass(slots=True)
class _Hour:
    starts_at: datetime
    counts: Counter[Kind] = field(default_factory=Counter)
    days: defaultdict[Kind, set[datetime]] = field(default_factory=lambda: defaultdict(set))


class Day(TruncDay):
    """The midnight of a moment in UTC; SQLite has moments as texts in UTC."""

    def as_sqlite(
        self,
        compiler: SQLCompiler,
        connection: BaseDatabaseWrapper,  # noqa: ARG002 - Django's
        **_: object,
    ) -> tuple[str, tuple[str | int, ...]]:
        """Cut the text: Django would call back into Python for every row."""
        sql, parameters = compiler.compile(self.lhs)
        return f"(SUBSTR({sql}, 1, 10) || ' 00:00:00')", tuple(parameters)


def roll_up(*, now: datetime, since: datetime) -> int:
    """Count the hours since a moment, or since the last counted one, and the days they touch.

    Returns how many hours: at most 24, the rest with the next call. Days are written before the
    hours, which are the mark. Not atomic, idempotent.
    """
    mark = _mark()
    start = None if mark is None else min(_hour_of(since), mark)
    hours = [_count_hour(hour) for hour in _hours_with_events(start, now)]
    days: defaultdict[Kind, set[datetime]] = defaultdict(set)
    for hour in hours:
        for kind, touched in hour.days.items():
            days[kind] |= touched
    recount_days(days_by_kind=days)
    for hour in hours:
        write(Unit.HOUR_OF_RECEIPT, {(kind, hour.starts_at): n for kind, n in hour.counts.items()})
        stored = EventCount.objects.filter(unit=Unit.HOUR_OF_RECEIPT, starts_at=hour.starts_at)
        counted = {kind.definition_id for kind in hour.counts}
        pairs = stored.values_list("pk", "definition_id")
        _delete(row_id for row_id, definition_id in pairs if definition_id not in counted)
    return len(hours)


def recount_days(*, days_by_kind: Mapping[Kind, Iterable[datetime]]) -> None:
    """Count days of occurrence, given as midnights in UTC. Idempotent."""
    for kind in sorted(days_by_kind):
        for first, last in _ranges(days_by_kind[kind]):
            occurred = Event.objects.filter(
                definition_id=kind.definition_id, occurred_at__gte=first, occurred_at__lt=last + DAY
            )
            by_day = occurred.annotate(day=Day("occurred_at", tzinfo=UTC)).values_list("day")
            counts = dict(by_day.order_by().annotate(count=Count("pk")))
            write(Unit.DAY_OF_OCCURRENCE, {(kind, day): n for day, n in counts.items()})
            stored = EventCount.objects.filter(
                definition_id=kind.definition_id,
                unit=Unit.DAY_OF_OCCURRENCE,
                starts_at__range=(first, last),
            )
            pairs = stored.values_list("pk", "starts_at")
            _delete(row_id for row_id, day in pairs if day not in counts)


def drop_hours(*, before: datetime) -> int:
    """Delete the hours before a moment, except the newest of all, which is the mark."""
    if (mark := _mark()) is None:
        return 0
    old = EventCount.objects.filter(unit=Unit.HOUR_OF_RECEIPT, starts_at__lt=min(before, mark))
    deleted, _ = old.delete()
    return deleted


def _mark() -> datetime | None:
    hours = EventCount.objects.filter(unit=Unit.HOUR_OF_RECEIPT).order_by("-starts_at")
    return hours.values_list("starts_at", flat=True).first()


def _hours_with_events(start: datetime | None, now: datetime) -> Iterator[datetime]:
    """Yield the hours with received events; one query for each, however far apart they are."""
    for _ in range(MOST_HOURS):
        events = Event.objects.order_by("id")
        if start is not None:
            events = events.filter(pk__gte=first_id_at(start - MARGIN), received_at__gte=start)
        received_at = events.values_list("received_at", flat=True).first()
        if received_at is None or received_at > now:
            return
        hour = _hour_of(received_at)
        yield hour
        start = hour + HOUR


def _count_hour(starts_at: datetime) -> _Hour:
    received = Event.objects.filter(
        pk__gte=first_id_at(starts_at - MARGIN),
        pk__lt=first_id_at(starts_at + HOUR + MARGIN),
        received_at__gte=starts_at,
        received_at__lt=starts_at + HOUR,
    )
    rows = (
        received.annotate(day=Day("occurred_at", tzinfo=UTC))
        .values_list("definition_id", "workspace_id", "day")
        .order_by()
        .annotate(count=Count("pk"))
    )
    hour = _Hour(starts_at)
    for definition_id, workspace_id, day, count in rows:
        kind = Kind(definition_id, workspace_id)
        hour.counts[kind] += count
        hour.days[kind].add(day)
    return hour


def write(unit: EventCount.Unit, counts: Mapping[tuple[Kind, datetime], int]) -> None:
    """Overwrite buckets, in the same order on all hosts, so that none waits for another."""
    rows = [
        adapted(row_id, kind.workspace_id, kind.definition_id, starts_at, counts[kind, starts_at])
        for row_id, (kind, starts_at) in zip(ids.new_ids(len(counts)), sorted(counts), strict=True)
    ]
    with connection.cursor() as cursor:
        for place in range(0, len(rows), ROWS_IN_STATEMENT):
            some = as_json(rows[place : place + ROWS_IN_STATEMENT])
            cursor.execute(OVERWRITE[connection.vendor], [str(unit), some])


def _delete(row_ids: Iterable[UUID]) -> None:
    gone = list(row_ids)
    for place in range(0, len(gone), ROWS_IN_STATEMENT):
        EventCount.objects.filter(pk__in=gone[place : place + ROWS_IN_STATEMENT]).delete()


def _ranges(days: Iterable[datetime]) -> Sequence[tuple[datetime, datetime]]:
    """Return the first and the last day of each range without a gap."""
    ranges: list[tuple[datetime, datetime]] = []
    for day in sorted(days):
        if ranges and day - ranges[-1][1] <= DAY:
            ranges[-1] = (ranges[-1][0], day)
        else:
            ranges.append((day, day))
    return ranges


def _hour_of(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)
