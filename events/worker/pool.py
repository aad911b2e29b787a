"""The pool: keeps the processes running that carry out tasks; they end with it.

It replaces django-q's cluster, which a killed process can break: a task still runs in django-q's
own loop, with its time limit, but no process shares a lock or a queue in memory with another. The
pool opens no connection once it forks. Twice a second it replaces processes that ended, and kills
those whose task is over its time or that were silent for long.
"""

import logging
import os
import signal
import time
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.context import ForkProcess
from types import FrameType
from uuid import UUID

from django_q.conf import Conf
from django_q.worker import worker as carry_out_tasks

# Imported before the fork: the processes share the memory and start at once.
import events.tasks  # noqa: F401
import subscribers.tasks  # noqa: F401
from config.process_groups import end_with_parent
from events.worker import heartbeat
from events.worker.broker import QueueBroker
from events.worker.queue_ends import TaskSink, TaskSource
from events.worker.timers import IDLE, Timer, TimerPage

logger = logging.getLogger("cueline.worker")

CYCLE = 0.5
# The task's own alarm comes first; this is for a process that ignores it.
SECONDS_OVER_TIME = 2.0
# A free process touches its timer several times a second, unless its connection hangs.
LONGEST_SILENCE = 30.0
# A process that ends at once is not replaced sooner.
SHORTEST_LIFE = 1.0


@dataclass(slots=True)
class Place:
    """A place in the pool, with the process that has it now."""

    number: int
    timer: Timer
    process: ForkProcess | None = None
    started_at: float = 0.0


class Pool:
    """The processes of one host that carry out tasks."""

    def __init__(self, *, size: int, worker_id: UUID, pipe: heartbeat.Heartbeat) -> None:
        self.worker_id = worker_id
        self.pipe = pipe
        self.page = TimerPage(size)
        self.places = [Place(number, self.page.timer(number)) for number in range(size)]

    def run(self) -> None:
        """Keep the processes running until SIGTERM, then wait for their current tasks."""
        signal.signal(signal.SIGTERM, self._on_signal)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            while not self.page.is_stopping:
                for place in self.places:
                    self._check(place)
                self.pipe.send(self._state())
                time.sleep(CYCLE)
            self._wait_for_the_last()
        except heartbeat.SupervisorGone:
            logger.warning("The supervisor is gone; the pool ends.")
            self.page.request_stop()

    def _state(self) -> bytes:
        is_any_free = any(place.timer.is_idle for place in self.places)
        return heartbeat.WELL if is_any_free else heartbeat.BUSY

    def _check(self, place: Place) -> None:
        process = place.process
        if process is not None and process.is_alive():
            if reason := _reason_to_kill(place.timer):
                logger.error("Process %s of the pool is killed: %s.", process.pid, reason)
                process.kill()
            return
        if process is not None:
            if time.monotonic() - place.started_at < SHORTEST_LIFE:
                return
            process.join()
            if process.exitcode:
                logger.error("Process %s of the pool ended: %s.", process.pid, process.exitcode)
            process.close()
        self._begin(place)

    def _begin(self, place: Place) -> None:
        place.timer.value = IDLE
        place.started_at = time.monotonic()
        place.process = get_context("fork").Process(
            target=_carry_out,
            name=f"pool-{place.number + 1}",
            args=(self.worker_id, self.page, place.timer, os.getpid()),
            daemon=True,
        )
        place.process.start()

    def _wait_for_the_last(self) -> None:
        """Wait until every process has finished its task; the supervisor limits the wait."""
        while any(place.process and place.process.is_alive() for place in self.places):
            self.pipe.send(heartbeat.BUSY)
            time.sleep(CYCLE / 5)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - signal's
        self.page.request_stop()


def _reason_to_kill(timer: Timer) -> str:
    silence = timer.seconds_since_touch
    if timer.is_idle:
        return f"it did nothing for {silence:.0f} s" if silence > LONGEST_SILENCE else ""
    if silence > timer.value + SECONDS_OVER_TIME:
        return f"its task took longer than {Conf.TIMEOUT} s"
    return ""


def _carry_out(worker_id: UUID, page: TimerPage, timer: Timer, parent_id: int) -> None:
    """Carry out tasks until asked to stop; the whole life of one process."""
    end_with_parent(signal.SIGKILL, parent_id)
    broker = QueueBroker(worker_id=worker_id)
    source = TaskSource(broker=broker, page=page, timer=timer)

    def stop_after_this(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - signal's
        source.is_stopping = True

    signal.signal(signal.SIGTERM, stop_after_this)
    carry_out_tasks(source, TaskSink(broker=broker, worker_id=worker_id), timer, Conf.TIMEOUT)
