"""What a subscriber did, and what its receipt led to."""

from typing import ClassVar

from django.db import models

from events.models.definition import EventDefinition
from subscribers.ids import encode, new_id
from subscribers.models import Subscriber, Workspace


class Event(models.Model):
    """One event: append-only, except the effects of a stage that failed and was retried."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    # Look-ups use subscriber or definition, which belong to one workspace each.
    workspace = models.ForeignKey(Workspace, models.CASCADE, db_index=False, related_name="+")
    subscriber = models.ForeignKey(
        Subscriber, models.CASCADE, db_index=False, related_name="events"
    )
    # A definition with events is hidden, never deleted.
    definition = models.ForeignKey(
        EventDefinition, models.PROTECT, db_index=False, related_name="events"
    )
    event_id = models.CharField(max_length=255, null=True, blank=True)  # noqa: DJ001 - NULL: not given
    occurred_at = models.DateTimeField()
    received_at = models.DateTimeField()
    is_historical = models.BooleanField(default=False)
    properties = models.JSONField(default=dict)
    effects = models.JSONField(default=dict)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["subscriber", "definition", "event_id"],
                condition=models.Q(event_id__isnull=False),
                name="event_one_per_event_id_of_subscriber_and_definition",
            )
        ]
        indexes: ClassVar = [
            # A subscriber's timeline.
            models.Index(fields=["subscriber", "-occurred_at", "-id"], name="event_timeline"),
            # A definition's latest events.
            models.Index(fields=["definition", "-occurred_at", "-id"], name="event_by_definition"),
        ]

    def __str__(self) -> str:
        return self.public_id

    @property
    def public_id(self) -> str:
        return encode("evt", self.id)


class FailedStage(models.Model):
    """A stage of an event's effects that failed; the worker retries it until it succeeds."""

    class Stage(models.TextChoices):
        APPLY_SYNC_RULES = "apply-sync-rules", "Apply sync rules"
        TRIGGER_SEQUENCES = "trigger-sequences", "Start sequences"
        RELEASE_WAITS = "release-waits", "Release and stop enrollments"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workspace = models.ForeignKey(Workspace, models.CASCADE, db_index=False, related_name="+")
    event = models.ForeignKey(Event, models.CASCADE, db_index=False, related_name="failed_stages")
    stage = models.CharField(max_length=20, choices=Stage)
    attempts = models.PositiveIntegerField(default=1)
    last_error = models.TextField(blank=True, default="")
    failed_at = models.DateTimeField()
    next_attempt_at = models.DateTimeField()

    class Meta:
        verbose_name = "retry"
        verbose_name_plural = "retries"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["event", "stage"], name="failed_stage_one_per_event_and_stage"
            )
        ]
        indexes: ClassVar = [
            # The worker: due retries.
            models.Index(fields=["next_attempt_at"], name="failed_stage_due")
        ]

    def __str__(self) -> str:
        return self.get_stage_display()
