"""The kinds of event that a workspace has seen."""

from typing import ClassVar

from django.db import models
from django.utils.timezone import now

from subscribers.ids import new_id
from subscribers.models import Workspace


class EventDefinition(models.Model):
    """A name of events; the first event makes it; it is hidden, never deleted.

    No counters: a row that every request updates would halve the throughput.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workspace = models.ForeignKey(
        Workspace, models.CASCADE, db_index=False, related_name="event_definitions"
    )
    name = models.CharField(max_length=200)
    is_hidden = models.BooleanField(
        default=False, help_text="Not offered in forms. Its events are still recorded."
    )
    created_at = models.DateTimeField(default=now, editable=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["workspace", "name"], name="event_definition_one_per_name_in_workspace"
            )
        ]
        indexes: ClassVar = [
            # The admin's search by the beginning of a name, in all workspaces.
            models.Index(
                fields=["name"], name="event_definition_prefix", opclasses=["text_pattern_ops"]
            )
        ]

    def __str__(self) -> str:
        return self.name
