"""How fast subscribers are read, beside a bare ModelViewSet, and at any depth of a long list.

    uv run pytest -m benchmark tests/benchmarks/test_people_reads.py -s

`BENCHMARK_PEOPLE` (1,000,000) says how many the list has at the end. It asserts no figure.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.databases import empty_database
from tests.support.running import ROOT
from tests.support.working import fill_with_tables

pytestmark = pytest.mark.benchmark
COMPARED = os.environ.get("BENCHMARK_COMPARED", "100000")
PEOPLE = os.environ.get("BENCHMARK_PEOPLE", "1000000")


@pytest.mark.parametrize("kind", ["sqlite", pytest.param("postgresql", marks=[
    pytest.mark.postgresql])])  # fmt: skip
def test_reading_subscribers(kind: str, tmp_path: Path) -> None:
    with empty_database(kind, tmp_path) as environment:
        fill_with_tables(environment)
        command = [sys.executable, "-m", "tests.benchmarks.people_reads", COMPARED, PEOPLE]
        subprocess.run(command, cwd=ROOT, env=environment, check=True)
