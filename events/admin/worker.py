"""Worker hosts as they report themselves; read-only."""

from datetime import UTC, datetime

from django.contrib import admin

from config.admin_base import ReadOnlyAdmin
from events.models import Worker
from events.services.worker_reports import OLDEST_LIVE


@admin.register(Worker)
class WorkerAdmin(ReadOnlyAdmin):
    list_display = (
        "host", "state", "processes", "ticked_at", "beat_at", "tasks_finished", "restarts",
    )  # fmt: skip
    fields = (
        "host", "state", "process_id", "processes", "started_at", "ticked_at", "beat_at",
        "finished_at", "tasks_finished", "restarts", "stopped_at",
    )  # fmt: skip
    readonly_fields = ("state",)

    @admin.display(description="state")
    def state(self, worker: Worker) -> str:
        oldest = datetime.now(tz=UTC) - OLDEST_LIVE
        if worker.stopped_at:
            return "stopped"
        if worker.ticked_at is None or worker.ticked_at < oldest:
            return "silent"
        if worker.beat_at is None or worker.beat_at < oldest:
            return "ticks, but finishes no task"
        return "works"
