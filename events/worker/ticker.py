"""The ticker: once a second, and at once when there was more to do, it rings for what is due.

It never ends by itself: whatever fails is logged and tried again after a pause. Besides it
reports for its host, sends beats through the queue, gives back what dead workers held, and rings
for jobs.
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
from events.services.worker_reports import Host, LiveHost
from events.worker import pulse, rounds
from events.worker.jobs import Timetable

logger = logging.getLogger("cueline.worker")

SECONDS_BETWEEN_ROUNDS = 1.0
# How soon the ticker looks whether a full queue has room again.
NUDGE = 0.05
SECONDS_BETWEEN_REPORTS = 5.0
SECONDS_UNTIL_OVERDUE = 30.0
# A sleep is this long at most before the wish to stop is seen.
SLICE = 0.25


@dataclass(slots=True)
class Beat:
    """The last beat that was put into the queue, until it comes back.

    That it came back is told by a change of the row, not by comparing clocks, which may jump.
    """

    seen_before: datetime | None
    sent: float
    is_back: bool = False

    def is_overdue(self, moment: float) -> bool:
        """Tell whether it has been away too long, by a monotonic clock."""
        return not self.is_back and moment - self.sent > SECONDS_UNTIL_OVERDUE


class Ticker:
    """One host's."""

    def __init__(self, *, host: Host, heart: pulse.Pulse, timetable: Timetable) -> None:
        """Make a ticker; `run` makes it tick."""
        self.host = host
        self.heart = heart
        self.timetable = timetable
        self.is_stop_wished = False
        self._beat: Beat | None = None
        self._live: list[LiveHost] = []
        self._report_due = 0.0

    def run(self) -> None:
        """Tick until SIGTERM."""
        signal.signal(signal.SIGTERM, self._on_signal)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        self._survive(self._begin)
        failures = 0
        try:
            while not self.is_stop_wished:
                if self._survive(self.tick):
                    failures = 0
                    continue
                failures += 1
                self.heart.give(pulse.WAITING)
                self._sleep(TICKER.pause(failures=failures).total_seconds())
        except pulse.SupervisorGone:
            logger.warning("The supervisor is gone; the ticker ends.")
        self._survive(self._end)

    def tick(self) -> None:
        """Do one round, and further ones while the queue was full, until the next second."""
        until = time.monotonic() + SECONDS_BETWEEN_ROUNDS
        self._report(datetime.now(tz=UTC), time.monotonic())
        self.heart.give(self._state())
        while True:
            now = datetime.now(tz=UTC)
            done = rounds.ring(now=now, processes=self._processes)
            if not done.is_full:
                break
            while not rounds.has_room(now=datetime.now(tz=UTC), processes=self._processes):
                if self.is_stop_wished or time.monotonic() > until:
                    return
                time.sleep(NUDGE)
        self._sleep(until - time.monotonic())

    @property
    def _processes(self) -> int:
        """How many tasks all live hosts carry out at once; this one counts while it starts, too."""
        others = sum(each.processes for each in self._live if each.id != self.host.id)
        return others + self.host.processes

    def _begin(self) -> None:
        enqueue.drop_schedules()
        enqueue.forget_beats(worker_id=self.host.id)

    def _end(self) -> None:
        enqueue.forget_beats(worker_id=self.host.id)
        worker_reports.stopped(worker_id=self.host.id, now=datetime.now(tz=UTC))

    def _report(self, now: datetime, moment: float) -> None:
        """Every few seconds: report, see who lives, send a beat, return claims, ring for jobs."""
        is_overdue = self._beat is not None and self._beat.is_overdue(moment)
        if moment < self._report_due and not is_overdue:
            return
        self._report_due = moment + SECONDS_BETWEEN_REPORTS
        worker_reports.report(host=self.host, now=now)
        self._live = list(worker_reports.live_hosts(now=now))
        self._look_for_beat(moment)
        rounds.return_expired()
        if self._live and self._live[0].id == self.host.id:
            self._ring_for_jobs(now, moment)

    def _look_for_beat(self, moment: float) -> None:
        own = next((each.beat_at for each in self._live if each.id == self.host.id), None)
        beat = self._beat
        if beat and own != beat.seen_before:
            beat.is_back = True
        if beat is None or beat.is_back:
            self._beat = Beat(seen_before=own, sent=moment)
        elif not beat.is_overdue(moment):
            return
        # An overdue one is put again: its row may have gone with the process that took it.
        enqueue.put_beat(worker_id=self.host.id)

    def _ring_for_jobs(self, now: datetime, moment: float) -> None:
        due = self.timetable.due(moment=moment)
        if due and enqueue.put_jobs(calls=[job.call for job in due], now=now):
            self.timetable.put_off(due, moment=moment)

    def _state(self) -> bytes:
        is_overdue = self._beat is not None and self._beat.is_overdue(time.monotonic())
        return pulse.OVERDUE if is_overdue else pulse.WELL

    def _survive(self, act: Callable[[], None]) -> bool:
        """Do something; False when it failed, which is logged."""
        try:
            act()
        except pulse.SupervisorGone:
            raise
        except (DatabaseError, InterfaceError) as error:
            logger.warning("The database failed: %s", str(error).strip().partition("\n")[0])
        except Exception:  # a fault of one round must not end all further ones
            logger.exception("A round failed.")
        else:
            return True
        connection.close()
        return False

    def _sleep(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while not self.is_stop_wished and (left := until - time.monotonic()) > 0:
            time.sleep(min(left, SLICE))

    def _on_signal(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - signal's
        self.is_stop_wished = True
