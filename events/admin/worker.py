"""Worker hosts as they report themselves; read-only."""

from datetime import UTC, datetime

from django.contrib import admin
from django.utils.timesince import timesince
from unfold.decorators import display

from config.admin_base import ReadOnlyAdmin
from events.models import Worker
from events.services.worker_reports import is_recent

MINUTE = 60
COLOURS = {"works": "success", "idle": "warning", "silent": "danger", "stopped": ""}


@admin.register(Worker)
class WorkerAdmin(ReadOnlyAdmin):
    when_empty = "No worker has run yet: no mail is sent. Start one with manage.py worker."
    list_display = (
        "host", "state", "processes", "started_at", "tasks_finished", "restarts",
    )  # fmt: skip
    fieldsets = (
        (None, {"fields": ("host", "state_in_words", "processes", "started_at", "stopped_at")}),
        ("For developers", {
            "fields": (
                "process_id", "ticked_at", "beat_at", "finished_at", "tasks_finished", "restarts",
            ),
            "classes": ("collapse",),
        }),
    )  # fmt: skip
    readonly_fields = ("state_in_words",)

    @display(description="state", label=COLOURS)  # type: ignore[untyped-decorator]
    def state(self, worker: Worker) -> tuple[str, str]:
        return state_of(worker, now=datetime.now(tz=UTC))

    @admin.display(description="state")
    def state_in_words(self, worker: Worker) -> str:
        return state_of(worker, now=datetime.now(tz=UTC))[1]


def state_of(worker: Worker, *, now: datetime) -> tuple[str, str]:
    """Return the kind of a host's state, and its words: since when it is silent or stopped."""
    if worker.stopped_at:
        return "stopped", f"stopped {_ago(worker.stopped_at, now)}"
    if not is_recent(worker.ticked_at, now=now):
        since = worker.ticked_at or worker.started_at
        return "silent", f"silent; it last reported {_ago(since, now)}"
    if not is_recent(worker.beat_at, now=now):
        return "idle", "ticks, but finishes no task"
    return "works", "works"


def _ago(at: datetime, now: datetime) -> str:
    seconds = (now - at).total_seconds()
    return f"{seconds:.0f} s ago" if seconds < MINUTE else f"{timesince(at, now, depth=1)} ago"
