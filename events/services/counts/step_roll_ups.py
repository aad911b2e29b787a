"""Roll-ups of what steps did, so that no page counts step runs.

The worker counts each hour as a whole and overwrites its buckets; a day is the sum of its hours.
Days whose hours are no longer kept, as after an update or long without a worker, are counted as
one. Counted again: the last minutes, hours whose rows have changed (`touched_hours`), and those
with mails still queued. See .github/decisions/recomputed-counts.md.
"""

import random
import time
from collections import Counter, defaultdict
from collections.abc import Collection
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Q, Sum

from events.models import Enrollment, SequenceCount, SequenceCountMark, StepRun, TouchedHour
from events.models.sequence_count import BUCKET
from events.services.counts import mail_activity, steps, touched_hours
from events.services.counts.roll_ups import DAY, HOUR, first_id_at
from events.services.counts.steps import Bucket
from subscribers.ids import created_at
from subscribers.models import MailActivity, OutgoingEmail
from subscribers.services.storage.outcomes import hour_of

Unit = SequenceCount.Unit
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
# The most time between the moment in a row's id, or of an ending, and the commit of the row.
MARGIN = timedelta(minutes=5)
DAYS_BY_HOUR = 8
SECONDS = 5.0
PAUSE_PER_WORK = 20
MOST_TOUCHED = 2000
MOST_QUEUED = 24
ROWS_IN_STATEMENT = 500


@dataclass(frozen=True, slots=True, order=True)
class Period:
    unit: str
    starts_at: datetime

    @property
    def ends_at(self) -> datetime:
        return self.starts_at + (HOUR if self.unit == Unit.HOUR else DAY)


class _Overtaken(Exception):
    """Another process counted meanwhile: what this one counted may be older."""


def take_turn(*, now: datetime) -> int:
    """Roll up, unless the last turn was so long that counting would take more than a twentieth of
    the time; returns how many periods.
    """
    mark = _mark()
    if mark.due_at and now < mark.due_at:
        return 0
    began = time.monotonic()
    counted = roll_up(now=now)
    took = timedelta(seconds=time.monotonic() - began)
    SequenceCountMark.objects.filter(pk=mark.pk).update(due_at=now + took * PAUSE_PER_WORK)
    return counted


def roll_up(*, now: datetime, seconds: float = SECONDS) -> int:
    """Count what is new, then again what has changed; returns how many periods.

    Each of the two ends after the first period that is over its seconds; the rest comes with the
    next call. Not atomic, idempotent; of two at once one gives up.
    """
    turn = _Turn(now, _mark())
    try:
        turn.count_new(seconds)
        turn.count_changed(seconds)
    except _Overtaken:
        pass
    return turn.counted


def recount(*, now: datetime, seconds: float = SECONDS) -> None:
    """Count again what has changed, as `roll_up` does. Unlike it this touches nothing: repeated at
    the same moment it comes to an end, however slow the machine is.
    """
    with suppress(_Overtaken):
        _Turn(now, _mark()).count_changed(seconds)


def drop_hours(*, now: datetime) -> int:
    """Delete the hours of days that are counted as one by now; the days stay."""
    old = SequenceCount.objects.filter(unit=Unit.HOUR, starts_at__lt=_first_by_hour(now) - DAY)
    deleted, _ = old.delete()
    return deleted


def day_of(moment: datetime) -> datetime:
    return hour_of(moment).replace(hour=0)


def uncounted_since() -> datetime | None:
    """Return the moment of the first row that is not counted for good; None before any count."""
    mark = SequenceCountMark.objects.first()
    return _next_row(mark.until) if mark else None


