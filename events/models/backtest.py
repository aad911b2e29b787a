"""Backtests: what a sequence would have done with the events of the last days."""

from typing import ClassVar

from django.db import models
from django.utils.timezone import now

from events.models.sequence import Sequence
from subscribers.ids import new_id
from subscribers.models import Workspace


class Backtest(models.Model):
    """One backtest, worked on in slices by the worker; its result grows with each slice."""

    class Status(models.TextChoices):
        QUEUED = "queued", "Queued"
        RUNNING = "running", "Running"
        FINISHED = "finished", "Finished"
        FAILED = "failed", "Failed"
        CANCELLED = "cancelled", "Cancelled"

    UNDER_WAY = (Status.QUEUED, Status.RUNNING)

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workspace = models.ForeignKey(Workspace, models.CASCADE, db_index=False, related_name="+")
    sequence = models.ForeignKey(Sequence, models.CASCADE, db_index=False, related_name="backtests")
    # The version's number; the snapshot is what counts.
    version = models.PositiveIntegerField(default=0)
    # Who enters, what ends it, and the steps, as they were.
    snapshot = models.JSONField()
    days = models.PositiveSmallIntegerField()
    since = models.DateTimeField()
    until = models.DateTimeField()
    status = models.CharField(max_length=9, choices=Status, default=Status.QUEUED)
    requested_by = models.CharField(max_length=150, blank=True, default="")
    created_at = models.DateTimeField(default=now)
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    # The last person whose events the result has; people are taken in the order of their ids.
    position = models.UUIDField(null=True)
    # How many people the trigger's event came from in the time.
    people = models.PositiveIntegerField(null=True)
    people_done = models.PositiveIntegerField(default=0)
    result = models.JSONField(default=dict)
    error = models.TextField(blank=True, default="")
    # How often a worker ended while it worked on a slice.
    crashes = models.PositiveSmallIntegerField(default=0)
    lease_token = models.UUIDField(null=True)
    lease_expires_at = models.DateTimeField(null=True)

    class Meta:
        indexes: ClassVar = [
            # The newest of a sequence: its page, and what is kept.
            models.Index(fields=["sequence", "-id"], name="backtest_of_sequence"),
            # The worker: what is to be done, the oldest first.
            models.Index(
                fields=["id"],
                name="backtest_under_way",
                condition=models.Q(status__in=["queued", "running"]),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.days} days until {self.until:%Y-%m-%d %H:%M} UTC"

    @property
    def is_under_way(self) -> bool:
        return self.status in self.UNDER_WAY
