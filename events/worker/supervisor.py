"""The supervisor: keeps the ticker and the pool alive, and does nothing else.

It has no database connection, so nothing that a database does can hold it up. Each part is a
process with a group of its own, which dies with the supervisor, and tells by its pulse that it
lives. A part is started anew when it ended, when its pulse stayed away for 30 s, or, for the
pool, when a beat has not come back through the queue while a process was free. A pool whose
processes are all busy is never dead: it ends tasks that are over their time by itself.
"""

import logging
import os
import signal
import sys
import time
from dataclasses import dataclass, field
from types import FrameType
from uuid import UUID

from django.conf import settings

from config.process_groups import ProcessGroup
from config.retries import WORKER_PARTS
from events.worker import pulse
from subscribers.ids import new_id

logger = logging.getLogger("cueline.worker")

# The exit code of a part that must not be started again, such as one with another secret key.
REFUSED = 3
SECONDS_TO_STOP = 20.0
SECONDS_WITHOUT_PULSE = 30.0
# For how long both a free process and an overdue beat must be seen.
SECONDS_OF_DOUBT = 10.0
# A part that lived this long begins its pauses anew.
SECONDS_TO_BE_TRUSTED = 30.0
LONGEST_SLEEP = 0.5


class PartRefused(RuntimeError):
    """A part said why it must not run."""


@dataclass(slots=True)
class Part:
    """The ticker or the pool, with what is known of the process that is it now."""

    name: str
    group: ProcessGroup | None = None
    reader: pulse.PulseReader | None = None
    begun_at: float = 0.0
    heard_at: float = 0.0
    state: bytes = b""
    failures: int = 0
    begin_at: float = 0.0

    def begin(self, arguments: list[str]) -> None:
        """Start the process."""
        reader = pulse.PulseReader.open()
        self.group = ProcessGroup.start(
            [*arguments, "--pulse", str(reader.child_descriptor)],
            folder=settings.BASE_DIR,
            environment=os.environ,
            death_signal=signal.SIGKILL,
            kept_files=[reader.child_descriptor],
        )
        reader.leave_to_child()
        self.reader = reader
        self.begun_at = self.heard_at = time.monotonic()
        self.state = b""

    def listen(self) -> None:
        """Take in what the pulse said since the last time."""
        if self.reader and (state := self.reader.read()):
            self.state = state
            self.heard_at = time.monotonic()

    def fault(self) -> str:
        """Return why the part counts as dead; empty while it lives."""
        if self.group is None:
            return ""
        if self.group.exit_code is not None:
            return f"it ended ({self.group.exit_code})"
        silence = time.monotonic() - self.heard_at
        return f"it was silent for {silence:.0f} s" if silence > SECONDS_WITHOUT_PULSE else ""

    def end(self) -> None:
        """End what is left of the group, and plan the next start."""
        if self.group is None:
            return
        self.group.end_now()
        self.group = None
        if self.reader:
            self.reader.close()
            self.reader = None
        if time.monotonic() - self.begun_at > SECONDS_TO_BE_TRUSTED:
            self.failures = 0
        self.failures += 1
        pause = WORKER_PARTS.pause(failures=self.failures)
        self.begin_at = time.monotonic() + pause.total_seconds()


@dataclass(slots=True)
class Supervisor:
    """One host's worker."""

    worker_id: UUID = field(default_factory=new_id)
    ticker: Part = field(default_factory=lambda: Part("ticker"))
    pool: Part = field(default_factory=lambda: Part("pool"))
    restarts: int = 0
    is_stop_wished: bool = False
    _doubted_since: float | None = None

    def run(self) -> None:
        """Keep both parts running until SIGTERM or Ctrl-C; raises `PartRefused`."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)
        try:
            while not self.is_stop_wished:
                for part in self._parts:
                    self._look_after(part)
                self._doubt_pool()
                self._wait()
        finally:
            self._stop()

    @property
    def _parts(self) -> tuple[Part, Part]:
        return self.ticker, self.pool

    def _look_after(self, part: Part) -> None:
        part.listen()
        if part.group is None:
            if time.monotonic() >= part.begin_at:
                part.begin(self._arguments(part))
            return
        if part.group.exit_code == REFUSED:
            raise PartRefused
        if fault := part.fault():
            self._end(part, fault)

    def _doubt_pool(self) -> None:
        """Restart a pool that has a free process and yet does not carry a beat through."""
        is_doubtful = self.ticker.state == pulse.OVERDUE and self.pool.state == pulse.WELL
        if not is_doubtful:
            self._doubted_since = None
            return
        now = time.monotonic()
        # A pool that has just begun has the beat of the one before to carry out first.
        since = max(self._doubted_since or now, self.pool.begun_at)
        self._doubted_since = since
        if now - since > SECONDS_OF_DOUBT:
            self._doubted_since = None
            self._end(self.pool, "no task came through the queue")

    def _end(self, part: Part, fault: str) -> None:
        self.restarts += 1
        logger.error("The %s is started anew: %s.", part.name, fault)
        part.end()

    def _arguments(self, part: Part) -> list[str]:
        command = [sys.executable, str(settings.BASE_DIR / "manage.py"), "worker"]
        command += ["--part", part.name, "--worker-id", self.worker_id.hex]
        return [*command, "--restarts", str(self.restarts)]

    def _wait(self) -> None:
        """Sleep until a part says something, and not for long."""
        time.sleep(LONGEST_SLEEP)

    def _stop(self) -> None:
        """Ask both parts to end; after 20 s end what is left of their groups."""
        groups = [part.group for part in self._parts if part.group]
        for group in groups:
            group.ask_to_end()
        give_up_at = time.monotonic() + SECONDS_TO_STOP
        for group in groups:
            group.wait(seconds=max(0.1, give_up_at - time.monotonic()))
        for part in self._parts:
            part.end()

    def _on_signal(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - signal's
        self.is_stop_wished = True
