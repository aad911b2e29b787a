"""A worker ran by a clock that was ahead, and is dead: nobody takes its last tick for life."""

import json
from pathlib import Path

import pytest

from tests.support.clocks import LIBRARY, faked
from tests.support.running import call, serving
from tests.support.working import Working, fill_with_tables, kill, manage

pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif(LIBRARY is None, reason="faketime is not installed"),
]


def test_a_tick_from_the_future_is_no_life(environment: dict[str, str], tmp_path: Path) -> None:
    fill_with_tables(environment)
    ahead = {**environment, **faked("+3h")}
    early = Working(ahead, tmp_path / "early")
    try:
        early.wait_for_beat()
    finally:
        kill(*early.everybody())
        early.process.wait()

    with serving("config.rsgi:application", environment) as (port, _):
        status, answer = call(port, "GET", "/healthz/worker")
    doctor = json.loads(manage(environment, "doctor", "--json").stdout)

    assert (status, answer["workers"], answer["lastTickSeconds"]) == (503, 0, None)
    assert answer["reason"].startswith("A worker's last report is 10")
    said = next(each for each in doctor["checks"] if each["name"] == "alive")
    assert said["level"] == "problem"

    # The next worker, by the right clock, is one.
    working = Working(environment, tmp_path / "working")
    try:
        alive = "SELECT count(beat_at) FROM events_worker WHERE stopped_at IS NULL"
        working.wait_until(lambda: working.value(alive) == 1)
    finally:
        working.process.kill()
        working.process.wait()
