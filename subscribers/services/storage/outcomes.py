"""Counts of how mails, enrollments and webhook calls end, for all processes and hosts together.

A process counts in its memory and adds to the hour's rows every few seconds, in the order of their
keys: no row is hot, and counting one costs no query. A killed process loses its last seconds.
"""

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Sum

from subscribers.ids import new_id
from subscribers.models import OutcomeCount
from subscribers.models.outcome_count import NO_SEQUENCE
from subscribers.services.storage.sql_values import adapted

Subject = OutcomeCount.Subject
# Hours stay apart so long.
KEPT = timedelta(days=7)
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
_LONGEST_REASON = 60
_MOST_ADDED_UP = 5000
_INSERT = """
INSERT INTO subscribers_outcomecount
    (id, subject, sequence_id, outcome, reason, starts_at, count)
VALUES (%s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (subject, sequence_id, outcome, reason, starts_at) DO UPDATE
"""
_ADD = "SET count = subscribers_outcomecount.count + excluded.count"
_RAISE = "SET count = excluded.count WHERE excluded.count > subscribers_outcomecount.count"


class Bucket(NamedTuple):
    subject: str
    sequence_id: UUID
    outcome: str
    reason: str
    starts_at: datetime


_counted: Counter[Bucket] = Counter()


def count(
    subject: OutcomeCount.Subject,
    *,
    outcome: str,
    reason: str = "",
    sequence_id: UUID = NO_SEQUENCE,
    now: datetime,
) -> None:
    """Count one in this process's memory."""
    hour = hour_of(now)
    _counted[Bucket(subject, sequence_id, outcome, reason[:_LONGEST_REASON], hour)] += 1


def flush() -> None:
    """Add what this process counted to the rows; outside transactions. No query without counts."""
    if not _counted:
        return
    counted = dict(_counted)
    _counted.clear()
    try:
        _write(counted, _ADD)
    except BaseException:
        _counted.update(counted)
        raise


def raise_to(counts: dict[Bucket, int]) -> None:
    """Set buckets that were counted anew; they never fall, even when rows were erased meanwhile."""
    _write(counts, _RAISE)


def add_up(*, before: datetime) -> None:
    """Add the hours before a moment up in one bucket each, some at a time; atomic."""
    old = OutcomeCount.objects.filter(starts_at__lt=before, starts_at__gt=BEGINNING)
    with transaction.atomic():
        rows = list(old.select_for_update(no_key=True).order_by("id")[:_MOST_ADDED_UP])
        sums: Counter[Bucket] = Counter()
        for row in rows:
            key = (row.subject, row.sequence_id, row.outcome, row.reason)
            sums[Bucket(*key, BEGINNING)] += row.count
        _write(sums, _ADD)
        OutcomeCount.objects.filter(pk__in=[row.pk for row in rows]).delete()


def totals() -> dict[tuple[str, str, str], int]:
    """Return all counts by subject, outcome and reason."""
    rows = OutcomeCount.objects.order_by().values_list("subject", "outcome", "reason")
    return {(row[0], row[1], row[2]): row[3] for row in rows.annotate(total=Sum("count"))}


def hour_of(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def _write(counts: dict[Bucket, int], change: str) -> None:
    if counts:
        rows = [adapted(new_id(), *bucket, counts[bucket]) for bucket in sorted(counts)]
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.executemany(_INSERT + change, rows)
