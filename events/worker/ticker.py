"""The ticker: every second, or at once after a full round, claims due work and queues it.

It never ends by itself: it logs what fails and tries again after a pause. It also reports for its
host, sends a probe through the queue, returns the claims of dead workers, and queues jobs.
"""

import logging
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from types import FrameType

from django.db import DatabaseError, InterfaceError, connection

from config.retries import TICKER
from events import enqueue
from events.services import worker_reports
from events.services.database_faults import brief
from events.services.worker_reports import Host, LiveHost
from events.worker import heartbeat, rounds
from events.worker.jobs import Timetable
from events.worker.mailbox import MailboxReader
from subscribers.services.workspaces import installation

logger = logging.getLogger("cueline.worker")

SECONDS_BETWEEN_ROUNDS = 1.0
# How soon the ticker checks whether a full queue has room again.
SECONDS_BETWEEN_LOOKS = 0.05
SECONDS_BETWEEN_REPORTS = 5.0
SECONDS_UNTIL_OVERDUE = 30.0
# The longest sleep before a check for the request to stop.
SLICE = 0.25


@dataclass(slots=True)
class Probe:
    """The last probe task that was queued: the pool must carry it out.

    A change of the host's row shows that it did; clocks may jump and are not compared.
    """

    seen_before: datetime | None
    sent: float
    is_done: bool = False

    def is_overdue(self, moment: float) -> bool:
        return not self.is_done and moment - self.sent > SECONDS_UNTIL_OVERDUE


class Ticker:
    def __init__(self, *, host: Host, pipe: heartbeat.Heartbeat, timetable: Timetable) -> None:
        self.host = host
        self.pipe = pipe
        self.timetable = timetable
        self.is_stopping = False
        self._probe: Probe | None = None
        self._live: list[LiveHost] = []
        self._report_due = 0.0
        self.mailbox = MailboxReader()

    def run(self) -> None:
        signal.signal(signal.SIGTERM, self._on_signal)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        self._attempt(self._begin)
        failures = 0
        try:
            while not self.is_stopping:
                if self._attempt(self.tick):
                    failures = 0
                    continue
                failures += 1
                self.pipe.send(heartbeat.WAITING)
                self._sleep(TICKER.pause(failures=failures).total_seconds())
        except heartbeat.SupervisorGone:
            logger.warning("The supervisor is gone; the ticker ends.")
        self._attempt(self._end)

    def tick(self) -> None:
        """Do one round, and more while the queue was full, until the next second."""
        until = time.monotonic() + SECONDS_BETWEEN_ROUNDS
        self._report(datetime.now(tz=UTC), time.monotonic())
        self.pipe.send(self._state())
        while True:
            now = datetime.now(tz=UTC)
            done = rounds.queue_due(now=now, processes=self._processes)
            if not done.is_full:
                break
            while not rounds.has_room(now=datetime.now(tz=UTC), processes=self._processes):
                if self.is_stopping or time.monotonic() > until:
                    return
                time.sleep(SECONDS_BETWEEN_LOOKS)
        self._sleep(until - time.monotonic())

    @property
    def _processes(self) -> int:
        """How many tasks all live hosts carry out at once, this one included."""
        others = sum(each.processes for each in self._live if each.id != self.host.id)
        return others + self.host.processes

    def _begin(self) -> None:
        enqueue.drop_schedules()
        enqueue.forget_probes(worker_id=self.host.id)

    def _end(self) -> None:
        enqueue.forget_probes(worker_id=self.host.id)
        worker_reports.stopped(worker_id=self.host.id, now=datetime.now(tz=UTC))

    def _report(self, now: datetime, moment: float) -> None:
        """Every few seconds: report, find live hosts, probe, return claims, queue jobs."""
        is_overdue = self._probe is not None and self._probe.is_overdue(moment)
        if moment < self._report_due and not is_overdue:
            return
        self._report_due = moment + SECONDS_BETWEEN_REPORTS
        worker_reports.report(host=self.host, now=now)
        self._live = list(worker_reports.live_hosts(now=now))
        self._check_probe(moment)
        rounds.return_expired()
        if self._live and self._live[0].id == self.host.id:
            self._queue_jobs(now, moment)

    def _check_probe(self, moment: float) -> None:
        own = next((each.beat_at for each in self._live if each.id == self.host.id), None)
        probe = self._probe
        if probe and own != probe.seen_before:
            probe.is_done = True
        if probe is None or probe.is_done:
            self._probe = Probe(seen_before=own, sent=moment)
        elif not probe.is_overdue(moment):
            return
        # An overdue probe is queued again: its row may have gone with the process that took it.
        enqueue.put_probe(worker_id=self.host.id)

    def _queue_jobs(self, now: datetime, moment: float) -> None:
        if installation.on_hold_since():
            return
        self.mailbox.start(moment=moment)
        due = self.timetable.due(moment=moment)
        if due and enqueue.put_jobs(calls=[job.call for job in due], now=now):
            self.timetable.reschedule(due, moment=moment)

    def _state(self) -> bytes:
        is_overdue = self._probe is not None and self._probe.is_overdue(time.monotonic())
        return heartbeat.OVERDUE if is_overdue else heartbeat.WELL

    def _attempt(self, work: Callable[[], None]) -> bool:
        """Run the work; False if it failed, which is logged."""
        try:
            work()
        except heartbeat.SupervisorGone:
            raise
        except (DatabaseError, InterfaceError) as error:
            logger.warning("The database failed: %s", brief(error))
        except Exception:  # a failed round must not end the ticker
            logger.exception("A round failed.")
        else:
            return True
        connection.close()
        return False

    def _sleep(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while not self.is_stopping and (left := until - time.monotonic()) > 0:
            time.sleep(min(left, SLICE))

    def _on_signal(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - signal's
        self.is_stopping = True
