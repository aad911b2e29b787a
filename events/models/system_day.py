"""The size of the database by day, and what retention deleted."""

from django.db import models


class SystemDay(models.Model):
    """One day of UTC; the worker overwrites its size each hour."""

    day = models.DateField(primary_key=True, editable=False)
    database_bytes = models.PositiveBigIntegerField(default=0)
    # Old counts, reports of workers and backtests.
    deleted_rows = models.PositiveBigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.day:%Y-%m-%d}"
