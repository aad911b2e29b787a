"""Roll-ups of sequences: what their steps did, by hour and by day."""

from typing import ClassVar

from django.db import models

from subscribers.ids import new_id
from subscribers.models import Workspace
from subscribers.models.outcome_count import NO_SEQUENCE

# In the order in which a workspace's numbers are read.
BUCKET = ("workspace", "unit", "starts_at", "sequence_id", "step_key", "measure", "reason")


class SequenceCount(models.Model):
    """One bucket, recomputed as a whole; pages read these and never count step runs."""

    class Unit(models.TextChoices):
        # Kept for some days; their sum is the day's bucket.
        HOUR = "hour", "Hour"
        DAY = "day", "Day"

    class Measure(models.TextChoices):
        ENTERED = "entered", "Entered"
        # The reason is the enrollment's status, then `: ` and why, in a word.
        ENDED = "ended", "Ended"
        # Those of them that ended in a step, before it came to anything.
        LEFT = "left", "Left early"
        # Of mails; `mailed` for the reason `unknown` may not have arrived.
        MAILED = "mailed", "Mailed"
        QUEUED = "queued", "Queued"
        SKIPPED = "skipped", "Skipped"
        FAILED = "failed", "Failed"
        # Of other steps.
        DONE = "done", "Done"
        CAME = "came", "Event came"
        TIMED_OUT = "timed_out", "Timed out"
        MET = "yes", "Condition met"
        UNMET = "no", "Condition not met"
        # The reason is the branch.
        BRANCH = "branch", "Branch"
        STEP_SKIPPED = "step_skipped", "Step skipped"
        STEP_FAILED = "step_failed", "Step failed"
        # What became of mails after they left; the reason says who opened: human, machine, unknown.
        DELIVERED = "delivered", "Delivered"
        OPENED = "opened", "Opened"
        CLICKED = "clicked", "Clicked"
        BOUNCED = "bounced", "Bounced"
        COMPLAINED = "complained", "Complained"
        UNSUBSCRIBED = "unsubscribed", "Unsubscribed"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workspace = models.ForeignKey(Workspace, models.CASCADE, db_index=False, related_name="+")
    # No key, since mails such as confirmations have no sequence.
    sequence_id = models.UUIDField(default=NO_SEQUENCE)
    # The step's key, the same in all versions; the kind of a mail without a sequence; else "".
    step_key = models.CharField(max_length=64, blank=True, default="")
    measure = models.CharField(max_length=12, choices=Measure)
    reason = models.CharField(max_length=100, blank=True, default="")
    unit = models.CharField(max_length=4, choices=Unit)
    # In UTC.
    starts_at = models.DateTimeField()
    count = models.PositiveBigIntegerField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=BUCKET,
                name="sequence_count_one_per_bucket",
            )
        ]
        indexes: ClassVar = [
            # The numbers of one sequence.
            models.Index(fields=["sequence_id", "unit", "starts_at"], name="sequence_count_of_one"),
            # Counting one hour or day again; retention.
            models.Index(fields=["unit", "starts_at"], name="sequence_count_by_age"),
            # Where mails are still queued, the worker counts again.
            models.Index(
                fields=["unit", "starts_at"],
                name="sequence_count_queued",
                condition=models.Q(measure="queued"),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.count} {self.measure} from {self.starts_at:%Y-%m-%d %H:%M}"


class SequenceCountMark(models.Model):
    """The one row that says how far the steps are counted."""

    THE_ONE = 1

    id = models.PositiveSmallIntegerField(primary_key=True, default=THE_ONE, editable=False)
    # All rows from before are counted, and need no other look.
    until = models.DateTimeField()
    # When everything was counted; None: never yet.
    counted_at = models.DateTimeField(null=True)
    # When to count again; None: at once.
    due_at = models.DateTimeField(null=True)
    # Rises with each period: who counted while another wrote drops the result.
    turn = models.PositiveBigIntegerField(default=0)

    def __str__(self) -> str:
        return f"until {self.until:%Y-%m-%d %H:%M}"


class TouchedHour(models.Model):
    """An hour whose counted rows have changed; the worker counts it again and deletes this."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    starts_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.starts_at:%Y-%m-%d %H:%M}"
