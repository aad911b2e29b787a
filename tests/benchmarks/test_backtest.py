"""How long a backtest takes over a million events of 30 days, in the worker's slices.

    uv run pytest -m benchmark tests/benchmarks/test_backtest.py -s

`BENCHMARK_EVENTS` (1,000,000) says how many. It measures and asserts no figure.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.databases import empty_database
from tests.support.running import ROOT

pytestmark = pytest.mark.benchmark
EVENTS = os.environ.get("BENCHMARK_EVENTS", "1000000")


@pytest.mark.parametrize("kind", ["sqlite", pytest.param("postgresql", marks=[
    pytest.mark.postgresql])])  # fmt: skip
def test_a_backtest_over_many_events(kind: str, tmp_path: Path) -> None:
    with empty_database(kind, tmp_path) as environment:
        subprocess.run(
            [sys.executable, "manage.py", "migrate", "--verbosity", "0"],
            cwd=ROOT, env=environment, check=True,
        )  # fmt: skip
        done = subprocess.run(
            [sys.executable, "-m", "tests.support.backtest_rows", EVENTS],
            cwd=ROOT, env=environment, check=True, capture_output=True, text=True,
        )  # fmt: skip
    measured = json.loads(done.stdout)
    sys.stdout.write(f"{kind:10} {int(EVENTS):,} events: {measured}\n")
    assert measured["status"] == "finished"
    assert measured["entered"] > 0
