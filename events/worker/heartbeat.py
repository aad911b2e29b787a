"""Heartbeats of the ticker and the pool to the supervisor: bytes on a pipe.

A pipe needs no database, lock or common clock. It also works the other way round: a child whose
pipe is broken has lost its supervisor.
"""

import contextlib
import os
from dataclasses import dataclass

# Healthy; from the pool: a process is free.
WELL = b"."
# From the pool: every process carries out a task, each within its time.
BUSY = b"b"
# From the ticker: a probe was not carried out in time.
OVERDUE = b"!"
# The database does not answer, or its migrations are not there yet.
WAITING = b"w"


class SupervisorGone(RuntimeError):
    """The process at the other end of the pipe has ended."""


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """The child's end; without a descriptor nothing is sent, as in tests."""

    descriptor: int | None = None

    def send(self, state: bytes) -> None:
        """Write one byte without waiting; raises `SupervisorGone`."""
        if self.descriptor is None:
            return
        try:
            os.write(self.descriptor, state)
        except BlockingIOError:
            return  # the pipe is full: the supervisor has enough to read
        except OSError as error:
            raise SupervisorGone from error


@dataclass(slots=True)
class HeartbeatReader:
    """The supervisor's end."""

    descriptor: int
    child_descriptor: int

    @classmethod
    def open(cls) -> "HeartbeatReader":
        reading, writing = os.pipe()
        os.set_blocking(reading, False)
        os.set_blocking(writing, False)
        return cls(reading, writing)

    def leave_to_child(self) -> None:
        os.close(self.child_descriptor)

    def read(self) -> bytes:
        """Return the last byte since the last read, or nothing."""
        with contextlib.suppress(BlockingIOError):
            return os.read(self.descriptor, 65536)[-1:]
        return b""

    def close(self) -> None:
        os.close(self.descriptor)
