"""Consent: confirmations, the ledger, suppressions, and the limits on confirmations."""

from typing import ClassVar

from django.db import models
from django.utils.timezone import now

from subscribers.ids import new_id
from subscribers.models.api_key import ApiKey
from subscribers.models.subscriber import Subscriber
from subscribers.models.workspace import Workspace


class Confirmation(models.Model):
    """One person's confirmation; the links in its mails work until it is closed."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workspace = models.ForeignKey(Workspace, models.CASCADE, db_index=False, related_name="+")
    subscriber = models.ForeignKey(
        Subscriber, on_delete=models.CASCADE, db_index=False, related_name="confirmations"
    )
    # The key of the latest request, for the breaker that counts by key.
    asked_by = models.ForeignKey(ApiKey, on_delete=models.SET_NULL, null=True, related_name="+")
    mails = models.PositiveSmallIntegerField(default=0)
    asked_at = models.DateTimeField(default=now)
    reminded_at = models.DateTimeField(null=True)
    confirmed_at = models.DateTimeField(null=True)
    # Confirmed or expired: its links then show the page of expired links.
    closed_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["subscriber"],
                condition=models.Q(closed_at__isnull=True),
                name="confirmation_one_open_per_subscriber",
            ),
        ]
        indexes: ClassVar = [
            # Reminders, and expiry.
            models.Index(
                fields=["asked_at"],
                name="confirmation_open_by_age",
                condition=models.Q(closed_at__isnull=True),
            ),
            models.Index(fields=["subscriber", "-id"], name="confirmation_by_subscriber"),
        ]

    def __str__(self) -> str:
        return f"asked {self.asked_at:%Y-%m-%d}"


class ConsentRecord(models.Model):
    """One record of the append-only ledger; of an erased person only the hash remains."""

    class Kind(models.TextChoices):
        ASKED = "asked", "Asked to confirm"
        REMINDED = "reminded", "Reminded"
        CONFIRMED = "confirmed", "Confirmed"
        GIVEN_UP = "given_up", "Never confirmed"
        LEFT = "left", "Unsubscribed"
        LEFT_LIST = "left_list", "Left a list"
        JOINED_LIST = "joined_list", "Joined a list"
        RESUBSCRIBED = "resubscribed", "Subscribed again"
        SUPPRESSED = "suppressed", "Suppressed"
        RELEASED = "released", "Suppression removed"
        MERGED = "merged", "Merged"
        READDRESSED = "readdressed", "Address changed"
        ERASED = "erased", "Erased"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workspace = models.ForeignKey(Workspace, models.CASCADE, db_index=False, related_name="+")
    subscriber = models.ForeignKey(
        Subscriber, on_delete=models.SET_NULL, db_index=False, null=True, related_name="consent"
    )
    # Keyed by the workspace; the same for every form of the address.
    address_hash = models.CharField(max_length=64)
    kind = models.CharField(max_length=12, choices=Kind)
    # How: a gesture, the button, one click, a bounce, an event, an operator.
    method = models.CharField(max_length=40, blank=True, default="")
    at = models.DateTimeField(default=now)
    ip = models.GenericIPAddressField(null=True, blank=True)
    user_agent = models.CharField(max_length=500, blank=True, default="")
    # No foreign keys: events, keys and lists may be deleted, the ledger stays.
    event_id = models.UUIDField(null=True)
    api_key = models.CharField(max_length=20, blank=True, default="")
    request_id = models.CharField(max_length=64, blank=True, default="")
    list_name = models.CharField(max_length=200, blank=True, default="")
    # SHA-256 of the mail or page that was answered.
    text_hash = models.CharField(max_length=64, blank=True, default="")
    # The reason that a person, an operator or a server gave.
    reason = models.CharField(max_length=500, blank=True, default="")
    actor = models.CharField(max_length=150, blank=True, default="")

    class Meta:
        verbose_name = "consent record"
        verbose_name_plural = "consent ledger"
        indexes: ClassVar = [
            # A person's records, newest first.
            models.Index(fields=["subscriber", "-id"], name="consent_by_subscriber"),
            # The records of an erased address.
            models.Index(fields=["workspace", "address_hash"], name="consent_by_address"),
            # The admin's list of one kind, newest first.
            models.Index(fields=["kind", "-id"], name="consent_by_kind"),
            # The admin's list of one workspace, newest first.
            models.Index(fields=["workspace", "-id"], name="consent_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.at:%Y-%m-%d %H:%M}"


class Suppression(models.Model):
    """An address that gets no mail at all; it outlives the person as a hash."""

    class Reason(models.TextChoices):
        HARD_BOUNCE = "hard_bounce", "Hard bounce"
        COMPLAINT = "complaint", "Complaint"
        MANUAL = "manual", "Manual"
        ERASED = "erased", "Erased"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workspace = models.ForeignKey(
        Workspace, on_delete=models.CASCADE, db_index=False, related_name="suppressions"
    )
    address_hash = models.CharField(max_length=64)
    # Empty once the person is erased.
    email = models.CharField(max_length=254, blank=True, default="")
    reason = models.CharField(max_length=11, choices=Reason)
    # The source: smtp, webhook, admin, api, import.
    source = models.CharField(max_length=20)
    # The server's or service's words.
    details = models.CharField(max_length=500, blank=True, default="")
    bounces = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(default=now)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["workspace", "address_hash"], name="suppression_one_per_address"
            ),
        ]
        indexes: ClassVar = [
            # The admin's search by the beginning of an address.
            models.Index(
                fields=["email"], name="suppression_prefix", opclasses=["text_pattern_ops"]
            ),
            # Lists, newest first.
            models.Index(fields=["workspace", "-id"], name="suppression_newest"),
        ]

    def __str__(self) -> str:
        return self.email or "erased address"


class AskedAddress(models.Model):
    """How many confirmations a mailbox got, under all its addresses; outlives the person."""

    workspace = models.ForeignKey(Workspace, models.CASCADE, db_index=False, related_name="+")
    mailbox_hash = models.CharField(max_length=64)
    mails = models.PositiveSmallIntegerField(default=0)
    asked_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["workspace", "mailbox_hash"], name="asked_address_one_per_mailbox"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.mails} mails, last {self.asked_at:%Y-%m-%d %H:%M}"


class AskedHour(models.Model):
    """How many confirmations were sent in an hour: to a domain, by a key, in all; for breakers."""

    class Scope(models.TextChoices):
        DOMAIN = "domain", "Domain"
        KEY = "key", "API key"
        ALL = "all", "All"

    scope = models.CharField(max_length=6, choices=Scope)
    # The domain, the key's prefix, or nothing.
    subject = models.CharField(max_length=255, blank=True, default="")
    starts_at = models.DateTimeField()
    mails = models.PositiveIntegerField(default=0)
    # How many were delayed after the limit was reached.
    delayed = models.PositiveIntegerField(default=0)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["scope", "subject", "starts_at"], name="asked_hour_one_per_subject"
            ),
        ]
        indexes: ClassVar = [
            # The alarm of the home page, and the purge.
            models.Index(fields=["starts_at"], name="asked_hour_start"),
        ]

    def __str__(self) -> str:
        return f"{self.scope} {self.subject} {self.starts_at:%H:%M}"
