"""Child processes, each the leader of its own group, that do not outlive their parent.

Standard library only: what starts and ends processes must not depend on a database.
"""

import contextlib
import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from config.retries import WORKER_PARTS

PR_SET_PDEATHSIG = 1  # linux/prctl.h
EXIT_ORPHANED = 70
# After so long a life the pauses before restarts begin with the first again.
SECONDS_OF_STABLE_LIFE = 30.0


@dataclass(slots=True)
class ProcessGroup:
    leader: subprocess.Popen[bytes]

    @classmethod
    def start(
        cls,
        arguments: Sequence[str],
        *,
        folder: Path,
        environment: Mapping[str, str],
        death_signal: signal.Signals,
        kept_files: Sequence[int] = (),
    ) -> "ProcessGroup":
        """Start a child in its own session, so that Ctrl-C reaches it only through us.

        The kernel sends it `death_signal` when this process is killed; it inherits the open file
        descriptors `kept_files`.
        """
        leader = subprocess.Popen(  # noqa: S603 - our own programs
            arguments,
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            pass_fds=kept_files,
            # Two system calls, while no threads run.
            preexec_fn=partial(end_with_parent, death_signal, os.getpid()),  # noqa: PLW1509
        )
        return cls(leader)

    @property
    def exit_code(self) -> int | None:
        return self.leader.poll()

    def ask_to_end(self) -> None:
        """Send SIGTERM to the leader, which ends the rest itself."""
        with contextlib.suppress(ProcessLookupError):
            self.leader.send_signal(signal.SIGTERM)

    def wait(self, *, seconds: float) -> bool:
        """Wait for the leader's end; False if it takes longer."""
        try:
            self.leader.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def end_now(self) -> None:
        """Kill the leader and all that is left of its group."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.leader.pid, signal.SIGKILL)
        self.leader.wait()


@dataclass(slots=True)
class KeptProcess:
    """A child that is started again when it ended, after pauses that grow while it keeps ending."""

    name: str
    group: ProcessGroup | None = None
    started_at: float = 0.0
    failures: int = 0
    next_start_at: float = 0.0

    @property
    def is_due(self) -> bool:
        """Whether the child is to be started now."""
        return self.group is None and time.monotonic() >= self.next_start_at

    def began(self, group: ProcessGroup) -> None:
        self.group = group
        self.started_at = time.monotonic()

    def end(self) -> float:
        """End what is left of the group; returns the seconds until the next start."""
        if self.group is None:
            return 0.0
        self.group.end_now()
        self.group = None
        if time.monotonic() - self.started_at > SECONDS_OF_STABLE_LIFE:
            self.failures = 0
        self.failures += 1
        pause = WORKER_PARTS.pause(failures=self.failures).total_seconds()
        self.next_start_at = time.monotonic() + pause
        return pause


def end_with_parent(number: signal.Signals, parent_id: int) -> None:
    """Make this process get a signal when its parent ends, in whatever way.

    On Linux only; elsewhere nothing happens. The children of this process do not inherit it.
    """
    try:
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, number)
    except (OSError, AttributeError):
        return
    if os.getppid() != parent_id:
        # The parent ended before the kernel knew.
        os._exit(EXIT_ORPHANED)
