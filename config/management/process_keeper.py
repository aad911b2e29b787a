"""Starts child processes, and makes sure that they end together."""

import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

SECONDS_TO_STOP = 20
PR_SET_PDEATHSIG = 1  # linux/prctl.h


@dataclass(slots=True)
class ProcessKeeper:
    """The children of one `up`: all of them run, or none."""

    children: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    # A plain attribute: a threading.Event that a signal handler sets can block on its own lock.
    is_stop_wished: bool = False

    def listen_for_stop(self) -> None:
        """Take SIGTERM and Ctrl-C as the wish to stop cleanly."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)

    def start(
        self, name: str, arguments: Sequence[str], *, folder: Path, environment: Mapping[str, str]
    ) -> None:
        """Start a child in a process group of its own, so that Ctrl-C reaches it through us."""
        self.children[name] = subprocess.Popen(  # noqa: S603 - our own programs
            arguments,
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=_end_with_parent,  # noqa: PLW1509 - one call into libc, no threads run yet
        )

    def wait(self) -> str | None:
        """Wait a fifth of a second; returns the child that has ended by itself, if any."""
        time.sleep(0.2)
        if self.is_stop_wished:
            return None
        return next(
            (name for name, child in self.children.items() if child.poll() is not None), None
        )

    def stop(self) -> None:
        """Ask every child to end; after 20 s end what is left of their groups."""
        for child in self.children.values():
            _signal_group(child, signal.SIGTERM)
        give_up_at = time.monotonic() + SECONDS_TO_STOP
        for child in self.children.values():
            try:
                child.wait(timeout=max(0.1, give_up_at - time.monotonic()))
            except subprocess.TimeoutExpired:
                continue
        for child in self.children.values():
            _signal_group(child, signal.SIGKILL)
            child.wait()

    def _on_signal(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - signal's
        self.is_stop_wished = True


def _signal_group(child: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """Signal the child, and for SIGKILL all that it started."""
    try:
        if number == signal.SIGKILL:
            os.killpg(child.pid, number)
        else:
            child.send_signal(number)
    except (ProcessLookupError, PermissionError):
        return


def _end_with_parent() -> None:
    """Make the child stop when this process is killed; Linux only, elsewhere nothing happens."""
    try:
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    except (OSError, AttributeError):
        return
