"""Enrollments: one subscriber's way through a sequence, and what each step of it did."""

from typing import ClassVar
from uuid import UUID

from django.db import models
from django.utils.timezone import now

from events.models.event import Event
from events.models.sequence import Sequence, SequenceVersion, Step
from subscribers.ids import encode, new_id
from subscribers.models import OutgoingEmail, Subscriber, Workspace


class Enrollment(models.Model):
    class Status(models.TextChoices):
        WAITING_CONFIRMATION = "waiting_confirmation", "Waiting for confirmation"
        ACTIVE = "active", "Active"
        WAITING = "waiting", "Waiting"
        PAUSED = "paused", "Paused"
        COMPLETED = "completed", "Completed"
        STOPPED = "stopped", "Stopped"
        CANCELLED = "cancelled", "Cancelled"
        FAILED = "failed", "Failed"
        EXPIRED = "expired", "Expired"

    class Lane(models.IntegerChoices):
        CONFIRMATION = 0, "Confirmation"
        TRANSACTIONAL = 1, "Transactional"
        MARKETING = 2, "Marketing"

    # What a mail of a step is sent for: `step:ENROLLMENT:STEP:VISIT`, ids in hex.
    MAIL_CAUSE_PREFIX = "step:"
    UNDER_WAY = (Status.WAITING_CONFIRMATION, Status.ACTIVE, Status.WAITING, Status.PAUSED)

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workspace = models.ForeignKey(Workspace, models.CASCADE, db_index=False, related_name="+")
    sequence = models.ForeignKey(
        Sequence, models.CASCADE, db_index=False, related_name="enrollments"
    )
    version = models.ForeignKey(SequenceVersion, models.PROTECT, db_index=False, related_name="+")
    subscriber = models.ForeignKey(
        Subscriber, models.CASCADE, db_index=False, related_name="enrollments"
    )
    status = models.CharField(max_length=20, choices=Status)
    # '' or the field's value while under way; NULL at the end, but kept for `one_time`.
    entry_slot = models.CharField(max_length=255, null=True)  # noqa: DJ001 - NULL is free, '' is taken
    entry_key = models.CharField(max_length=255, blank=True, default="")
    # The event that started the enrollment: its properties feed conditions and merge tags.
    started_by = models.ForeignKey(Event, models.SET_NULL, null=True, related_name="enrollments")
    # How the person came in: `{"kind", "name", "value"}`.
    entered_via = models.JSONField(default=dict)
    # Began with a test key's request: its mails are skipped, its webhooks not called.
    is_test = models.BooleanField(default=False)
    # How many steps that add tags led to this enrollment, one after the other; at most ten.
    depth = models.PositiveSmallIntegerField(default=0)
    step = models.ForeignKey(Step, models.PROTECT, null=True, related_name="+")
    # How often the enrollment has come to its step: an operator's retry is another visit.
    visit = models.PositiveIntegerField(default=1)
    # The logical moment at which the step before ended: waits count from it.
    step_since = models.DateTimeField()
    # The event that it waits for, or after `timing.ATTRIBUTE_MARK` the attribute whose change wakes
    # it; '' when it waits for a time alone.
    awaits = models.CharField(max_length=200, blank=True, default="")
    # The event that released the wait, until the next step begins; no key: events may be deleted.
    # Its own id when an operator did.
    released_by = models.UUIDField(null=True)
    due_at = models.DateTimeField(null=True)
    lane = models.PositiveSmallIntegerField(choices=Lane, default=Lane.MARKETING)
    lease_token = models.UUIDField(null=True)
    lease_expires_at = models.DateTimeField(null=True)
    attempts = models.PositiveIntegerField(default=0)
    last_error = models.TextField(blank=True, default="")
    # Since when the receiver of the present step's webhook is away; patience counts from then.
    failing_since = models.DateTimeField(null=True)
    status_before_pause = models.CharField(max_length=20, blank=True, default="")
    # When a paused enrollment would be due: it keeps its wall-clock wait.
    due_before_pause = models.DateTimeField(null=True)
    paused_at = models.DateTimeField(null=True)
    # Why it ended, paused or failed, in a word and then a sentence.
    reason = models.CharField(max_length=200, blank=True, default="")
    entered_at = models.DateTimeField(default=now)
    updated_at = models.DateTimeField(default=now)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["sequence", "subscriber", "entry_slot"],
                name="enrollment_one_per_slot_of_sequence_and_subscriber",
            )
        ]
        indexes: ClassVar = [
            # The ticker's claim: due and unclaimed, by lane, then time.
            models.Index(
                fields=["lane", "due_at"],
                name="enrollment_due",
                condition=models.Q(due_at__isnull=False, lease_token__isnull=True),
            ),
            # The reaper: expired claims.
            models.Index(
                fields=["lease_expires_at"],
                name="enrollment_leased",
                condition=models.Q(lease_token__isnull=False),
            ),
            # Which receivers of webhooks are away.
            models.Index(
                fields=["failing_since"],
                name="enrollment_failing",
                condition=models.Q(failing_since__isnull=False),
            ),
            # Counting what ended, by hour.
            models.Index(
                fields=["ended_at"],
                name="enrollment_by_end",
                condition=models.Q(ended_at__isnull=False),
            ),
            # Ingestion and the subscriber's page: one person's enrollments.
            models.Index(fields=["subscriber", "status"], name="enrollment_by_subscriber"),
            # How many are under way with a version, and which move to another.
            models.Index(fields=["version", "status"], name="enrollment_by_version"),
            # The lists of a sequence's enrollments and of one status, newest first.
            models.Index(fields=["sequence", "-id"], name="enrollment_by_sequence"),
            models.Index(fields=["status", "-id"], name="enrollment_by_status"),
            # The admin's list of one workspace, newest first.
            models.Index(fields=["workspace", "-id"], name="enrollment_newest"),
        ]

    def __str__(self) -> str:
        return self.public_id

    @property
    def public_id(self) -> str:
        return encode("enr", self.id)

    @property
    def mail_cause(self) -> str:
        """Return the cause of its present step's mail: this visit of the step."""
        return self.cause_of(self.pk, self.step_id, self.visit)

    @classmethod
    def cause_of(cls, enrollment_id: UUID, step_id: UUID | None, visit: int) -> str:
        step = step_id.hex if step_id else ""
        return f"{cls.MAIL_CAUSE_PREFIX}{enrollment_id.hex}:{step}:{visit}"

    @staticmethod
    def id_in_cause(cause: str) -> UUID:
        """Return the id of the enrollment in a step mail's cause."""
        return UUID(cause.split(":")[1])

    @property
    def is_under_way(self) -> bool:
        return self.status in self.UNDER_WAY


class StepRun(models.Model):
    """What one visit of one step did, and why; append-only once it is done."""

    class Status(models.TextChoices):
        DONE = "done", "Done"
        SKIPPED = "skipped", "Skipped"
        FAILED = "failed", "Failed"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workspace = models.ForeignKey(Workspace, models.CASCADE, db_index=False, related_name="+")
    enrollment = models.ForeignKey(
        Enrollment, models.CASCADE, db_index=False, related_name="step_runs"
    )
    step = models.ForeignKey(Step, models.PROTECT, related_name="step_runs")
    visit = models.PositiveIntegerField(default=1)
    status = models.CharField(max_length=8, choices=Status)
    # What was decided, and why: `{"waitedUntil", "branch", "unmet", "reason", …}`.
    outcome = models.JSONField(default=dict)
    email = models.ForeignKey(OutgoingEmail, models.SET_NULL, null=True, related_name="step_runs")
    attempts = models.PositiveIntegerField(default=0)
    error = models.TextField(blank=True, default="")
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["enrollment", "step", "visit"],
                name="step_run_one_per_visit_of_step_in_enrollment",
            )
        ]

    def __str__(self) -> str:
        return f"{self.status} {self.step_id}"
