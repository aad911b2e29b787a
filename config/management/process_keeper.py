"""Starts the processes of one machine, starts again what ended, and makes sure all end together."""

import logging
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import FrameType

from config.process_groups import KeptProcess, ProcessGroup

logger = logging.getLogger("cueline.up")

# The worker gives its own children 20 s first.
SECONDS_TO_STOP = 22


@dataclass(slots=True)
class Child(KeptProcess):
    begin: Callable[[], ProcessGroup] = field(kw_only=True)


@dataclass(slots=True)
class Ended:
    """A child that ended by itself; the code is negative for a signal."""

    name: str
    code: int


@dataclass(slots=True)
class ProcessKeeper:
    """The children of one `up`."""

    children: dict[str, Child] = field(default_factory=dict)
    # A plain attribute: a threading.Event that a signal handler sets can block on its own lock.
    is_stopping: bool = False

    def listen_for_stop(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)

    def start(
        self, name: str, arguments: Sequence[str], *, folder: Path, environment: Mapping[str, str]
    ) -> None:
        """Start a child; it gets SIGTERM when this process is killed."""
        begin = partial(
            ProcessGroup.start,
            arguments,
            folder=folder,
            environment=environment,
            death_signal=signal.SIGTERM,
        )
        child = self.children[name] = Child(name, begin=begin)
        child.began(begin())

    def wait(self) -> Ended | None:
        """Wait a fifth of a second, start what is due again, and return what ended meanwhile."""
        time.sleep(0.2)
        if self.is_stopping:
            return None
        for name, child in self.children.items():
            if child.is_due:
                child.began(child.begin())
            elif child.group and (code := child.group.exit_code) is not None:
                return Ended(name, code)
        return None

    def start_again(self, ended: Ended) -> None:
        """Start an ended child after a pause that grows while it keeps ending."""
        child = self.children[ended.name]
        pause = child.end()
        times = "" if child.failures == 1 else f", {child.failures} times in a row"
        sentence = "The %s process ended by itself (%s)%s; it starts again in %.0f s."
        logger.error(sentence, ended.name, ended.code, times, pause)

    def stop(self) -> None:
        groups = [child.group for child in self.children.values() if child.group]
        for group in groups:
            group.ask_to_end()
        give_up_at = time.monotonic() + SECONDS_TO_STOP
        for group in groups:
            group.wait(seconds=max(0.1, give_up_at - time.monotonic()))
        for group in groups:
            group.end_now()

    def _on_signal(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - signal's
        self.is_stopping = True
