"""Counts of enrollments that ended, by hour, sequence, status and reason.

Counted from the rows, since many places end enrollments. An hour is counted as a whole, so counting
it twice, on two hosts at once, changes nothing.
"""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta

from django.db.models import Count

from events.models import Enrollment
from subscribers.models import OutcomeCount
from subscribers.services.storage import outcomes
from subscribers.services.storage.outcomes import Bucket, Subject

HOUR = timedelta(hours=1)
MOST_HOURS = 24
# The most time between an ending's moment and its commit.
MARGIN = timedelta(minutes=5)


def roll_up(*, now: datetime) -> None:
    """Count the hours since the last counted one, of the last day; the rest of it as well."""
    newest = OutcomeCount.objects.filter(subject=Subject.ENROLLMENT).order_by("-starts_at")
    mark = newest.values_list("starts_at", flat=True).first()
    start = min(mark or now, outcomes.hour_of(now - MARGIN))
    for hour in _hours_with_endings(max(start, outcomes.hour_of(now - MOST_HOURS * HOUR))):
        outcomes.raise_to(_count(hour))


def _hours_with_endings(start: datetime) -> Iterator[datetime]:
    for _ in range(MOST_HOURS + 1):
        ended = Enrollment.objects.filter(ended_at__gte=start).order_by("ended_at")
        ended_at = ended.values_list("ended_at", flat=True).first()
        if ended_at is None:
            return
        hour = outcomes.hour_of(ended_at)
        yield hour
        start = hour + HOUR


def _count(hour: datetime) -> Counter[Bucket]:
    ended = Enrollment.objects.filter(ended_at__gte=hour, ended_at__lt=hour + HOUR)
    rows = ended.order_by().values_list("sequence_id", "status", "reason")
    found: Counter[Bucket] = Counter()
    for sequence_id, status, reason, count in rows.annotate(count=Count("pk")):
        word = reason.partition(":")[0].strip()
        found[Bucket(Subject.ENROLLMENT, sequence_id, status, word, hour)] += count
    return found
