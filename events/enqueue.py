"""Puts tasks into django-q's queue, and counts what waits there.

The queue only says that there is work: what a task works on is in our own rows, so a task that is
lost or runs twice does no harm. A lane is a key of the queue's table; a free process takes the
lowest key first, so an urgent mail never waits behind a hundred newsletters.
See .github/decisions/rows-are-the-truth.md.
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
PROBE = "events.tasks.beat"
MOST_COUNTED = 1001


@dataclass(frozen=True, slots=True)
class TaskCall:
    """A task by its dotted path, with ids and small numbers only; it may run twice."""

    task: str
    arguments: tuple[str | int, ...] = ()


@dataclass(frozen=True, slots=True)
class Depth:
    """How many batches are in the queue: the waiting ones by lane, and those being worked on."""

    waiting: dict[Lane, int]
    taken: int

    @property
    def all_waiting(self) -> int:
        return sum(self.waiting.values())


class _Package:
    """Takes what django-q packs and signs, so that many tasks are one statement."""

    def __init__(self) -> None:
        self.text = ""
        self.list_key = settings.Q_CLUSTER["name"]

    def enqueue(self, package: str) -> int:
        self.text = package
        return 1


def keys_of(*, worker_id: UUID | None = None) -> list[str]:
    """Return the queue's keys that a host serves: all but the probes of other hosts."""
    probes = [key_of_probes(worker_id)] if worker_id else []
    return [*probes, *_keys_of_lanes(), _key_of_jobs()]


def key_of_probes(worker_id: UUID) -> str:
    """Return the key that one host alone serves; it sorts before every lane."""
    return f"{settings.Q_CLUSTER['name']}:0:{worker_id.hex}"


def put(*, calls: Sequence[tuple[Lane, TaskCall]]) -> None:
    """Enqueue tasks in one statement; within a transaction they appear with its commit."""
    _put([(_key(lane), call) for lane, call in calls])


def put_jobs(*, calls: Sequence[TaskCall], now: datetime) -> bool:
    """Enqueue jobs, which are not urgent; False if the last ones still wait."""
    key = _key_of_jobs()
    if OrmQ.objects.filter(_is_free(now), key=key).exists():
        return False
    _put([(key, call) for call in calls])
    return True


def put_probe(*, worker_id: UUID) -> None:
    """Enqueue a probe of one host, which shows that tasks pass through the queue; one at most."""
    forget_probes(worker_id=worker_id)
    _put([(key_of_probes(worker_id), TaskCall(PROBE, (worker_id.hex,)))])


def depth(*, now: datetime) -> Depth:
    """Count the batches in the queue by one statement; probes and jobs do not count."""
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
    """Tell whether a task of a more urgent lane waits; for the worker of a long batch."""
    keys = [_key(each) for each in Lane if each < lane]
    is_found: bool = OrmQ.objects.filter(_is_free(now), key__in=keys).exists()
    return is_found


def forget_probes(*, worker_id: UUID) -> None:
    OrmQ.objects.filter(key=key_of_probes(worker_id)).delete()


def clear() -> int:
    """Empty the queue; returns how many tasks it had. Their work is still in our rows."""
    deleted: int = OrmQ.objects.all().delete()[0]
    return deleted


def drop_schedules() -> None:
    """Delete the schedules of earlier versions: the ticker has its own timetable."""
    ours = Q(func__startswith="events.") | Q(func__startswith="subscribers.")
    Schedule.objects.filter(ours).delete()


def count_failed() -> int:
    """Count the tasks that ended with an error and are kept, to `MOST_COUNTED`."""
    return len(Task.objects.filter(success=False).order_by().values_list("pk")[:MOST_COUNTED])


def purge_results(*, before: datetime) -> int:
    deleted: int = Task.objects.filter(stopped__lt=before).delete()[0]
    return deleted


def _is_free(now: datetime) -> Q:
    return Q(lock__isnull=True) | Q(lock__lt=now)


def _key(lane: Lane) -> str:
    return f"{settings.Q_CLUSTER['name']}:{lane + 1}"


def _keys_of_lanes() -> list[str]:
    return [_key(lane) for lane in Lane]


def _key_of_jobs() -> str:
    # Sorts after what people wait for, and before marketing, which may never end.
    return f"{_key(Lane.TRANSACTIONAL)}:jobs"


def _put(calls: Sequence[tuple[str, TaskCall]]) -> None:
    rows = []
    for key, call in calls:
        package = _Package()
        async_task(call.task, *call.arguments, broker=package)
        rows.append(OrmQ(key=key, payload=package.text, lock=None))
    OrmQ.objects.bulk_create(rows)
