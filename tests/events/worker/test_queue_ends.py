"""What a process of the pool takes, and what it leaves."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import DatabaseError, connection
from django_q.models import OrmQ, Task
from django_q.worker import worker as carry_out_tasks

from events import enqueue
from events.enqueue import Lane, TaskCall
from events.models import Worker
from events.worker.broker import QueueBroker
from events.worker.queue_ends import STOP, TaskSink, TaskSource
from events.worker.timers import TimerPage
from subscribers.services.storage import outcomes
from tests import factories

# django-q drops connections before each task.
pytestmark = pytest.mark.django_db(transaction=True)
BEAT = "events.tasks.beat"


class Process:
    """The parts of one process of the pool, without the process."""

    def __init__(self) -> None:
        self.host = factories.WorkerFactory.create(beat_at=None, finished_at=None)
        self.page = TimerPage(1)
        self.timer = self.page.timer(0)
        broker = QueueBroker(worker_id=self.host.pk)
        self.source = TaskSource(broker=broker, page=self.page, timer=self.timer)
        self.sink = TaskSink(broker=broker, worker_id=self.host.pk)


@pytest.fixture
def process() -> Process:
    # What earlier tests counted would be written at a statement that is meant for the queue.
    outcomes.flush()
    return Process()


@contextmanager
def database_away(times: int) -> Iterator[None]:
    """Refuse that many statements."""
    left = [times]

    def refuse(execute: object, *statement: object) -> object:
        if left[0] > 0:
            left[0] -= 1
            raise DatabaseError("gone")
        return execute(*statement)  # type: ignore[operator]

    with connection.execute_wrapper(refuse):
        yield


def test_a_waiting_task_is_given_with_its_row(process: Process) -> None:
    enqueue.put(calls=[(Lane.MARKETING, TaskCall(BEAT, ("x",)))])

    task = process.source.get()

    assert task != STOP
    assert (task["func"], task["args"], task["ack_id"]) == (BEAT, ("x",), OrmQ.objects.get().pk)


def test_the_wish_to_stop_comes_before_the_next_task(process: Process) -> None:
    enqueue.put(calls=[(Lane.MARKETING, TaskCall(BEAT, ("x",)))])

    process.page.request_stop()

    assert process.source.get() == STOP
    assert OrmQ.objects.get().lock is None


def test_a_signal_to_one_process_stops_it_alone(process: Process) -> None:
    process.source.is_stopping = True

    assert process.source.get() == STOP
    assert not process.page.is_stopping


def test_a_task_of_another_key_is_dropped_and_the_next_is_given(
    process: Process, caplog: pytest.LogCaptureFixture
) -> None:
    OrmQ.objects.create(key="cueline:1", payload="signed by somebody else", lock=None)
    enqueue.put(calls=[(Lane.MARKETING, TaskCall(BEAT, ("x",)))])

    task = process.source.get()

    assert task != STOP
    assert task["args"] == ("x",)
    assert OrmQ.objects.count() == 1
    assert "cannot be read" in caplog.text


def test_a_database_that_fails_is_asked_again(
    process: Process, caplog: pytest.LogCaptureFixture
) -> None:
    enqueue.put(calls=[(Lane.MARKETING, TaskCall(BEAT, ("x",)))])

    with database_away(1):
        task = process.source.get()

    assert task != STOP
    assert "The queue cannot be asked: gone" in caplog.text


def test_a_task_is_settled_when_the_database_is_back(process: Process) -> None:
    enqueue.put(calls=[(Lane.MARKETING, TaskCall(BEAT, ("x",)))])
    task = process.source.get()
    assert task != STOP

    with database_away(1):
        process.sink.put({**task, "success": True, "result": None})

    assert not OrmQ.objects.exists()


def test_a_task_that_cannot_be_settled_stays_and_ends_nobody(process: Process) -> None:
    enqueue.put(calls=[(Lane.MARKETING, TaskCall(BEAT, ("x",)))])
    task = process.source.get()
    assert task != STOP

    with database_away(9):
        process.sink.put({**task, "success": True, "result": None})

    assert OrmQ.objects.count() == 1


def test_a_carried_out_task_leaves_the_queue_and_is_counted(process: Process) -> None:
    enqueue.put(calls=[(Lane.MARKETING, TaskCall(BEAT, (process.host.pk.hex,)))])

    run_all(process)

    host = Worker.objects.get()
    assert not OrmQ.objects.exists()
    assert not Task.objects.exists()
    assert host.tasks_finished == 1
    assert host.beat_at is not None
    assert host.finished_at is not None
    assert process.timer.is_idle


def test_a_failed_task_leaves_the_queue_and_is_kept_with_its_error(
    process: Process, caplog: pytest.LogCaptureFixture
) -> None:
    enqueue.put(calls=[(Lane.MARKETING, TaskCall(BEAT, ("not an id",)))])

    run_all(process)

    record = Task.objects.get()
    assert not OrmQ.objects.exists()
    assert (record.func, record.success) == (BEAT, False)
    assert "badly formed hexadecimal UUID string" in record.result
    assert "badly formed hexadecimal UUID string" in caplog.text


def test_a_task_that_nobody_knows_fails_alone(process: Process) -> None:
    enqueue.put(calls=[(Lane.CONFIRMATION, TaskCall("events.tasks.no_such", ()))])
    enqueue.put(calls=[(Lane.MARKETING, TaskCall(BEAT, (process.host.pk.hex,)))])

    run_all(process)

    assert Worker.objects.get().tasks_finished >= 1
    assert not OrmQ.objects.exists()
    assert [each.func for each in Task.objects.all()] == ["events.tasks.no_such"]


def run_all(process: Process) -> None:
    """Carry out what waits in django-q's own loop, as a process of the pool does."""

    class UntilEmpty:
        @staticmethod
        def get() -> object:
            if not OrmQ.objects.filter(lock__isnull=True).exists():
                return STOP
            return process.source.get()

    carry_out_tasks(UntilEmpty(), process.sink, process.timer, 60)
