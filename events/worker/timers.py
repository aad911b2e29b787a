"""What the pool knows of its processes: one shared page of numbers, written without locks.

A lock that a process holds when it is killed is never released: with django-q's own timers and
queues the kill of one process can stop all of them for good. Here each number has one writer.
"""

import contextlib
import mmap
import time

IDLE = -1.0
NUMBERS = 2


class TimerPage:
    """The timers of a pool, and its wish that all stop; shared with every process forked after."""

    def __init__(self, size: int) -> None:
        """Make a page for that many processes."""
        page = mmap.mmap(-1, 8 * (NUMBERS * size + 1))
        self._numbers = memoryview(page).cast("d")

    def timer(self, place: int) -> "Timer":
        """Return the timer of one process."""
        start = NUMBERS * place
        return Timer(self._numbers[start : start + NUMBERS])

    @property
    def is_stop_wished(self) -> bool:
        """Whether processes should end after what they are at."""
        return self._numbers[-1] > 0

    def wish_stop(self) -> None:
        """Ask all processes to end."""
        self._numbers[-1] = 1


class Timer:
    """One process's: django-q sets how many seconds its task may take, or -1 for none."""

    def __init__(self, numbers: "memoryview[float]") -> None:
        """Take the two numbers of the page that are this timer's."""
        self._numbers = numbers

    @property
    def value(self) -> float:
        """The seconds that were given when the task began; below 0 when there is none."""
        return self._numbers[0]

    @value.setter
    def value(self, seconds: float) -> None:
        self._numbers[0] = seconds
        self.touch()

    def touch(self) -> None:
        """Note that the process moves."""
        self._numbers[1] = time.monotonic()

    def get_lock(self) -> contextlib.AbstractContextManager[None]:
        """Return what django-q enters while it hands over a result: nothing to hold."""
        return contextlib.nullcontext()

    @property
    def is_idle(self) -> bool:
        """Whether no task is being carried out."""
        return self.value < 0

    @property
    def seconds_since_touch(self) -> float:
        """How long ago the process was heard last."""
        return time.monotonic() - self._numbers[1]
