"""How much of a limit the processes have leased in one window of time."""

from typing import ClassVar

from django.db import models


class LeasedWindow(models.Model):
    """One window of one bucket; no more than its limit is leased."""

    bucket = models.CharField(max_length=32)
    starts_at = models.DateTimeField()
    handed_out = models.PositiveIntegerField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["bucket", "starts_at"], name="leased_window_one_per_bucket_and_start"
            ),
        ]
        indexes: ClassVar = [
            # The hourly purge.
            models.Index(fields=["starts_at"], name="leased_window_start"),
        ]

    def __str__(self) -> str:
        return f"{self.bucket} {self.starts_at:%H:%M:%S}"
