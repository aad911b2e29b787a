"""Roll-ups: how mails, enrollments and webhook calls ended, by hour."""

from typing import ClassVar
from uuid import UUID

from django.db import models

from subscribers.ids import new_id

# Of mails without a sequence, such as confirmations.
NO_SEQUENCE = UUID(int=0)


class OutcomeCount(models.Model):
    """One bucket. Only rises, so that the sum over all hours is a counter."""

    class Subject(models.TextChoices):
        MAIL = "mail", "Mail"
        ENROLLMENT = "enrollment", "Enrollment"
        WEBHOOK = "webhook", "Webhook call"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    subject = models.CharField(max_length=10, choices=Subject)
    # No key: a sequence's counts outlive it.
    sequence_id = models.UUIDField(default=NO_SEQUENCE)
    # What became of it, such as `sent` or `failed`, and why, in a word.
    outcome = models.CharField(max_length=20)
    reason = models.CharField(max_length=60, blank=True, default="")
    # In UTC; hours that are long over are added up in one bucket, at the beginning of time.
    starts_at = models.DateTimeField()
    count = models.PositiveBigIntegerField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["subject", "sequence_id", "outcome", "reason", "starts_at"],
                name="outcome_count_one_per_bucket",
            )
        ]
        indexes: ClassVar = [
            # Adding up hours that are long over; the newest counted hour.
            models.Index(fields=["subject", "starts_at"], name="outcome_count_by_age")
        ]

    def __str__(self) -> str:
        return f"{self.subject} {self.outcome} {self.starts_at:%Y-%m-%d %H}"
