"""Background work on events; each task may run twice and finds its work in rows."""

from datetime import UTC, datetime

from django.conf import settings

from events import enqueue
from events.services import failed_stages


def retry_failed_stages() -> int:
    """Retry the stages that are due; returns how many succeeded."""
    return failed_stages.retry_due(now=datetime.now(tz=UTC))


def purge_results() -> int:
    """Delete the queue's records of old tasks; returns how many rows went."""
    return enqueue.purge_results(before=datetime.now(tz=UTC) - settings.TASK_RETENTION)
