"""Counts of what there is now: people, members, enrollments under way, queued mails."""

from typing import ClassVar

from django.db import models

from subscribers.ids import new_id
from subscribers.models import Workspace


class CurrentCount(models.Model):
    """One number, counted by the worker some time ago; pages read it and never count."""

    class Subject(models.TextChoices):
        TAG = "tag", "People with a tag"
        LIST = "list", "Members of a list"
        # Of workspaces; parts: the statuses of subscribers.
        PEOPLE = "people", "People"
        QUEUED_MAIL = "queued_mail", "Queued mails"
        # Enrollments under way; parts: the keys of the steps at which they are.
        SEQUENCE = "sequence", "Enrollments under way"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workspace = models.ForeignKey(Workspace, models.CASCADE, db_index=False, related_name="+")
    subject = models.CharField(max_length=12, choices=Subject)
    subject_id = models.UUIDField()
    # "": all of it.
    part = models.CharField(max_length=64, blank=True, default="")
    count = models.PositiveBigIntegerField(default=0)
    # None: not counted yet.
    counted_at = models.DateTimeField(null=True)
    # When to count again; None for parts, which are counted with the whole.
    due_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["subject", "subject_id", "part"], name="current_count_one_per_part"
            )
        ]
        indexes: ClassVar = [
            # The worker's next ones to count.
            models.Index(
                fields=["due_at"],
                name="current_count_due",
                condition=models.Q(due_at__isnull=False),
            )
        ]

    def __str__(self) -> str:
        return f"{self.count} {self.subject} {self.part}".strip()
