"""The two ends of the queue for a process of the pool: where tasks come from, where results go.

django-q's own processes share two queues in memory, filled ahead and guarded by locks. Here each
process asks the database when it is free: it takes a task only to begin it at once, so the most
urgent one is next, and a killed process leaves behind nothing but its own task.
"""

import logging
import os
import time
from datetime import UTC, datetime
from typing import Any, Literal
from uuid import UUID

from django.db import DatabaseError, InterfaceError, connection
from django_q.conf import Conf
from django_q.monitor import save_task
from django_q.signing import BadSignature, SignedPackage

from events.services import worker_reports
from events.services.database_faults import brief
from events.worker.broker import QueueBroker
from events.worker.timers import Timer, TimerPage
from subscribers.services.storage import outcomes

logger = logging.getLogger("cueline.worker")

STOP: Literal["STOP"] = "STOP"
# After a task another probably waits: look often, then less and less.
FIRST_PAUSE = 0.005
PAUSE_GROWTH = 2.0
PAUSE_WITHOUT_DATABASE = 1.0
SECONDS_BETWEEN_REPORTS = 1.0
SECONDS_BETWEEN_COUNTS = 5.0

Task = dict[str, Any]


class TaskSource:
    """Gives a process its next task, until the page, a signal or the end of the parent stops it."""

    def __init__(self, *, broker: QueueBroker, page: TimerPage, timer: Timer) -> None:
        self.broker = broker
        self.page = page
        self.timer = timer
        self.is_stopping = False
        self._parent_id = os.getppid()
        self._is_cut_off = False
        self._counts_written_at = 0.0

    def get(self) -> Task | Literal["STOP"]:
        """Wait for a task; returns `STOP` if the process must end."""
        pause = FIRST_PAUSE
        while not self._must_stop:
            self.timer.touch()
            self._write_counts()
            task = self._take()
            if task is not None:
                return task
            time.sleep(PAUSE_WITHOUT_DATABASE if self._is_cut_off else pause)
            pause = min(pause * PAUSE_GROWTH, Conf.POLL)
        self._write_counts(is_last=True)
        return STOP

    def _write_counts(self, *, is_last: bool = False) -> None:
        """Write what the process counted, every few seconds; at a fault with the next ones."""
        if not is_last and time.monotonic() - self._counts_written_at < SECONDS_BETWEEN_COUNTS:
            return
        self._counts_written_at = time.monotonic()
        try:
            outcomes.flush()
        except (DatabaseError, InterfaceError) as error:
            logger.warning("Counts of outcomes wait for the database: %s", brief(error))
            connection.close()

    @property
    def _must_stop(self) -> bool:
        is_orphan = os.getppid() != self._parent_id
        return self.is_stopping or self.page.is_stopping or is_orphan

    def _take(self) -> Task | None:
        try:
            taken = self.broker.take()
            self._is_cut_off = False
            return None if taken is None else self._unpack(*taken)
        except (DatabaseError, InterfaceError) as error:
            if not self._is_cut_off:
                logger.warning("The queue cannot be asked: %s", brief(error))
            self._is_cut_off = True
            connection.close()
            return None

    def _unpack(self, row_id: int, package: str) -> Task | None:
        try:
            task: Task = SignedPackage.loads(package)
        except (TypeError, BadSignature):
            logger.exception("A task in the queue cannot be read and is dropped.")
            self.broker.acknowledge(row_id)
            return None
        return {**task, "ack_id": row_id, "cluster": Conf.CLUSTER_NAME}


class TaskSink:
    """Finishes the tasks of a process: keeps failures, empties the queue, counts."""

    def __init__(self, *, broker: QueueBroker, worker_id: UUID) -> None:
        self.broker = broker
        self.worker_id = worker_id
        self._unreported = 0
        self._reported_at = 0.0

    def put(self, task: Task) -> None:
        """Finish one task. If the database is away it tries twice, then the row stays.

        A task whose row stays is offered again later; it finds its work done.
        """
        if not task["success"]:
            logger.error("The task %s failed: %s", task["func"], task["result"])
            save_task(task, self.broker)
        self._unreported += 1
        for _ in range(2):
            try:
                self.broker.acknowledge(task["ack_id"])
                self._report()
            except (DatabaseError, InterfaceError) as error:
                logger.warning("A finished task cannot be settled: %s", brief(error))
                connection.close()
                time.sleep(PAUSE_WITHOUT_DATABASE / 2)
            else:
                return

    def _report(self) -> None:
        if time.monotonic() - self._reported_at < SECONDS_BETWEEN_REPORTS:
            return
        now, tasks = datetime.now(tz=UTC), self._unreported
        worker_reports.finished(worker_id=self.worker_id, tasks=tasks, now=now)
        self._unreported = 0
        self._reported_at = time.monotonic()


def _line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]
