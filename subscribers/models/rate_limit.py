"""How many requests of a key's minute have been handed out to processes."""

from typing import ClassVar

from django.db import models

from subscribers.models.api_key import ApiKey


class RateWindow(models.Model):
    """One minute of one key: never more than RATE_LIMIT handed out."""

    api_key = models.ForeignKey(
        ApiKey, on_delete=models.CASCADE, db_index=False, related_name="rate_windows"
    )
    window_start = models.DateTimeField()
    handed_out = models.PositiveIntegerField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["api_key", "window_start"], name="rate_window_one_per_key_and_minute"
            ),
        ]
        indexes: ClassVar = [
            # The hourly purge.
            models.Index(fields=["window_start"], name="rate_window_start"),
        ]

    def __str__(self) -> str:
        return f"{self.api_key_id} {self.window_start:%H:%M}"
