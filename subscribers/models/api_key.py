"""Keys that applications call the API with: stored as prefix + SHA-256, shown once."""

from datetime import datetime
from typing import ClassVar

from django.db import models
from django.utils.timezone import now

from subscribers.ids import new_id
from subscribers.models.workspace import Workspace


class Scope(models.TextChoices):
    """What a key may do. Older keys may have other words, which no call asks for."""

    EVENTS_WRITE = "events:write", "Record events"
    SUBSCRIBERS_READ = "subscribers:read", "Read subscribers, their events and their history"
    SUBSCRIBERS_WRITE = "subscribers:write", "Create, change and delete subscribers"
    SUBSCRIBERS_TAG = "subscribers:tag", "Give tags to subscribers and take them away"
    TAGS_WRITE = "tags:write", "Create, change and delete tags, and set the sync rules"
    LISTS_READ = "lists:read", "Read lists"
    LISTS_WRITE = "lists:write", "Create, change and delete lists, and change their members"
    SEQUENCES_READ = "sequences:read", "Read sequences and enrollments"
    SEQUENCES_WRITE = "sequences:write", "Duplicate and archive sequences, and change enrollments"
    SEQUENCES_ACTIVATE = "sequences:activate", "Enable and disable sequences, and close their entry"
    AUTOMATIONS_TRIGGER = "automations:trigger", "Enroll people in sequences"
    API_KEYS_MANAGE = "api_keys:manage", "Create, change and revoke API keys"
    ACCOUNT_READ = "account:read", "Read the account"


class ApiKey(models.Model):
    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="api_keys")
    name = models.CharField(max_length=200, help_text="Which application uses it.")
    prefix = models.CharField(
        max_length=20,
        editable=False,
        help_text="The first characters of the key, to tell keys apart.",
    )
    key_hash = models.CharField(max_length=64, editable=False)
    # NULL is full access; no key has an empty list.
    scopes = models.JSONField(null=True, blank=True)
    is_test = models.BooleanField(
        default=False,
        help_text="Enrollments it starts send no mail and call no webhook. Cannot be changed.",
    )
    created_at = models.DateTimeField(default=now, editable=False)
    expires_at = models.DateTimeField(
        null=True, blank=True, help_text="The key stops working then. Empty: never."
    )
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        verbose_name = "API key"
        constraints: ClassVar = [
            # Authentication finds the key by it.
            models.UniqueConstraint(fields=["prefix"], name="api_key_one_per_prefix"),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"

    def is_usable(self, *, at: datetime) -> bool:
        return self.revoked_at is None and (self.expires_at is None or at < self.expires_at)

    def allows(self, scope: Scope) -> bool:
        return self.scopes is None or scope.value in self.scopes
