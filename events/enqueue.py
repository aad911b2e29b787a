"""Puts tasks into django-q's queue, and says what waits there.

The queue is a doorbell: what a task works on is in rows of ours, so a task that is lost or done
twice harms nothing. A lane is a key of the queue's table; a free process takes the lowest key
first, so a mail that somebody waits for never stands behind a hundred newsletters.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db.models import Count, Q
from django_q.models import OrmQ, Schedule, Task
from django_q.tasks import async_task

from events.models import Enrollment

Lane = Enrollment.Lane
BEAT = "events.tasks.beat"


@dataclass(frozen=True, slots=True)
class TaskCall:
    """A task by its dotted path, with ids and small numbers only; it may run twice."""

    task: str
    arguments: tuple[str | int, ...] = ()


@dataclass(frozen=True, slots=True)
class Depth:
    """How many batches are in the queue: those that wait, by lane, and those being worked on."""

    waiting: dict[Lane, int]
    taken: int

    @property
    def all_waiting(self) -> int:
        """Those of every lane."""
        return sum(self.waiting.values())


class _Packages:
    """Takes what django-q packs and signs, so that many tasks are one statement."""

    def __init__(self) -> None:
        self.packages: list[str] = []
        self.list_key = settings.Q_CLUSTER["name"]

    def enqueue(self, package: str) -> int:
        self.packages.append(package)
        return len(self.packages)


def keys_of(*, worker_id: UUID | None = None) -> list[str]:
    """Return the queue's keys that a host serves; any host serves all but another's beats."""
    beats = [key_of_beats(worker_id)] if worker_id else []
    return [*beats, *_keys_of_lanes(), _key_of_jobs()]


def key_of_beats(worker_id: UUID) -> str:
    """Return the key that one host alone serves; it sorts before every lane."""
    return f"{settings.Q_CLUSTER['name']}:0:{worker_id.hex}"


def put(*, calls: Sequence[tuple[Lane, TaskCall]]) -> None:
    """Enqueue tasks by one statement; in a transaction they appear with its commit."""
    _put([(_key(lane), call) for lane, call in calls])


def put_jobs(*, calls: Sequence[TaskCall], now: datetime) -> bool:
    """Enqueue jobs that nobody is in a hurry for; False when the last ones still wait."""
    key = _key_of_jobs()
    if OrmQ.objects.filter(_is_free(now), key=key).exists():
        return False
    _put([(key, call) for call in calls])
    return True


def put_beat(*, worker_id: UUID) -> None:
    """Enqueue a beat of one host: it shows that tasks pass through the queue. One waits at most."""
    forget_beats(worker_id=worker_id)
    _put([(key_of_beats(worker_id), TaskCall(BEAT, (worker_id.hex,)))])


def depth(*, now: datetime) -> Depth:
    """Count the batches in the queue, by one statement; beats and jobs are none."""
    counted = (
        OrmQ.objects.filter(key__in=_keys_of_lanes())
        .values_list("key")
        .annotate(waiting=Count("pk", filter=_is_free(now)), rows=Count("pk"))
        .order_by()
    )
    waiting_by_key = {key: (waiting, rows - waiting) for key, waiting, rows in counted}
    found = {lane: waiting_by_key.get(_key(lane), (0, 0)) for lane in Lane}
    return Depth(
        waiting={lane: waiting for lane, (waiting, _) in found.items()},
        taken=sum(taken for _, taken in found.values()),
    )


def is_anything_above(*, lane: Lane, now: datetime) -> bool:
    """Tell whether a task of a more urgent lane waits; for who works on a long batch."""
    keys = [_key(each) for each in Lane if each < lane]
    is_found: bool = OrmQ.objects.filter(_is_free(now), key__in=keys).exists()
    return is_found


def forget_beats(*, worker_id: UUID) -> None:
    """Delete the beats of a host that stops, or starts anew."""
    OrmQ.objects.filter(key=key_of_beats(worker_id)).delete()


def clear() -> int:
    """Empty the queue; returns how many tasks went. What they would have done is still in rows."""
    deleted: int = OrmQ.objects.all().delete()[0]
    return deleted


def drop_schedules() -> None:
    """Delete the schedules of earlier versions: the ticker knows what to do by the clock."""
    ours = Q(func__startswith="events.") | Q(func__startswith="subscribers.")
    Schedule.objects.filter(ours).delete()


def purge_results(*, before: datetime) -> int:
    """Delete the queue's records of tasks that ended before the time."""
    deleted: int = Task.objects.filter(stopped__lt=before).delete()[0]
    return deleted


def _is_free(now: datetime) -> Q:
    return Q(lock__isnull=True) | Q(lock__lt=now)


def _key(lane: Lane) -> str:
    return f"{settings.Q_CLUSTER['name']}:{lane + 1}"


def _keys_of_lanes() -> list[str]:
    return [_key(lane) for lane in Lane]


def _key_of_jobs() -> str:
    # Sorts after what somebody waits for, and before marketing, which may be without end.
    return f"{_key(Lane.TRANSACTIONAL)}:jobs"


def _put(calls: Sequence[tuple[str, TaskCall]]) -> None:
    rows = []
    for key, call in calls:
        packages = _Packages()
        async_task(call.task, *call.arguments, broker=packages)
        rows.append(OrmQ(key=key, payload=packages.packages[0], lock=None))
    OrmQ.objects.bulk_create(rows)
