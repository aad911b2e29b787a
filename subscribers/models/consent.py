"""Consent: the question whether somebody wants mail, its answers, and the limits of asking."""

from typing import ClassVar

from django.db import models
from django.utils.timezone import now

from subscribers.ids import new_id
from subscribers.models.api_key import ApiKey
from subscribers.models.subscriber import Subscriber
from subscribers.models.workspace import Workspace


class Confirmation(models.Model):
    """The open question to one person; the links in its mails hold until it is answered."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workspace = models.ForeignKey(
        Workspace, on_delete=models.CASCADE, db_index=False, related_name="+"
    )
    subscriber = models.ForeignKey(
        Subscriber, on_delete=models.CASCADE, db_index=False, related_name="confirmations"
    )
    # The key whose request asked last, for the breaker that counts by key.
    asked_by = models.ForeignKey(ApiKey, on_delete=models.SET_NULL, null=True, related_name="+")
    mails = models.PositiveSmallIntegerField(default=0)
    asked_at = models.DateTimeField(default=now)
    reminded_at = models.DateTimeField(null=True)
    confirmed_at = models.DateTimeField(null=True)
    # Answered, or given up: its links show the kind page.
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
            # Who is reminded, and who is given up.
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
    """One line of the ledger: append-only; what remains of an erased person is the hash."""

    class Kind(models.TextChoices):
        ASKED = "asked", "Confirmation sent"
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
    workspace = models.ForeignKey(
        Workspace, on_delete=models.CASCADE, db_index=False, related_name="+"
    )
    subscriber = models.ForeignKey(
        Subscriber, on_delete=models.SET_NULL, db_index=False, null=True, related_name="consent"
    )
    # Keyed by the workspace; the same for every form of the address.
    address_hash = models.CharField(max_length=64)
    kind = models.CharField(max_length=12, choices=Kind)
    # By what: a gesture, the button, one click, a bounce, an event, a hand.
    method = models.CharField(max_length=40, blank=True, default="")
    at = models.DateTimeField(default=now)
    ip = models.GenericIPAddressField(null=True, blank=True)
    user_agent = models.CharField(max_length=500, blank=True, default="")
    # No keys: events, keys and lists may go, the ledger stays.
    event_id = models.UUIDField(null=True)
    api_key = models.CharField(max_length=20, blank=True, default="")
    request_id = models.CharField(max_length=64, blank=True, default="")
    list_name = models.CharField(max_length=200, blank=True, default="")
    # SHA-256 of the mail or page that was answered.
    text_hash = models.CharField(max_length=64, blank=True, default="")
    # What a person or an operator gave as the reason, or a server said.
    reason = models.CharField(max_length=500, blank=True, default="")
    actor = models.CharField(max_length=150, blank=True, default="")

    class Meta:
        verbose_name = "consent record"
        verbose_name_plural = "consent ledger"
        indexes: ClassVar = [
            # A person's lines, newest first.
            models.Index(fields=["subscriber", "-id"], name="consent_by_subscriber"),
            # What is left of an address that was erased.
            models.Index(fields=["workspace", "address_hash"], name="consent_by_address"),
            # The admin's list of one kind, newest first.
            models.Index(fields=["kind", "-id"], name="consent_by_kind"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.at:%Y-%m-%d %H:%M}"


class Suppression(models.Model):
    """An address that gets no mail at all, whoever bears it; outlives the person as a hash."""

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
    # Empty once the person was erased.
    email = models.CharField(max_length=254, blank=True, default="")
    reason = models.CharField(max_length=11, choices=Reason)
    # Who said so: smtp, webhook, admin, api, import.
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
    """How often a mailbox was asked, plus signs and dots folded; outlives the person."""

    workspace = models.ForeignKey(
        Workspace, on_delete=models.CASCADE, db_index=False, related_name="+"
    )
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
    """How many confirmations left in an hour: for a domain, for a key, in all; breakers read it."""

    class Scope(models.TextChoices):
        DOMAIN = "domain", "Domain"
        KEY = "key", "API key"
        ALL = "all", "All"

    scope = models.CharField(max_length=6, choices=Scope)
    # The domain, the key's prefix, or nothing.
    subject = models.CharField(max_length=255, blank=True, default="")
    starts_at = models.DateTimeField()
    mails = models.PositiveIntegerField(default=0)
    # How many were put off since the limit was reached.
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
