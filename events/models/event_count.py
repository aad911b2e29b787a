"""Roll-ups: how many events of a name, by hour of receipt and by day of occurrence."""

from typing import ClassVar

from django.db import models

from events.models.definition import EventDefinition
from subscribers.ids import new_id
from subscribers.models import Workspace


class EventCount(models.Model):
    """One bucket, recomputed as a whole; pages read these and never count events."""

    class Unit(models.TextChoices):
        HOUR_OF_RECEIPT = "hour", "Hour of receipt"
        DAY_OF_OCCURRENCE = "day", "Day of occurrence"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workspace = models.ForeignKey(Workspace, models.CASCADE, db_index=False, related_name="+")
    definition = models.ForeignKey(
        EventDefinition, models.CASCADE, db_index=False, related_name="counts"
    )
    unit = models.CharField(max_length=4, choices=Unit)
    # In UTC.
    starts_at = models.DateTimeField()
    count = models.PositiveBigIntegerField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["definition", "unit", "starts_at"], name="event_count_one_per_bucket"
            )
        ]
        indexes: ClassVar = [
            # Retention: old buckets.
            models.Index(fields=["unit", "starts_at"], name="event_count_by_age")
        ]

    def __str__(self) -> str:
        return f"{self.count} from {self.starts_at:%Y-%m-%d %H:%M}"
