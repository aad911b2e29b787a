"""When the pool kills one of its processes."""

import time

import pytest

from events.worker.pool import _reason_to_kill
from events.worker.timers import IDLE, Timer, TimerPage


@pytest.fixture
def timer() -> Timer:
    return TimerPage(1).timer(0)


@pytest.mark.parametrize(
    ("value", "seconds", "reason"),
    [
        (IDLE, 29, ""),
        (IDLE, 31, "it did nothing for 31 s"),
        # django-q gives a task three seconds more than its own alarm.
        (63.0, 64, ""),
        (63.0, 66, "its task took longer than 60 s"),
        # A process that was given 0 ends by itself.
        (0.0, 1, ""),
        (0.0, 3, "its task took longer than 60 s"),
    ],
)
def test_a_process_is_killed_for_a_reason(
    timer: Timer, monkeypatch: pytest.MonkeyPatch, value: float, seconds: float, reason: str
) -> None:
    timer.value = value

    later = time.monotonic() + seconds
    monkeypatch.setattr(time, "monotonic", lambda: later)

    assert _reason_to_kill(timer) == reason
