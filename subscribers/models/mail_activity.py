"""What is known of a mail after it left: delivered, opened, clicked, bounced."""

from typing import ClassVar

from django.db import models
from django.utils.timezone import now

from subscribers.ids import new_id
from subscribers.models.outgoing_email import OutgoingEmail
from subscribers.models.subscriber import Subscriber
from subscribers.models.workspace import Workspace


class MailActivity(models.Model):
    """One fact about a mail, at its first time; a repetition only raises `times`."""

    class Kind(models.TextChoices):
        DELIVERED = "delivered", "Delivered"
        DEFERRED = "deferred", "Put off"
        OPENED = "opened", "Opened"
        CLICKED = "clicked", "Clicked"
        BOUNCED = "bounced", "Bounced"
        COMPLAINED = "complained", "Reported as spam"
        UNSUBSCRIBED = "unsubscribed", "Unsubscribed"

    class Quality(models.TextChoices):
        """Who opened or clicked; the other kinds have none."""

        HUMAN = "human", "A person"
        MACHINE = "machine", "A machine"
        UNKNOWN = "unknown", "Not known"

    class BounceType(models.TextChoices):
        HARD = "hard", "Hard"
        SOFT = "soft", "Soft"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workspace = models.ForeignKey(Workspace, models.CASCADE, db_index=False, related_name="+")
    email = models.ForeignKey(
        OutgoingEmail, models.CASCADE, db_index=False, related_name="activity"
    )
    subscriber = models.ForeignKey(
        Subscriber, models.CASCADE, db_index=False, related_name="mail_activity"
    )
    kind = models.CharField(max_length=12, choices=Kind)
    quality = models.CharField(max_length=7, choices=Quality, blank=True, default="")
    bounce_type = models.CharField(max_length=4, choices=BounceType, blank=True, default="")
    # The names of the rules that gave the quality, or why another kind is assumed.
    reasons = models.JSONField(default=list)
    # Of a click, without the tokens of links; and SHA-256 of the whole address.
    url = models.TextField(blank=True, default="")
    url_hash = models.CharField(max_length=64, blank=True, default="")
    at = models.DateTimeField(default=now)
    times = models.PositiveIntegerField(default=1)
    last_at = models.DateTimeField(default=now)

    class Meta:
        verbose_name = "mail activity"
        verbose_name_plural = "mail activity"
        constraints: ClassVar = [
            # Also the index of a mail's activity.
            models.UniqueConstraint(
                fields=["email", "kind", "quality", "bounce_type", "url_hash"],
                name="mail_activity_one_per_fact",
            ),
        ]
        indexes: ClassVar = [
            # A person's time line, newest first.
            models.Index(fields=["subscriber", "-at", "-id"], name="mail_activity_by_subscriber"),
            # Counts by day.
            models.Index(fields=["at"], name="mail_activity_by_time"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.at:%Y-%m-%d %H:%M}"
