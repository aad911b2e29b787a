"""Worker hosts as they report themselves."""

from typing import ClassVar

from django.db import models
from django.utils.timezone import now

from subscribers.ids import new_id


class Worker(models.Model):
    """One supervisor with its task processes and ticker; reports while it runs."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    host = models.CharField(max_length=255)
    process_id = models.PositiveIntegerField()
    processes = models.PositiveIntegerField(help_text="How many tasks it runs at once.")
    started_at = models.DateTimeField(default=now)
    # The ticker's last round, the last heartbeat through the queue, the last finished task.
    ticked_at = models.DateTimeField(null=True)
    beat_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    tasks_finished = models.PositiveBigIntegerField(default=0)
    restarts = models.PositiveIntegerField(
        default=0, help_text="How often its supervisor restarted its processes."
    )
    stopped_at = models.DateTimeField(null=True)

    class Meta:
        indexes: ClassVar = [
            # Health: who reported lately.
            models.Index(fields=["ticked_at"], name="worker_by_tick")
        ]

    def __str__(self) -> str:
        return f"{self.host} ({self.process_id})"
