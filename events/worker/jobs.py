"""Work that is due by the clock, not by a row: each job is a task that finds its work in rows.

The ticker of the oldest live host queues them. A job may run twice, even on two hosts, without
doing anything twice.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from events.enqueue import TaskCall


@dataclass(frozen=True, slots=True)
class Job:
    """A task, its interval in seconds, and its first time in seconds after the ticker's start."""

    call: TaskCall
    seconds: float
    first_after: float


JOBS = (
    Job(TaskCall("events.tasks.retry_failed_stages"), seconds=10, first_after=1),
    # Twice: often for the last minutes, hourly for late events and times without a worker.
    Job(TaskCall("events.tasks.roll_up", (10,)), seconds=60, first_after=30),
    Job(TaskCall("events.tasks.roll_up", (120,)), seconds=3600, first_after=5),
    Job(TaskCall("events.tasks.count_endings"), seconds=30, first_after=10),
    Job(TaskCall("events.tasks.enroll_segments"), seconds=10, first_after=3),
    Job(TaskCall("events.tasks.warn_of_losses"), seconds=15, first_after=8),
    Job(TaskCall("events.tasks.carry_on_backtests"), seconds=5, first_after=3),
    Job(TaskCall("subscribers.tasks.carry_on_imports"), seconds=5, first_after=4),
    Job(TaskCall("events.tasks.count_steps"), seconds=60, first_after=15),
    Job(TaskCall("events.tasks.count_current"), seconds=30, first_after=25),
    Job(TaskCall("events.tasks.skip_left_mails"), seconds=300, first_after=45),
    Job(TaskCall("events.tasks.purge_results"), seconds=3600, first_after=60),
    Job(TaskCall("events.tasks.purge_expired"), seconds=3600, first_after=90),
    Job(TaskCall("subscribers.tasks.purge_expired"), seconds=3600, first_after=120),
    Job(TaskCall("subscribers.tasks.remind_unconfirmed"), seconds=60, first_after=20),
    Job(TaskCall("subscribers.tasks.give_up_unconfirmed"), seconds=300, first_after=75),
)


@dataclass(slots=True)
class Timetable:
    """When each job is due next, by a monotonic clock."""

    jobs: tuple[Job, ...] = JOBS
    due_by_job: dict[Job, float] = field(default_factory=dict)

    def due(self, *, moment: float) -> list[Job]:
        """Return the jobs that are due at a moment; missed times count once."""
        return [job for job in self.jobs if self._due_at(job, moment) <= moment]

    def reschedule(self, jobs: Iterable[Job], *, moment: float) -> None:
        for job in jobs:
            self.due_by_job[job] = moment + job.seconds

    def _due_at(self, job: Job, moment: float) -> float:
        return self.due_by_job.setdefault(job, moment + job.first_after)
