"""Mass enrollments: everybody of a segment enters a sequence, in the worker, bit by bit."""

from datetime import timedelta
from typing import ClassVar

from django.db import models
from django.utils.timezone import now

from events.models.sequence import Sequence
from subscribers.ids import encode, new_id
from subscribers.models import Segment, Workspace


class AudienceEnrollment(models.Model):
    """One run; its counts and its position are stored together with the enrollments they count."""

    class Status(models.TextChoices):
        QUEUED = "queued", "Queued"
        RUNNING = "running", "Running"
        COMPLETED = "completed", "Completed"
        CANCELLED = "cancelled", "Cancelled"
        FAILED = "failed", "Failed"

    UNDER_WAY = (Status.QUEUED, Status.RUNNING)

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workspace = models.ForeignKey(Workspace, models.CASCADE, db_index=False, related_name="+")
    sequence = models.ForeignKey(Sequence, models.CASCADE, related_name="audience_enrollments")
    # A segment that a run needs is not deleted; afterwards its name stays.
    segment = models.ForeignKey(Segment, models.SET_NULL, null=True, related_name="+")
    segment_name = models.CharField(max_length=200)
    status = models.CharField(max_length=9, choices=Status, default=Status.QUEUED)
    scheduled_for = models.DateTimeField()
    spread_minutes = models.PositiveIntegerField(default=0)
    # How many match, counted before it begins; None: it was not needed, and would take too long.
    estimated_count = models.PositiveIntegerField(null=True)
    # A run that is spread counts first, from `position` on, to know how many are due by when.
    is_counted = models.BooleanField(default=False)
    enrolled_count = models.PositiveIntegerField(default=0)
    skipped_count = models.PositiveIntegerField(default=0)
    # How many were skipped, by the word of the reason.
    skipped_reasons = models.JSONField(default=dict)
    # The last subscriber that was looked at, in the order of ids.
    position = models.UUIDField(null=True)
    # Why it waits or failed, a sentence.
    error = models.TextField(blank=True, default="")
    actor = models.CharField("started by", max_length=150, blank=True, default="")
    created_at = models.DateTimeField(default=now)
    started_at = models.DateTimeField(null=True)
    completed_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = "mass enrollment"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["sequence"],
                condition=models.Q(status__in=["queued", "running"]),
                name="audience_enrollment_one_at_a_time_per_sequence",
            ),
        ]
        indexes: ClassVar = [
            # The worker: which have begun or are due; few rows are under way.
            models.Index(
                fields=["scheduled_for"],
                name="audience_enrollment_due",
                condition=models.Q(status__in=["queued", "running"]),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.segment_name} into {self.sequence}"

    @property
    def public_id(self) -> str:
        return encode("aud", self.id)

    @property
    def processed_count(self) -> int:
        return self.enrolled_count + self.skipped_count

    @property
    def spread(self) -> timedelta:
        return timedelta(minutes=self.spread_minutes)

    @property
    def is_under_way(self) -> bool:
        return self.status in self.UNDER_WAY
