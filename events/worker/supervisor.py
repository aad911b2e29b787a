"""The supervisor: keeps the ticker and the pool running, and does nothing else.

It has no database connection, so nothing in a database can block it. Each part is a process with a
group of its own, which dies with the supervisor, and sends heartbeats. A part is restarted when it
ended, when no heartbeat came for 30 s, or, for the pool, when a probe stayed in the queue while a
process was free. A pool whose processes are all busy is never restarted: it ends tasks that are
over their time itself. See .github/decisions/supervisor-without-database.md.
"""

import logging
import os
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import FrameType
from uuid import UUID

from django.conf import settings

from config import process_locks
from config.process_groups import KeptProcess, ProcessGroup
from events.worker import heartbeat
from subscribers.ids import new_id

logger = logging.getLogger("cueline.worker")

# The exit code of a part that must not be started again, such as one with another secret key.
REFUSED = 3
SECONDS_TO_STOP = 20.0
SECONDS_WITHOUT_HEARTBEAT = 30.0
# How long a pool must have a free process and an overdue probe at once.
SECONDS_UNTIL_STUCK = 10.0
LONGEST_SLEEP = 0.5


class PartRefused(RuntimeError):
    """A part must not run; its own last line says why."""


@dataclass(slots=True)
class Part(KeptProcess):
    reader: heartbeat.HeartbeatReader | None = None
    last_heartbeat_at: float = 0.0
    state: bytes = b""

    def begin(self, arguments: list[str], *, kept_files: Sequence[int]) -> None:
        reader = heartbeat.HeartbeatReader.open()
        self.began(
            ProcessGroup.start(
                [*arguments, "--pulse", str(reader.child_descriptor)],
                folder=settings.BASE_DIR,
                environment=os.environ,
                death_signal=signal.SIGKILL,
                kept_files=[reader.child_descriptor, *kept_files],
            )
        )
        reader.leave_to_child()
        self.reader = reader
        self.last_heartbeat_at = self.started_at
        self.state = b""

    def listen(self) -> None:
        if self.reader and (state := self.reader.read()):
            self.state = state
            self.last_heartbeat_at = time.monotonic()

    def fault(self) -> str:
        """Return why the part counts as dead; empty while it lives."""
        if self.group is None:
            return ""
        if self.group.exit_code is not None:
            return f"it ended ({self.group.exit_code})"
        silence = time.monotonic() - self.last_heartbeat_at
        return f"it was silent for {silence:.0f} s" if silence > SECONDS_WITHOUT_HEARTBEAT else ""

    def end(self) -> float:
        """Do as every kept process, and close its pipe."""
        if self.reader:
            self.reader.close()
            self.reader = None
        return KeptProcess.end(self)


@dataclass(slots=True)
class Supervisor:
    worker_id: UUID = field(default_factory=new_id)
    ticker: Part = field(default_factory=lambda: Part("ticker"))
    pool: Part = field(default_factory=lambda: Part("pool"))
    restarts: int = 0
    is_stopping: bool = False
    _stuck_since: float | None = None
    # Shared with every process of this worker: the file is free once all of them are dead.
    _lock: int | None = None

    def run(self) -> None:
        """Keep both parts running until SIGTERM or Ctrl-C; raises `PartRefused`."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)
        self._lock = process_locks.hold(
            folder=settings.DATA_DIR, kind=process_locks.WORKER, owner=self.worker_id
        )
        if self._lock is None:
            logger.warning("No lock file in DATA_DIR: a killed worker's claims wait for their end.")
        try:
            while not self.is_stopping:
                for part in self._parts:
                    self._check(part)
                self._restart_stuck_pool()
                time.sleep(LONGEST_SLEEP)
        finally:
            self._stop()

    @property
    def _parts(self) -> tuple[Part, Part]:
        return self.ticker, self.pool

    def _check(self, part: Part) -> None:
        part.listen()
        if part.group is None:
            if part.is_due:
                part.begin(
                    self._arguments(part), kept_files=[] if self._lock is None else [self._lock]
                )
            return
        if part.group.exit_code == REFUSED:
            raise PartRefused
        if fault := part.fault():
            self._end(part, fault)

    def _restart_stuck_pool(self) -> None:
        """Restart a pool that has a free process but takes no probe."""
        if (self.ticker.state, self.pool.state) != (heartbeat.OVERDUE, heartbeat.WELL):
            self._stuck_since = None
            return
        now = time.monotonic()
        # A new pool first needs time for the probe that the old one left.
        since = max(self._stuck_since or now, self.pool.started_at)
        self._stuck_since = since
        if now - since > SECONDS_UNTIL_STUCK:
            self._stuck_since = None
            self._end(self.pool, "no task came through the queue")

    def _end(self, part: Part, fault: str) -> None:
        self.restarts += 1
        logger.error("The %s is restarted: %s.", part.name, fault)
        part.end()

    def _arguments(self, part: Part) -> list[str]:
        command = [sys.executable, str(settings.BASE_DIR / "manage.py"), "worker"]
        command += ["--part", part.name, "--worker-id", self.worker_id.hex]
        return [*command, "--restarts", str(self.restarts)]

    def _stop(self) -> None:
        groups = [part.group for part in self._parts if part.group]
        for group in groups:
            group.ask_to_end()
        give_up_at = time.monotonic() + SECONDS_TO_STOP
        for group in groups:
            group.wait(seconds=max(0.1, give_up_at - time.monotonic()))
        for part in self._parts:
            part.end()

    def _on_signal(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - signal's
        self.is_stopping = True
