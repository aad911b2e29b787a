"""Tags, and who has them."""

from typing import ClassVar

from django.db import models
from django.utils.timezone import now

from subscribers.ids import new_id
from subscribers.models.subscriber import Subscriber
from subscribers.models.workspace import Workspace


class Tag(models.Model):
    """A name as `wire.tag_names` forms it; created when a rule, step or request names it."""

    class Color(models.TextChoices):
        """The colours that typed clients know."""

        GRAY, RED, ORANGE, AMBER = "gray", "red", "orange", "amber"
        YELLOW, LIME, GREEN, EMERALD, TEAL = "yellow", "lime", "green", "emerald", "teal"
        CYAN, SKY, BLUE, INDIGO, VIOLET = "cyan", "sky", "blue", "indigo", "violet"
        PURPLE, FUCHSIA, PINK, ROSE = "purple", "fuchsia", "pink", "rose"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workspace = models.ForeignKey(Workspace, models.CASCADE, db_index=False, related_name="tags")
    name = models.CharField(max_length=100)
    color = models.CharField(max_length=10, choices=Color, default=Color.GRAY)
    is_system = models.BooleanField(default=False, editable=False)
    created_at = models.DateTimeField(default=now, editable=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["workspace", "name"], name="tag_one_per_name_in_workspace"
            ),
        ]
        indexes: ClassVar = [
            # The admin's search by the beginning of a name, over all workspaces.
            models.Index(fields=["name"], name="tag_prefix", opclasses=["text_pattern_ops"]),
        ]

    def __str__(self) -> str:
        return self.name


class SubscriberTag(models.Model):
    """A tag that a subscriber has now."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workspace = models.ForeignKey(Workspace, models.CASCADE, db_index=False, related_name="+")
    subscriber = models.ForeignKey(
        Subscriber, on_delete=models.CASCADE, db_index=False, related_name="tag_links"
    )
    tag = models.ForeignKey(Tag, models.CASCADE, db_index=False, related_name="subscriber_links")
    created_at = models.DateTimeField(default=now, editable=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["subscriber", "tag"], name="subscriber_tag_one_per_pair"
            ),
        ]
        indexes: ClassVar = [
            # "Who has this tag", newest first, and the cascade of a tag's deletion.
            models.Index(fields=["tag", "-id"], name="subscriber_tag_by_tag"),
        ]

    def __str__(self) -> str:
        return f"{self.subscriber_id} has {self.tag_id}"
