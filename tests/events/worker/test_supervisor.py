"""The supervisor restarts what ended; a few lines of script stand for the parts."""

import signal
import sys
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from config import process_groups
from config.retries import Backoff
from events.worker import heartbeat, supervisor
from events.worker.supervisor import Part, PartRefused, Supervisor

QUICK = Backoff(first=timedelta(milliseconds=50), longest=timedelta(seconds=30))
BEATING = """
import os, sys, time
pipe = int(sys.argv[-1])
open({started!r}, "a").write("x")
while True:
    os.write(pipe, {state!r})
    time.sleep(0.02)
"""
SILENT = "import time; open({started!r}, 'a').write('x'); time.sleep(60)"
ENDING = "open({started!r}, 'a').write('x')"
REFUSING = "import sys; sys.exit(3)"
STUBBORN = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
open({started!r}, "a").write("x")
time.sleep(60)
"""


class Staged(Supervisor):
    """A supervisor whose parts are scripts."""

    def stage(self, folder: Path, **scripts: str) -> None:
        """Say what each part runs."""
        self.folder = folder
        self.scripts = scripts

    def starts(self, part: str) -> int:
        """Count how often a part was started."""
        file = self.folder / part
        return len(file.read_text()) if file.exists() else 0

    def _arguments(self, part: Part) -> list[str]:
        started = str(self.folder / part.name)
        script = self.scripts[part.name].replace("{started!r}", repr(started))
        return [sys.executable, "-c", script]


def beating(state: bytes) -> str:
    return BEATING.replace("{state!r}", repr(state))


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Shorten what a supervisor waits for, and give the test run its signals back."""
    kept = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    monkeypatch.setattr(supervisor, "SECONDS_WITHOUT_HEARTBEAT", 10)
    monkeypatch.setattr(supervisor, "SECONDS_UNTIL_STUCK", 0.3)
    monkeypatch.setattr(supervisor, "SECONDS_TO_STOP", 0.5)
    monkeypatch.setattr(supervisor, "LONGEST_SLEEP", 0.02)
    yield
    for number, action in kept.items():
        signal.signal(number, action)


def run_until(supervised: Staged, part: str, *, starts: int, seconds: float = 15) -> None:
    """Run until a part was started that often, or the time is over."""

    def wait() -> None:
        give_up_at = time.monotonic() + seconds
        while supervised.starts(part) < starts and time.monotonic() < give_up_at:
            time.sleep(0.02)
        time.sleep(0.1)
        supervised.is_stopping = True

    threading.Thread(target=wait).start()
    supervised.run()


@pytest.fixture
def supervised(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Staged:
    staged = Staged()
    staged.stage(tmp_path, ticker=beating(heartbeat.WELL), pool=beating(heartbeat.WELL))
    monkeypatch.setattr(process_groups, "WORKER_PARTS", QUICK)
    return staged


def test_parts_that_live_are_left_alone(supervised: Staged) -> None:
    run_until(supervised, "ticker", starts=2, seconds=1.5)

    assert (supervised.starts("ticker"), supervised.starts("pool")) == (1, 1)
    assert supervised.restarts == 0


def test_a_part_that_ended_is_restarted_alone(supervised: Staged) -> None:
    supervised.scripts["ticker"] = ENDING

    run_until(supervised, "ticker", starts=3)

    assert supervised.starts("ticker") >= 3
    assert supervised.starts("pool") == 1
    assert supervised.restarts >= 2


def test_a_part_without_a_heartbeat_is_restarted(
    supervised: Staged, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "SECONDS_WITHOUT_HEARTBEAT", 0.5)
    supervised.scripts["ticker"] = SILENT

    run_until(supervised, "ticker", starts=2)

    assert supervised.starts("ticker") >= 2


def test_each_restart_waits_longer(supervised: Staged) -> None:
    supervised.scripts["pool"] = ENDING

    run_until(supervised, "pool", starts=4)

    pause = QUICK.pause(failures=supervised.pool.failures + 1)
    assert pause.total_seconds() >= 0.05 * 2**3


def test_a_pool_with_a_free_process_and_no_probe_is_restarted(supervised: Staged) -> None:
    supervised.scripts["ticker"] = beating(heartbeat.OVERDUE)

    run_until(supervised, "pool", starts=2)

    assert supervised.starts("pool") == 2
    assert supervised.starts("ticker") == 1


@pytest.mark.parametrize("state", [heartbeat.BUSY, heartbeat.WAITING])
def test_a_pool_that_is_busy_or_waits_is_not_dead(supervised: Staged, state: bytes) -> None:
    supervised.scripts = {"ticker": beating(heartbeat.OVERDUE), "pool": beating(state)}

    run_until(supervised, "pool", starts=2, seconds=1.5)

    assert supervised.starts("pool") == 1


def test_a_part_that_refuses_ends_the_supervisor(supervised: Staged) -> None:
    supervised.scripts["pool"] = REFUSING

    with pytest.raises(PartRefused):
        supervised.run()

    assert supervised.ticker.group is None


def test_a_part_that_does_not_stop_is_killed(supervised: Staged) -> None:
    supervised.scripts["pool"] = STUBBORN
    monitored = supervised.pool

    run_until(supervised, "pool", starts=1)

    assert monitored.group is None
