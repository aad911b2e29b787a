"""How the ticker and the pool tell the supervisor that they live: bytes on a pipe.

A pipe needs no database, no lock and no clock in common, and it tells the other way round as
well: a child whose pipe is broken has lost its supervisor.
"""

import contextlib
import os
from dataclasses import dataclass

# All is well; of the pool: a process is free.
WELL = b"."
# Of the pool: every process is at work, each within its time.
BUSY = b"b"
# Of the ticker: a beat has not come back through the queue.
OVERDUE = b"!"
# The database does not answer, or its migrations are not there yet.
WAITING = b"w"


class SupervisorGone(RuntimeError):
    """The process at the other end of the pipe has ended."""


@dataclass(frozen=True, slots=True)
class Pulse:
    """The child's end; without a descriptor nobody listens, as in a test."""

    descriptor: int | None = None

    def give(self, state: bytes) -> None:
        """Write one byte and never wait; raises `SupervisorGone`."""
        if self.descriptor is None:
            return
        try:
            os.write(self.descriptor, state)
        except BlockingIOError:
            # The supervisor has a whole pipe full to read.
            return
        except OSError as error:
            raise SupervisorGone from error


@dataclass(slots=True)
class PulseReader:
    """The supervisor's end."""

    descriptor: int
    child_descriptor: int

    @classmethod
    def open(cls) -> "PulseReader":
        """Make a pipe; the child gets `child_descriptor`."""
        reading, writing = os.pipe()
        os.set_blocking(reading, False)
        os.set_blocking(writing, False)
        return cls(reading, writing)

    def leave_to_child(self) -> None:
        """Close the child's end here, once the child has it."""
        os.close(self.child_descriptor)

    def read(self) -> bytes:
        """Return the last byte since the last read; empty when there was none."""
        with contextlib.suppress(BlockingIOError):
            return os.read(self.descriptor, 65536)[-1:]
        return b""

    def close(self) -> None:
        """Close this end."""
        os.close(self.descriptor)
