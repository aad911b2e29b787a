"""The schedules of retries: their pauses, and that none outgrows its longest."""

from datetime import UTC, datetime, timedelta

import pytest

from config import retries
from config.retries import Backoff

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
SCHEDULES = {name: each for name, each in vars(retries).items() if isinstance(each, Backoff)}


@pytest.mark.parametrize(
    ("name", "seconds"),
    [
        ("STEPS", [10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600]),
        ("STAGES", [60, 120, 240, 480, 960, 1920, 3840, 7680, 15360, 21600]),
        ("MAILS", [20, 60, 180, 540, 1620, 4860, 14400, 14400, 14400]),
        ("UNKNOWN_CONFIRMATIONS", [60, 60]),
        ("NO_MAIL_SERVER", [5, 10, 20, 40, 80, 160, 300]),
        ("SILENT_MAIL_SERVER", [30, 60, 120, 240, 300]),
        ("TICKER", [1, 2, 4, 5]),
        ("WORKER_PARTS", [1, 2, 4, 8, 16, 30]),
    ],
)
def test_pauses_grow_to_the_longest(name: str, seconds: list[int]) -> None:
    pauses = [SCHEDULES[name].pause(failures=failures + 1) for failures in range(len(seconds))]

    assert pauses == [timedelta(seconds=each) for each in seconds]


@pytest.mark.parametrize("name", SCHEDULES)
def test_many_failures_end_at_the_longest_pause_or_the_last_attempt(name: str) -> None:
    schedule = SCHEDULES[name]
    end = None if schedule.give_up_after else NOON + schedule.longest

    assert schedule.pause(failures=11) == schedule.longest
    assert schedule.next_at(failures=10_000, now=NOON) == end


def test_the_last_failure_has_no_next_attempt() -> None:
    schedule = Backoff(first=timedelta(1), longest=timedelta(1), give_up_after=2)

    assert schedule.next_at(failures=1, now=NOON) == NOON + timedelta(1)
    assert schedule.next_at(failures=2, now=NOON) is None
