"""The only module that knows django-q: which tasks run by the clock.

The queue is a doorbell: a task that it loses is found again by the next one in its rows.
"""

from datetime import datetime

from django_q.models import Schedule, Task

TASKS_BY_MINUTES = {
    "events.tasks.retry_failed_stages": 1,
    "events.tasks.purge_results": 60,
    "subscribers.tasks.purge_expired": 60,
}


def ensure_schedules(*, now: datetime) -> None:
    """Make the schedules be as listed; idempotent, called before the worker starts."""
    for task, minutes in TASKS_BY_MINUTES.items():
        schedule, _ = Schedule.objects.get_or_create(
            name=task, defaults={"func": task, "next_run": now}
        )
        Schedule.objects.filter(pk=schedule.pk).update(
            func=task, schedule_type=Schedule.MINUTES, minutes=minutes, repeats=-1
        )


def purge_results(*, before: datetime) -> int:
    """Delete the queue's records of tasks that ended before the time."""
    deleted: int = Task.objects.filter(stopped__lt=before).delete()[0]
    return deleted
