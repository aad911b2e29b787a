"""Lists that people join and leave."""

from typing import ClassVar

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.timezone import now

from subscribers.ids import new_id
from subscribers.models.subscriber import Subscriber
from subscribers.models.workspace import Workspace
from subscribers.validators import validate_name
from subscribers.wire.names import plain


class List(models.Model):
    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workspace = models.ForeignKey(Workspace, models.CASCADE, db_index=False, related_name="lists")
    name = models.CharField(max_length=200)
    description = models.TextField(
        blank=True, default="", help_text="What members receive. Members see it."
    )
    is_default = models.BooleanField(
        default=False, help_text="New subscribers join it: at once, or when they confirm."
    )
    is_private = models.BooleanField(default=False, help_text="Not shown to members.")
    allow_member_unsubscribe = models.BooleanField(
        default=True, help_text="Members can leave this list alone."
    )
    created_at = models.DateTimeField(default=now, editable=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["workspace", "name"], name="list_one_per_name_in_workspace"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Refuse a name that looks like another one, or make it plain."""
        try:
            validate_name(self.name)
        except ValidationError as error:
            raise ValidationError({"name": error}) from error
        self.name = plain(self.name)


class ListMembership(models.Model):
    """A subscriber's membership; kept when they leave the list."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workspace = models.ForeignKey(Workspace, models.CASCADE, db_index=False, related_name="+")
    list = models.ForeignKey(List, models.CASCADE, db_index=False, related_name="memberships")
    subscriber = models.ForeignKey(
        Subscriber, on_delete=models.CASCADE, db_index=False, related_name="memberships"
    )
    subscribed_at = models.DateTimeField(default=now)
    unsubscribed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["subscriber", "list"], name="list_membership_one_per_pair"
            ),
        ]
        indexes: ClassVar = [
            # "Who is on this list", newest first, and the cascade of a list's deletion.
            models.Index(fields=["list", "-id"], name="list_membership_by_list"),
        ]

    def __str__(self) -> str:
        return f"{self.subscriber_id} on {self.list_id}"
