"""What an export costs: rows a second and peak memory, of the product as a process of its own.

`EXPORT_ROWS=100000 uv run pytest -m benchmark -s tests/benchmarks/test_export_events.py`
"""

import csv
import os
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.support.databases import empty_database

pytestmark = pytest.mark.benchmark
ROWS = int(os.environ.get("EXPORT_ROWS", "1000000"))
PEOPLE = ROWS // 10
MOST_MEMORY = 250  # MiB


def write_history(file: Path) -> None:
    """Write a file of events for the import to fill the database with."""
    begin = datetime.now(tz=UTC) - timedelta(days=300)
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["email", "externalId", "name", "eventId", "occurredAt", "properties"])
        writer.writerows(
            [
                f"p{number * 7919 % PEOPLE}@example.com",
                f"u{number * 7919 % PEOPLE}",
                f"name{number % 20}",
                f"e{number}",
                (begin + timedelta(seconds=number)).isoformat(),
                f'{{"plan": "pro", "order": {{"id": "A-{number}", "total": {number / 4}}}}}',
            ]
            for number in range(ROWS)
        )


def manage(environment: dict[str, str], *arguments: str) -> tuple[float, float]:
    """Run a command; return its seconds and its peak memory in MiB."""
    began = time.perf_counter()
    process = subprocess.Popen([sys.executable, "manage.py", *arguments], env=environment)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return time.perf_counter() - began, usage.ru_maxrss / 1024


@pytest.mark.parametrize("kind", ["sqlite", pytest.param("postgresql", marks=[
    pytest.mark.postgresql])])  # fmt: skip
def test_events_leave_fast_in_constant_memory(kind: str, tmp_path: Path) -> None:
    history = tmp_path / "history.csv"
    write_history(history)
    with empty_database(kind, tmp_path) as environment:
        manage(environment, "migrate", "--verbosity", "0")
        manage(environment, "create_workspace", "Acme")
        manage(environment, "import_events", str(history), "--workspace", "acme")
        for name in ("events.csv", "events.jsonl", "events.csv.gz"):
            file = tmp_path / name

            seconds, memory = manage(
                environment, "export_events", str(file), "--workspace", "acme", "--verbosity", "0"
            )

            sys.stdout.write(
                f"{kind} {name}: {ROWS:,} events in {seconds:.1f} s, {ROWS / seconds:,.0f} a "
                f"second, {file.stat().st_size / 2**20:,.0f} MiB, peak memory {memory:.0f} MiB\n"
            )
            assert memory < MOST_MEMORY
            if name == "events.csv":
                assert file.read_bytes().count(b"\r\n") == ROWS + 1
