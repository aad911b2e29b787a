"""Tasks are taken one by one, the most urgent first, and never by two."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from django.db import connection
from django_q.brokers import get_broker
from django_q.models import OrmQ
from django_q.signing import SignedPackage

from events import enqueue
from events.enqueue import Lane, TaskCall
from events.worker.broker import QueueBroker

HOST = UUID(int=1)


def call(name: str) -> TaskCall:
    return TaskCall("events.tasks.advance", (name,))


def take(broker: QueueBroker) -> str | None:
    """Take a task and return its first argument, or its function where it has none."""
    taken = broker.take()
    return None if taken is None else str(SignedPackage.loads(taken[1])["args"][0])


@pytest.mark.django_db
def test_the_most_urgent_goes_first_and_then_the_oldest() -> None:
    for name, lane in [
        ("newsletter 1", Lane.MARKETING),
        ("newsletter 2", Lane.MARKETING),
        ("receipt", Lane.TRANSACTIONAL),
        ("confirmation", Lane.CONFIRMATION),
    ]:
        enqueue.put(calls=[(lane, call(name))])
    enqueue.put_jobs(calls=[call("job")], now=datetime.now(tz=UTC))
    enqueue.put_probe(worker_id=HOST)

    broker = QueueBroker(worker_id=HOST)
    taken = [take(broker) for _ in range(7)]

    assert taken == [
        HOST.hex, "confirmation", "receipt", "job", "newsletter 1", "newsletter 2", None,
    ]  # fmt: skip


@pytest.mark.django_db
def test_a_host_takes_no_probes_of_another() -> None:
    enqueue.put_probe(worker_id=HOST)

    assert QueueBroker(worker_id=UUID(int=2)).take() is None
    assert QueueBroker().take() is None
    assert QueueBroker(worker_id=HOST).take() is not None


@pytest.mark.django_db
def test_a_task_that_was_taken_is_offered_again_only_after_the_time_to_retry() -> None:
    enqueue.put(calls=[(Lane.MARKETING, call("a"))])
    broker = QueueBroker()
    assert take(broker) == "a"
    lock = OrmQ.objects.get().lock

    at_once = broker.take()
    OrmQ.objects.update(lock=datetime.now(tz=UTC) - timedelta(milliseconds=1))
    later = take(broker)

    assert at_once is None
    assert later == "a"
    ahead = lock - datetime.now(tz=UTC)
    assert timedelta(seconds=140) < ahead <= timedelta(seconds=150)


@pytest.mark.django_db
def test_an_acknowledged_task_is_gone() -> None:
    enqueue.put(calls=[(Lane.MARKETING, call("a")), (Lane.MARKETING, call("b"))])
    broker = QueueBroker()
    taken = broker.take()
    assert taken

    broker.acknowledge(taken[0])

    assert [each.task["args"] for each in OrmQ.objects.all()] == [("b",)]


@pytest.mark.django_db
def test_django_q_finds_the_broker_and_is_served_by_it() -> None:
    broker = get_broker()
    assert isinstance(broker, QueueBroker)

    broker.enqueue("a package")
    taken = broker.take()

    assert taken
    assert taken[1] == "a package"
    assert broker.take() is None


@pytest.mark.django_db(transaction=True)
def test_many_at_once_take_each_task_once() -> None:
    names = [str(number) for number in range(60)]
    enqueue.put(calls=[(Lane.MARKETING, call(name)) for name in names])

    def take_until_empty(_: int) -> list[str]:
        broker = QueueBroker()
        try:
            return list(iter(lambda: take(broker), None))
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as together:
        taken = [name for part in together.map(take_until_empty, range(6)) for name in part]

    # A process that just missed the last ones asks again a moment later.
    left = list(iter(lambda: take(QueueBroker()), None))
    assert sorted(taken + left) == sorted(names)
