"""The outbox: every mail as rendered, and its state."""

from typing import ClassVar

from django.db import models
from django.utils.timezone import now

from subscribers.ids import encode, new_id
from subscribers.models.subscriber import Subscriber
from subscribers.models.workspace import Workspace


class OutgoingEmail(models.Model):
    """One mail to one person; `cause` prevents a second one."""

    class Status(models.TextChoices):
        QUEUED = "queued", "Queued"
        SENDING = "sending", "Being sent"
        SENT = "sent", "Sent"
        FAILED = "failed", "Failed"
        # The data went out and no answer came: it may have arrived.
        UNKNOWN = "unknown", "Delivery unknown"
        SKIPPED = "skipped", "Skipped"

    class Kind(models.TextChoices):
        CONFIRMATION = "confirmation", "Confirmation"
        TRANSACTIONAL = "transactional", "Transactional"
        MARKETING = "marketing", "Marketing"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workspace = models.ForeignKey(Workspace, models.CASCADE, db_index=False, related_name="+")
    subscriber = models.ForeignKey(
        Subscriber, on_delete=models.CASCADE, db_index=False, related_name="emails"
    )
    kind = models.CharField(max_length=13, choices=Kind)
    # Why it is sent, such as a visit of a step.
    cause = models.CharField(max_length=200)
    status = models.CharField(max_length=7, choices=Status, default=Status.QUEUED)
    message_id = models.CharField(max_length=255)
    sender = models.CharField(max_length=2000)
    reply_to = models.CharField(max_length=254, blank=True, default="")
    recipient = models.CharField(max_length=254)
    subject = models.CharField(max_length=998)
    html = models.TextField(blank=True, default="")
    text = models.TextField()
    headers = models.JSONField(default=dict)
    attempts = models.PositiveIntegerField(default=0)
    last_error = models.TextField(blank=True, default="")
    # Why it was skipped, in a word.
    reason = models.CharField(max_length=100, blank=True, default="")
    # What gave nothing while it was rendered, a sentence a line.
    notes = models.TextField(blank=True, default="", db_default="")
    created_at = models.DateTimeField(default=now)
    # When a mail that no enrollment waits for is due: a confirmation, or one sent again.
    due_at = models.DateTimeField(null=True)
    lease_token = models.UUIDField(null=True)
    sending_since = models.DateTimeField(null=True)
    # When the server deferred it first; patience counts from then.
    deferred_since = models.DateTimeField(null=True)
    # When the sender's lease ends; a mail still `sending` then is unknown.
    lease_expires_at = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = "email"
        verbose_name_plural = "outbox"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["workspace", "cause"], name="outgoing_email_one_per_cause"
            ),
        ]
        indexes: ClassVar = [
            # The reaper's search for attempts without an end.
            models.Index(
                fields=["lease_expires_at"],
                name="outgoing_email_sending",
                condition=models.Q(status="sending"),
            ),
            # The ticker's claim of mails that no enrollment waits for.
            models.Index(
                fields=["due_at"],
                name="outgoing_email_due",
                condition=models.Q(due_at__isnull=False, lease_token__isnull=True),
            ),
            # A person's mails, newest first; a cap counts the latest.
            models.Index(fields=["subscriber", "-id"], name="outgoing_email_by_subscriber"),
            # The outbox by status, newest first.
            models.Index(fields=["status", "-id"], name="outgoing_email_by_status"),
            # The outbox of one workspace, newest first.
            models.Index(fields=["workspace", "-id"], name="outgoing_email_newest"),
            # The outbox by kind, newest first; of marketing mail, which is most of it, any index
            # finds some at once.
            models.Index(
                fields=["kind", "-id"],
                name="outgoing_email_by_kind",
                condition=models.Q(kind="confirmation") | models.Q(kind="transactional"),
            ),
        ]

    def __str__(self) -> str:
        return self.public_id

    @property
    def public_id(self) -> str:
        return encode("eml", self.id)
