"""Worker hosts as they report themselves; read-only."""

from datetime import UTC, datetime

from django.contrib import admin

from config.admin_base import ReadOnlyAdmin
from events.models import Worker
from events.services.worker_reports import is_recent


@admin.register(Worker)
class WorkerAdmin(ReadOnlyAdmin):
    when_empty = "No worker has run yet: no mail is sent. Start one with manage.py worker."
    list_display = (
        "host", "state", "processes", "ticked_at", "beat_at", "tasks_finished", "restarts",
    )  # fmt: skip
    fieldsets = (
        (None, {"fields": ("host", "state", "processes", "started_at", "stopped_at")}),
        ("For developers", {
            "fields": (
                "process_id", "ticked_at", "beat_at", "finished_at", "tasks_finished", "restarts",
            ),
            "classes": ("collapse",),
        }),
    )  # fmt: skip
    readonly_fields = ("state",)

    @admin.display(description="state")
    def state(self, worker: Worker) -> str:
        now = datetime.now(tz=UTC)
        if worker.stopped_at:
            return "stopped"
        if not is_recent(worker.ticked_at, now=now):
            return "silent"
        if not is_recent(worker.beat_at, now=now):
            return "ticks, but finishes no task"
        return "works"
