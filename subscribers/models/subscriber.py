"""A subscriber: a person the workspace may write to, or once could."""

import secrets
import uuid
from datetime import datetime
from typing import ClassVar

from django.db import models
from django.utils.timezone import now

from subscribers.ids import encode, new_id
from subscribers.models.workspace import Workspace


def new_unsubscribe_token() -> str:
    """Return 128 random bits as hex; the token outlives every key rotation."""
    return secrets.token_hex(16)


def _has_words(field: str) -> models.Q:
    """Return the condition without parameters: SQLite does not see an index's condition in them."""
    without_spaces = models.Func(models.F(field), template="REPLACE(%(expressions)s, ' ', '')")
    return ~models.Q(**{field: without_spaces})


# A first or last name of several words.
HAS_WORDS = _has_words("first_name") | _has_words("last_name")


class SubscriberQuerySet(models.QuerySet["Subscriber"]):
    def in_workspace(self, workspace: Workspace) -> "SubscriberQuerySet":
        return self.filter(workspace=workspace)

    def identified_by(
        self, *, email_key: str | None, external_id: str | None
    ) -> "SubscriberQuerySet":
        """Keep those with the address or the external id: at most two rows in a workspace."""
        match = models.Q(pk__in=[])
        if email_key is not None:
            match |= models.Q(email_key=email_key)
        if external_id is not None:
            match |= models.Q(external_id=external_id)
        return self.filter(match)

    def locked(self) -> "SubscriberQuerySet":
        """Lock the rows in the order of ids; rows that refer to them can still be inserted."""
        return self.order_by("id").select_for_update(no_key=True)

    def locked_one(self, subscriber_id: uuid.UUID) -> "Subscriber | None":
        """Lock one row and return it as it is under the lock; None when it is deleted."""
        return self.filter(pk=subscriber_id).locked().first()


class Subscriber(models.Model):
    class Status(models.TextChoices):
        PENDING = "pending", "Pending"
        ACTIVE = "active", "Active"
        UNSUBSCRIBED = "unsubscribed", "Unsubscribed"
        BOUNCED = "bounced", "Bounced"
        COMPLAINED = "complained", "Complained"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    # The constraints below lead with the workspace; an index of its own would repeat them.
    workspace = models.ForeignKey(
        Workspace, on_delete=models.CASCADE, db_index=False, related_name="subscribers"
    )
    email = models.CharField(max_length=254)
    email_key = models.CharField(max_length=254, editable=False)
    external_id = models.CharField(max_length=255, null=True, blank=True)  # noqa: DJ001 - NULL is free, '' would be taken
    first_name = models.CharField(max_length=255, blank=True, default="")
    last_name = models.CharField(max_length=255, blank=True, default="")
    status = models.CharField(max_length=12, choices=Status, default=Status.ACTIVE)
    attributes = models.JSONField(default=dict, blank=True)
    timezone = models.CharField(max_length=64, blank=True, default="")
    unsubscribe_token = models.CharField(
        max_length=32, default=new_unsubscribe_token, editable=False
    )
    # Rises with every change of the tags, so that a planned statement notices outdated tags.
    tags_version = models.PositiveIntegerField(default=0, db_default=0, editable=False)
    created_at = models.DateTimeField(default=now)
    updated_at = models.DateTimeField(default=now)
    unsubscribed_at = models.DateTimeField(null=True, blank=True)

    objects = SubscriberQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["workspace", "email_key"], name="subscriber_one_per_address_in_workspace"
            ),
            models.UniqueConstraint(
                fields=["workspace", "external_id"],
                name="subscriber_one_per_external_id_in_workspace",
            ),
        ]
        indexes: ClassVar = [
            # The admin's search by the beginning of an address or external id, over all workspaces.
            models.Index(
                fields=["email_key"], name="subscriber_email_prefix", opclasses=["text_pattern_ops"]
            ),
            models.Index(
                fields=["external_id"],
                name="subscriber_external_prefix",
                opclasses=["text_pattern_ops"],
            ),
            # The admin's search by the beginning of a first or last name.
            models.Index(
                fields=["first_name"],
                name="subscriber_first_name_prefix",
                opclasses=["text_pattern_ops"],
                condition=~models.Q(first_name=""),
            ),
            models.Index(
                fields=["last_name"],
                name="subscriber_last_name_prefix",
                opclasses=["text_pattern_ops"],
                condition=~models.Q(last_name=""),
            ),
            # The admin's search by a later word of a name: read whole, it has only such names.
            models.Index(
                fields=["first_name", "last_name", "id"],
                name="subscriber_names_of_words",
                condition=HAS_WORDS,
            ),
            # Lists of subscribers, newest first: of one workspace, and of one status.
            models.Index(fields=["workspace", "-id"], name="subscriber_newest"),
            models.Index(fields=["status", "-id"], name="subscriber_by_status"),
        ]

    def __str__(self) -> str:
        return self.email

    def move_creation_back(self, *, to: datetime) -> None:
        """Set an earlier creation time, known from history; ignore a later one."""
        if to < self.created_at:
            self.created_at = to
            self.save(update_fields=["created_at"])

    @property
    def public_id(self) -> str:
        return encode("sub", self.id)
