"""How long each page of the admin takes in a large installation.

    uv run pytest -m benchmark tests/benchmarks/test_admin_pages.py -s

`BENCHMARK_EVENTS` (1,000,000) says how many events; what else there is stands in
`tests.support.scale_rows`. It measures and asserts no figure.
"""

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
def test_every_page_of_the_admin(kind: str, tmp_path: Path) -> None:
    with empty_database(kind, tmp_path) as environment:
        for command in (
            ["manage.py", "migrate", "--verbosity", "0"],
            ["-m", "tests.support.scale_rows", EVENTS],
            ["-m", "tests.support.page_times"],
        ):
            subprocess.run([sys.executable, *command], cwd=ROOT, env=environment, check=True)
