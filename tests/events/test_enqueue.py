"""What is put into the queue, and what is told of it."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from django.db import transaction
from django_q.models import OrmQ, Schedule, Task
from pytest_django.fixtures import DjangoAssertNumQueries

from events import enqueue
from events.enqueue import Lane, TaskCall
from subscribers.ids import new_id

pytestmark = pytest.mark.django_db
HOST = UUID(int=1)
CALL = TaskCall("events.tasks.advance", ("a", 1))


def now() -> datetime:
    return datetime.now(tz=UTC)


def take_all(key: str) -> None:
    """Do as if a process had taken the tasks of a key."""
    OrmQ.objects.filter(key=key).update(lock=now() + timedelta(minutes=1))


def test_a_task_is_packed_with_its_arguments_and_nothing_else() -> None:
    enqueue.put(calls=[(Lane.MARKETING, CALL)])

    package = OrmQ.objects.get().task
    assert (package["func"], package["args"], package["kwargs"]) == (CALL.task, ("a", 1), {})


def test_many_tasks_are_one_statement(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    with django_assert_num_queries(1):
        enqueue.put(calls=[(Lane.MARKETING, CALL)] * 20)

    assert OrmQ.objects.count() == 20


@pytest.mark.django_db(transaction=True)
def test_tasks_of_a_transaction_that_fails_are_not_there() -> None:
    with transaction.atomic():
        enqueue.put(calls=[(Lane.MARKETING, CALL)])
        transaction.set_rollback(True)

    assert not OrmQ.objects.exists()


def test_the_depth_tells_waiting_from_taken_by_lane() -> None:
    enqueue.put(calls=[(Lane.CONFIRMATION, CALL), (Lane.MARKETING, CALL), (Lane.MARKETING, CALL)])
    OrmQ.objects.filter(pk=OrmQ.objects.order_by("-pk")[0].pk).update(
        lock=now() + timedelta(minutes=1)
    )

    depth = enqueue.depth(now=now())

    assert depth.waiting == {Lane.CONFIRMATION: 1, Lane.TRANSACTIONAL: 0, Lane.MARKETING: 1}
    assert (depth.all_waiting, depth.taken) == (2, 1)


def test_a_task_whose_process_died_waits_again() -> None:
    enqueue.put(calls=[(Lane.MARKETING, CALL)])
    OrmQ.objects.update(lock=now() - timedelta(seconds=1))

    depth = enqueue.depth(now=now())

    assert (depth.all_waiting, depth.taken) == (1, 0)


def test_beats_and_jobs_are_no_batches() -> None:
    enqueue.put_probe(worker_id=HOST)
    enqueue.put_jobs(calls=[CALL], now=now())

    depth = enqueue.depth(now=now())

    assert (depth.all_waiting, depth.taken) == (0, 0)


def test_one_beat_of_a_host_waits_at_most() -> None:
    enqueue.put_probe(worker_id=HOST)
    enqueue.put_probe(worker_id=UUID(int=2))

    enqueue.put_probe(worker_id=HOST)

    assert OrmQ.objects.filter(key=enqueue.key_of_probes(HOST)).count() == 1
    assert OrmQ.objects.count() == 2


def test_jobs_do_not_pile_up() -> None:
    assert enqueue.put_jobs(calls=[CALL, CALL], now=now())

    assert not enqueue.put_jobs(calls=[CALL], now=now())
    assert OrmQ.objects.count() == 2


def test_jobs_are_put_again_while_the_last_are_at_work() -> None:
    enqueue.put_jobs(calls=[CALL], now=now())
    take_all(OrmQ.objects.get().key)

    assert enqueue.put_jobs(calls=[CALL], now=now())


@pytest.mark.parametrize(
    ("waiting", "lane", "is_above"),
    [
        (Lane.CONFIRMATION, Lane.MARKETING, True),
        (Lane.TRANSACTIONAL, Lane.MARKETING, True),
        (Lane.MARKETING, Lane.MARKETING, False),
        (Lane.CONFIRMATION, Lane.CONFIRMATION, False),
    ],
)
def test_who_works_on_a_lane_can_ask_for_more_urgent_tasks(
    waiting: Lane, lane: Lane, is_above: bool
) -> None:
    enqueue.put(calls=[(waiting, CALL)])

    assert enqueue.is_anything_above(lane=lane, now=now()) is is_above


def test_a_task_that_was_taken_is_not_waited_for() -> None:
    enqueue.put(calls=[(Lane.CONFIRMATION, CALL)])
    OrmQ.objects.update(lock=now() + timedelta(minutes=1))

    assert not enqueue.is_anything_above(lane=Lane.MARKETING, now=now())


def test_clearing_empties_the_queue() -> None:
    enqueue.put(calls=[(Lane.MARKETING, CALL)] * 3)

    assert enqueue.clear() == 3
    assert not OrmQ.objects.exists()


def test_only_our_own_schedules_are_dropped() -> None:
    for name in ("events.tasks.purge_results", "subscribers.tasks.purge_expired", "others.task"):
        Schedule.objects.create(name=name, func=name)

    enqueue.drop_schedules()

    assert [each.func for each in Schedule.objects.all()] == ["others.task"]


def test_old_records_of_tasks_are_purged() -> None:
    for age in (timedelta(days=8), timedelta(days=6)):
        moment = now() - age
        Task.objects.create(
            id=new_id().hex, name="a", func="a", started=moment, stopped=moment, success=False
        )

    assert enqueue.purge_results(before=now() - timedelta(days=7)) == 1
    assert Task.objects.count() == 1
