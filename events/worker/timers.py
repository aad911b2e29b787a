"""What the pool knows of its processes: one shared page of numbers, written without locks.

A lock that a process holds when it is killed is never released: with django-q's own timers and
queues one killed process can block all others forever. Here each number has one writer.
"""

import contextlib
import mmap
import time

IDLE = -1.0
NUMBERS = 2


class TimerPage:
    """The timers of a pool and its request to stop, shared with processes forked later."""

    def __init__(self, size: int) -> None:
        page = mmap.mmap(-1, 8 * (NUMBERS * size + 1))
        self._numbers = memoryview(page).cast("d")

    def timer(self, place: int) -> "Timer":
        start = NUMBERS * place
        return Timer(self._numbers[start : start + NUMBERS])

    @property
    def is_stopping(self) -> bool:
        return self._numbers[-1] > 0

    def request_stop(self) -> None:
        self._numbers[-1] = 1


class Timer:
    """One process's timer: django-q sets how many seconds its task may take, or -1 for none."""

    def __init__(self, numbers: "memoryview[float]") -> None:
        self._numbers = numbers

    @property
    def value(self) -> float:
        """The seconds that the task was given when it began; below 0 if there is none."""
        return self._numbers[0]

    @value.setter
    def value(self, seconds: float) -> None:
        self._numbers[0] = seconds
        self.touch()

    def touch(self) -> None:
        self._numbers[1] = time.monotonic()

    def get_lock(self) -> contextlib.AbstractContextManager[None]:
        """Return what django-q enters while it delivers a result: no lock."""
        return contextlib.nullcontext()

    @property
    def is_idle(self) -> bool:
        return self.value < 0

    @property
    def seconds_since_touch(self) -> float:
        return time.monotonic() - self._numbers[1]