class _Turn:
    def __init__(self, now: datetime, mark: SequenceCountMark) -> None:
        self.now = now
        self.mark = mark
        self.counted = 0

    def count_new(self, seconds: float) -> None:
        over_at, start = time.monotonic() + seconds, self.mark.until
        while (moment := _next_row(start)) is not None and moment <= self.now:
            period = _period_at(moment, self.now)
            self._count(period, until=period.ends_at)
            start = period.ends_at
            if time.monotonic() > over_at:
                return
        with transaction.atomic():
            self._take_mark()
            # Reported late: only what comes after the mark is counted anyway.
            since = self.mark.counted_at - MARGIN if self.mark.counted_at else BEGINNING
            late = mail_activity.touched_hours(since=since, until=self.mark.until)
            touched_hours.touch(late)
            self.mark.counted_at = self.now
            self._move_mark(until=self.now)

    def count_changed(self, seconds: float) -> None:
        over_at = time.monotonic() + seconds
        touched: defaultdict[Period, list[UUID]] = defaultdict(list)
        for row in TouchedHour.objects.order_by("pk")[:MOST_TOUCHED]:
            touched[_period_at(row.starts_at, self.now)].append(row.pk)
        for period in (*touched, *_queued(self.now)):
            self._count(period, touched=touched.pop(period, ()))
            if time.monotonic() > over_at:
                return

    def _count(
        self, period: Period, *, until: datetime = BEGINNING, touched: Collection[UUID] = ()
    ) -> None:
        counts = steps.count(period.starts_at, period.ends_at)
        with transaction.atomic():
            self._take_mark()
            _replace(period, counts)
            if period.unit == Unit.HOUR:
                day = Period(Unit.DAY, day_of(period.starts_at))
                _replace(day, _sum_of_hours(day))
            TouchedHour.objects.filter(pk__in=touched).delete()
            self._move_mark(until=until)
        self.counted += 1

    def _take_mark(self) -> None:
        """Lock the mark; raises `_Overtaken` when another process has moved it."""
        mark = SequenceCountMark.objects.select_for_update().get(pk=self.mark.pk)
        if mark.turn != self.mark.turn:
            raise _Overtaken

    def _move_mark(self, *, until: datetime) -> None:
        self.mark.until = max(self.mark.until, min(until, self.now - MARGIN))
        self.mark.turn += 1
        self.mark.save(update_fields=["until", "counted_at", "turn"])


def _mark() -> SequenceCountMark:
    mark, _ = SequenceCountMark.objects.get_or_create(
        pk=SequenceCountMark.THE_ONE, defaults={"until": BEGINNING}
    )
    return mark


def _next_row(start: datetime) -> datetime | None:
    """Return the moment of the first row at or after a moment; one look-up for each table."""
    first_id = first_id_at(start)
    moments = [
        created_at(row_id)
        for model in (Enrollment, StepRun, OutgoingEmail)
        for row_id in model._default_manager.filter(pk__gte=first_id)
        .order_by("pk")
        .values_list("pk", flat=True)[:1]
    ]
    ended = Enrollment.objects.filter(ended_at__gte=start).order_by("ended_at")
    moments += filter(None, ended.values_list("ended_at", flat=True)[:1])
    activity = MailActivity.objects.filter(at__gte=start).order_by("at")
    moments += activity.values_list("at", flat=True)[:1]
    return min(moments, default=None)


def _period_at(moment: datetime, now: datetime) -> Period:
    day = day_of(moment)
    if day < _first_by_hour(now):
        return Period(Unit.DAY, day)
    return Period(Unit.HOUR, hour_of(moment))


def _first_by_hour(now: datetime) -> datetime:
    return day_of(now) - DAYS_BY_HOUR * DAY


def _queued(now: datetime) -> Collection[Period]:
    """Return periods with mails that are not settled, some at a time; random, so that all of them
    have their turn.
    """
    first = _first_by_hour(now)
    by_hour = Q(unit=Unit.HOUR, starts_at__gte=first)
    by_day = Q(unit=Unit.DAY, starts_at__lt=first)
    rows = SequenceCount.objects.filter(by_hour | by_day, measure=steps.Measure.QUEUED)
    found = [Period(*row) for row in rows.values_list("unit", "starts_at").distinct()]
    return random.sample(found, min(len(found), MOST_QUEUED))


def _sum_of_hours(day: Period) -> Counter[Bucket]:
    hours = SequenceCount.objects.filter(
        unit=Unit.HOUR, starts_at__gte=day.starts_at, starts_at__lt=day.ends_at
    )
    rows = hours.order_by().values_list(*Bucket._fields).annotate(total=Sum("count"))
    return Counter({Bucket(*row[:-1]): row[-1] for row in rows})


def _replace(period: Period, counts: Counter[Bucket]) -> None:
    """Write the buckets that differ from the stored ones, and delete those without rows."""
    of_period = SequenceCount.objects.filter(**asdict(period))
    stored = {
        Bucket(*row[2:]): (row[0], row[1])
        for row in of_period.values_list("pk", "count", *Bucket._fields)
    }
    SequenceCount.objects.bulk_create(
        [
            SequenceCount(
                **bucket._asdict(), unit=period.unit, starts_at=period.starts_at, count=count
            )
            for bucket, count in sorted(counts.items())
            if bucket not in stored or stored[bucket][1] != count
        ],
        batch_size=ROWS_IN_STATEMENT,
        update_conflicts=True,
        unique_fields=BUCKET,
        update_fields=["count"],
    )
    gone = [row_id for bucket, (row_id, _) in stored.items() if bucket not in counts]
    for first in range(0, len(gone), ROWS_IN_STATEMENT):
        SequenceCount.objects.filter(pk__in=gone[first : first + ROWS_IN_STATEMENT]).delete()
