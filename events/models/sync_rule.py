"""Rules that change tags on events."""

from typing import ClassVar

from django.db import models
from django.utils.timezone import now

from subscribers.ids import new_id
from subscribers.models import Tag, Workspace


class SyncRule(models.Model):
    """When an event of this name arrives and the conditions hold: remove tags, then add tags."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workspace = models.ForeignKey(
        Workspace, models.CASCADE, db_index=False, related_name="sync_rules"
    )
    position = models.PositiveIntegerField(
        default=0, help_text="Rules for the same event run in this order."
    )
    trigger_event = models.CharField(
        max_length=200, help_text="The event's exact name; it need not have been seen yet."
    )
    purchased_product = models.JSONField(
        null=True,
        blank=True,
        help_text="Runs only when a product in the event's properties matches; keys: tags, "
        "collectionIds, productTypes, vendors, each a list of texts.",
    )
    tags = models.ManyToManyField(Tag, through="SyncRuleTag", related_name="+")
    created_at = models.DateTimeField(default=now, editable=False)

    class Meta:
        indexes: ClassVar = [
            # Ingestion: a workspace's rules for the names of a request, in order.
            models.Index(
                fields=["workspace", "trigger_event", "position"], name="sync_rule_by_trigger"
            )
        ]

    def __str__(self) -> str:
        return f"On {self.trigger_event}"


class SyncRuleTag(models.Model):
    class Role(models.TextChoices):
        ADD = "add", "Add"
        REMOVE = "remove", "Remove"
        REQUIRES = "requires", "Only with"
        REQUIRES_NOT = "requires_not", "Only without"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workspace = models.ForeignKey(Workspace, models.CASCADE, db_index=False, related_name="+")
    rule = models.ForeignKey(SyncRule, models.CASCADE, db_index=False, related_name="tag_roles")
    # A tag that a rule names cannot be deleted: the rule would silently do something else.
    tag = models.ForeignKey(Tag, models.PROTECT, related_name="rule_roles")
    role = models.CharField(max_length=12, choices=Role)
    position = models.PositiveIntegerField(default=0)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["rule", "role", "tag"], name="sync_rule_tag_one_per_role"
            )
        ]

    def __str__(self) -> str:
        return f"{self.role} {self.tag_id}"
