"""What is to be done by the clock, beside the runs: each job is a task that finds its work in rows.

The ticker of the oldest live host rings for them. A job that runs twice, on two hosts even, does
nothing twice.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from events.enqueue import TaskCall


@dataclass(frozen=True, slots=True)
class Job:
    """A task, how often it is due in seconds, and how long after the ticker's start at first."""

    call: TaskCall
    seconds: float
    first_after: float


JOBS = (
    Job(TaskCall("events.tasks.retry_failed_stages"), seconds=10, first_after=1),
    # Twice: often for the newest, now and then for what came late or while no worker ran.
    Job(TaskCall("events.tasks.roll_up", (10,)), seconds=60, first_after=30),
    Job(TaskCall("events.tasks.roll_up", (120,)), seconds=3600, first_after=5),
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
        """Return the jobs that are due at a moment; what was missed meanwhile is due once."""
        return [job for job in self.jobs if self._due_at(job, moment) <= moment]

    def put_off(self, jobs: Iterable[Job], *, moment: float) -> None:
        """Put jobs that were rung for off to their next time."""
        for job in jobs:
            self.due_by_job[job] = moment + job.seconds

    def _due_at(self, job: Job, moment: float) -> float:
        return self.due_by_job.setdefault(job, moment + job.first_after)
