"""How much work waits for the engine; every count is bounded and served by an index."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from events.models import Enrollment, FailedStage
from subscribers.models import OutgoingEmail

# Larger numbers are shown as this one: counting further is slow and helps nobody.
MOST_COUNTED = 10_001


@dataclass(frozen=True, slots=True)
class Gauges:
    """Counts, each at most 10,001, and how late the longest-due enrollment is."""

    enrollments_due: int
    oldest_due_seconds: float
    emails_due: int
    emails_sending: int
    emails_unknown: int
    failed_stages: int


def read(*, now: datetime) -> Gauges:
    due = Enrollment.objects.filter(due_at__lte=now, lease_token__isnull=True)
    oldest = [
        due.filter(lane=lane).order_by("due_at").values_list("due_at", flat=True).first()
        for lane in Enrollment.Lane
    ]
    ages = [(now - due_at).total_seconds() for due_at in oldest if due_at]
    emails = OutgoingEmail.objects
    status = OutgoingEmail.Status
    return Gauges(
        enrollments_due=_count(due.filter(lane__in=Enrollment.Lane.values)),
        oldest_due_seconds=max(ages, default=0.0),
        emails_due=_count(emails.filter(due_at__lte=now, lease_token__isnull=True)),
        emails_sending=_count(emails.filter(status=status.SENDING)),
        emails_unknown=_count(emails.filter(status=status.UNKNOWN)),
        failed_stages=_count(FailedStage.objects.all()),
    )


def _count(rows: QuerySet[Any]) -> int:
    return rows.order_by()[:MOST_COUNTED].count()
