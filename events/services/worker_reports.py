"""Reports of worker hosts, and what they say about the workers' health.

One row for each host. Its ticker reports each tick, a heartbeat task shows that tasks pass through
the queue, and the pool reports what it finished. A host is live when its last tick and heartbeat
are recent.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import F, Q, QuerySet

from events.models import Worker

# A tick counts so long, and so far ahead: a clock that was set back must not make the dead live.
OLDEST_LIVE = timedelta(seconds=30)
# Seconds of a unit, from how many seconds on an age is said in it, and its name.
LONG_AGES = ((86400, 172800, "days"), (3600, 7200, "hours"), (60, 600, "minutes"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    id: UUID
    name: str
    process_id: int
    # How many tasks it carries out at once.
    processes: int
    restarts: int


@dataclass(frozen=True, slots=True)
class LiveHost:
    id: UUID
    processes: int
    beat_at: datetime | None


@dataclass(frozen=True, slots=True)
class Health:
    """How many hosts work, the latest ages in seconds, and why none does."""

    live: int
    tick_age: float | None
    beat_age: float | None
    problem: str


def report(*, host: Host, now: datetime) -> None:
    """Record a tick of the host; adds the row when there is none. Idempotent."""
    known = Worker.objects.filter(pk=host.id)
    if known.update(ticked_at=now, stopped_at=None):
        return
    Worker.objects.create(
        pk=host.id,
        host=host.name[:255],
        process_id=host.process_id,
        processes=host.processes,
        restarts=host.restarts,
        started_at=now,
        ticked_at=now,
    )


def beat(*, worker_id: UUID, now: datetime) -> None:
    """Record that a heartbeat of this host passed through the queue. Idempotent."""
    Worker.objects.filter(pk=worker_id).update(beat_at=now)


def restarted(*, worker_id: UUID, restarts: int) -> None:
    """Record how often the host's supervisor has restarted a part. Idempotent."""
    Worker.objects.filter(pk=worker_id, restarts__lt=restarts).update(restarts=restarts)


def finished(*, worker_id: UUID, tasks: int, now: datetime) -> None:
    total = F("tasks_finished") + tasks
    Worker.objects.filter(pk=worker_id).update(finished_at=now, tasks_finished=total)


def stopped(*, worker_id: UUID, now: datetime) -> None:
    Worker.objects.filter(pk=worker_id, stopped_at=None).update(stopped_at=now)


def live_hosts(*, now: datetime) -> Sequence[LiveHost]:
    """Return the hosts whose ticker reported recently, by id: the oldest is the first."""
    rows = ticking(now=now).order_by("pk").values_list("pk", "processes", "beat_at")
    return [LiveHost(*row) for row in rows]


def ticking(*, now: datetime) -> QuerySet[Worker]:
    recent = (now - OLDEST_LIVE, now + OLDEST_LIVE)
    return Worker.objects.filter(ticked_at__range=recent, stopped_at__isnull=True)


def is_recent(moment: datetime | None, *, now: datetime) -> bool:
    """Tell whether a tick or heartbeat is at most 30 s old, and at most 30 s ahead."""
    return moment is not None and abs(now - moment) <= OLDEST_LIVE


def health(*, now: datetime) -> Health:
    """Return whether any host works; one query for the hosts that have not stopped."""
    latest_first = F("ticked_at").desc(nulls_last=True)
    running = Worker.objects.filter(stopped_at__isnull=True).order_by(latest_first)
    hosts = list(running.values_list("ticked_at", "beat_at")[:100])
    latest = now + OLDEST_LIVE
    ahead = [tick for tick, _ in hosts if tick and tick > latest]
    ticks = [tick for tick, _ in hosts if tick and tick <= latest]
    beats = [beat for tick, beat in hosts if beat and beat <= latest and is_recent(tick, now=now)]
    live = sum(is_recent(tick, now=now) and is_recent(beat, now=now) for tick, beat in hosts)
    tick_age = _age(max(ticks), now) if ticks else None
    beat_age = _age(max(beats), now) if beats else None
    if live:
        problem = ""
    elif tick_age is None and ahead:
        problem = f"A worker's last report is {_age(now, max(ahead)):.0f} s ahead of this clock."
    elif tick_age is None:
        problem = "No worker runs."
    elif tick_age > OLDEST_LIVE.total_seconds():
        problem = f"No worker has reported for {_in_words(tick_age)}."
    elif beat_age is None:
        problem = "A worker reports, but no task has come through the queue yet."
    else:
        age = _in_words(beat_age)
        problem = f"A worker reports, but no task has come through the queue for {age}."
    return Health(live=live, tick_age=tick_age, beat_age=beat_age, problem=problem)


def forget_silent(*, before: datetime) -> int:
    """Delete the rows of hosts that last reported before the time."""
    silent = Q(ticked_at__lt=before) | Q(ticked_at__isnull=True, started_at__lt=before)
    deleted, _ = Worker.objects.filter(silent).delete()
    return deleted


def _age(moment: datetime, now: datetime) -> float:
    return max(0.0, (now - moment).total_seconds())


def _in_words(age: float) -> str:
    for seconds, least, unit in LONG_AGES:
        if age >= least:
            return f"{age / seconds:.0f} {unit}"
    return f"{age:.0f} s"
