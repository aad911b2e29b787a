"""A child that ended is started again, later each time; all children end together."""

import os
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from config import process_groups
from config.management.process_keeper import ProcessKeeper
from config.retries import Backoff

ENDING = "import sys; open(sys.argv[1], 'a').write('x'); sys.exit(7)"
STAYING = "import sys, time; open(sys.argv[1], 'a').write('x'); time.sleep(60)"


@pytest.fixture
def keeper(monkeypatch: pytest.MonkeyPatch) -> Iterator[ProcessKeeper]:
    quick = Backoff(first=timedelta(milliseconds=50), longest=timedelta(seconds=30))
    monkeypatch.setattr(process_groups, "WORKER_PARTS", quick)
    kept = ProcessKeeper()
    yield kept
    kept.stop()


def start(keeper: ProcessKeeper, name: str, script: str, folder: Path) -> None:
    arguments = [sys.executable, "-c", script, str(folder / name)]
    keeper.start(name, arguments, folder=folder, environment=os.environ)


def starts(folder: Path, name: str) -> int:
    return len((folder / name).read_text())


def test_a_child_that_keeps_ending_is_started_again_and_again(
    keeper: ProcessKeeper, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    start(keeper, "web", STAYING, tmp_path)
    start(keeper, "worker", ENDING, tmp_path)

    give_up_at = time.monotonic() + 20
    while keeper.children["worker"].failures < 3 and time.monotonic() < give_up_at:
        if ended := keeper.wait():
            keeper.start_again(ended)

    assert starts(tmp_path, "worker") == 3
    assert starts(tmp_path, "web") == 1
    said = [each.getMessage() for each in caplog.records]
    assert said[0] == "The worker process ended by itself (7); it starts again in 0 s."
    assert said[2].startswith("The worker process ended by itself (7), 3 times in a row;")


def test_nothing_is_started_again_once_it_stops(keeper: ProcessKeeper, tmp_path: Path) -> None:
    start(keeper, "worker", ENDING, tmp_path)
    while (ended := keeper.wait()) is None:
        pass
    keeper.start_again(ended)
    keeper.is_stopping = True

    assert keeper.wait() is None
    keeper.stop()
    assert starts(tmp_path, "worker") == 1
