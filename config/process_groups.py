"""Child processes, each the leader of its own group, that do not outlive their parent.

Standard library only: what starts and ends processes must not depend on a database.
"""

import contextlib
import ctypes
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

PR_SET_PDEATHSIG = 1  # linux/prctl.h
EXIT_ORPHANED = 70


@dataclass(slots=True)
class ProcessGroup:
    """A child and all that it started."""

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
