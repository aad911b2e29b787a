"""Imports that are killed and resumed, and files that come twice: no row lost, none there twice.

Real processes. `FAULT_ROWS` (20,000) rows; the releases' test has more.
"""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.support.running import ROOT
from tests.support.working import fill_with_tables, manage, value_of

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("commands")]

ROWS = int(os.environ.get("FAULT_ROWS", "20000"))
BATCH = 500
BAD = range(100, ROWS, 997)
SECONDS = 120 + ROWS // 500
EVENTS = "SELECT count(*) FROM events_event"
ROWS_DONE = "SELECT rows FROM subscribers_importrun ORDER BY id DESC LIMIT 1"


@pytest.fixture
def prepared(environment: dict[str, str]) -> dict[str, str]:
    """A migrated database with a workspace."""
    fill_with_tables(environment)
    done = manage(environment, "create_workspace", "Acme", "--slug", "acme")
    assert done.returncode == 0, done.stderr
    return environment


def write_file(path: Path) -> Path:
    """Write rows, a thousandth of which is bad."""
    lines = ["email,name,eventId,occurredAt,properties.number"]
    for number in range(ROWS):
        name = "" if number in BAD else f"name{number % 7}"
        moment = f"2026-0{1 + number % 9}-11T10:00:00Z"
        lines.append(f"p{number % 1000}@example.com,{name},e{number},{moment},{number}")
    path.write_text("\n".join([*lines, ""]))
    return path


def arguments(path: Path, rejects: Path) -> list[str]:
    given = ["import_events", str(path), "--workspace=acme", "--json", "--quiet"]
    return [*given, f"--batch-size={BATCH}", f"--rejects={rejects}"]


def result_of(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    said: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return said


def kill_at(environment: dict[str, str], command: list[str], rows: int, number: int) -> int:
    """Start an import and send it a signal once so many rows are in; returns the exit code."""
    process = subprocess.Popen(
        [sys.executable, "manage.py", *command],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    give_up_at = time.monotonic() + SECONDS
    while (value_or_none(environment) or 0) < rows:
        assert time.monotonic() < give_up_at
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(number)
    return process.wait(timeout=SECONDS)


def value_or_none(environment: dict[str, str]) -> int | None:
    try:
        done: int = value_of(environment, ROWS_DONE)
    except (TypeError, IndexError):
        return None
    return done


@pytest.mark.parametrize("killed_by", [signal.SIGKILL, signal.SIGINT])
def test_a_killed_import_goes_on_where_it_was(
    prepared: dict[str, str], tmp_path: Path, killed_by: signal.Signals
) -> None:
    command = arguments(write_file(tmp_path / "events.csv"), tmp_path / "rejects.csv")
    code = kill_at(prepared, command, ROWS * 4 // 10, killed_by)
    done_before = value_of(prepared, ROWS_DONE)

    # At once: its lock file shows that it is dead.
    resumed = manage(prepared, *command, "--resume")

    assert code == (130 if killed_by is signal.SIGINT else -signal.SIGKILL)
    assert ROWS * 4 // 10 <= done_before < ROWS
    assert resumed.returncode == 3, resumed.stderr
    said = result_of(resumed)
    assert (said["rows"], said["rejected"]) == (ROWS, len(BAD))
    assert said["recorded"] == ROWS - len(BAD)
    assert said["duplicates"] == 0
    assert value_of(prepared, EVENTS) == ROWS - len(BAD)
    assert value_of(prepared, "SELECT count(DISTINCT event_id) FROM events_event") == ROWS - len(
        BAD
    )
    assert value_of(prepared, "SELECT count(*) FROM subscribers_subscriber") == 1000
    assert len((tmp_path / "rejects.csv").read_text().splitlines()) == 1 + len(BAD)
    counted = "SELECT sum(count) FROM events_eventcount WHERE unit = '{}'"
    assert value_of(prepared, counted.format("day")) == ROWS - len(BAD)
    assert value_of(prepared, counted.format("hour")) == ROWS - len(BAD)


def test_a_file_that_comes_twice_changes_nothing(prepared: dict[str, str], tmp_path: Path) -> None:
    path = write_file(tmp_path / "events.csv")
    first = manage(prepared, *arguments(path, tmp_path / "one.csv"))
    pictures = [value_of(prepared, each) for each in PICTURES]

    second = manage(prepared, *arguments(path, tmp_path / "two.csv"))

    assert result_of(first)["recorded"] == ROWS - len(BAD)
    said = result_of(second)
    assert said["duplicates"] == ROWS - len(BAD)
    assert said["recorded"] == said["subscribersCreated"] == said["definitionsCreated"] == 0
    assert [value_of(prepared, each) for each in PICTURES] == pictures


PICTURES = (
    EVENTS,
    "SELECT count(DISTINCT id) FROM events_event",
    "SELECT max(updated_at) FROM subscribers_subscriber",
    "SELECT min(created_at) FROM subscribers_subscriber",
    "SELECT max(created_at) FROM subscribers_subscriber",
    "SELECT count(*) FROM events_eventdefinition",
)
