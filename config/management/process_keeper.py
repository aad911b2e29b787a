"""Starts the processes of one machine, and makes sure that they end together."""

import signal
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from config.process_groups import ProcessGroup

# The worker gives its own children 20 s first.
SECONDS_TO_STOP = 22


@dataclass(slots=True)
class ProcessKeeper:
    """The children of one `up`: all of them run, or none."""

    children: dict[str, ProcessGroup] = field(default_factory=dict)
    # A plain attribute: a threading.Event that a signal handler sets can block on its own lock.
    is_stopping: bool = False

    def listen_for_stop(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)

    def start(
        self, name: str, arguments: Sequence[str], *, folder: Path, environment: Mapping[str, str]
    ) -> None:
        """Start a child; it gets SIGTERM when this process is killed."""
        self.children[name] = ProcessGroup.start(
            arguments, folder=folder, environment=environment, death_signal=signal.SIGTERM
        )

    def wait(self) -> str | None:
        """Wait a fifth of a second; returns the child that ended by itself, if any."""
        time.sleep(0.2)
        if self.is_stopping:
            return None
        ended = (name for name, child in self.children.items() if child.exit_code is not None)
        return next(ended, None)

    def stop(self) -> None:
        for child in self.children.values():
            child.ask_to_end()
        give_up_at = time.monotonic() + SECONDS_TO_STOP
        for child in self.children.values():
            child.wait(seconds=max(0.1, give_up_at - time.monotonic()))
        for child in self.children.values():
            child.end_now()

    def _on_signal(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - signal's
        self.is_stopping = True
