"""Children that end when they are asked to, when they are killed, and with their parent."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from config.process_groups import ProcessGroup
from tests.support.running import ROOT

SLEEPING = "import time; time.sleep(60)"
# A child of a child that says where it is.
NESTED = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
open(sys.argv[1], "w").write(f"{child.pid} ")
time.sleep(60)
"""
# A parent that starts a group, says where it is, and waits to be killed.
PARENT = """
import os, signal, sys, time
from pathlib import Path
from config.process_groups import ProcessGroup
group = ProcessGroup.start(
    [sys.executable, "-c", "import time; time.sleep(60)"], folder=Path("."),
    environment=os.environ, death_signal=signal.SIGKILL,
)
open(sys.argv[1], "w").write(f"{group.leader.pid} ")
time.sleep(60)
"""


def start(script: str, *arguments: str) -> ProcessGroup:
    return ProcessGroup.start(
        [sys.executable, "-c", script, *arguments],
        folder=ROOT,
        environment=os.environ,
        death_signal=signal.SIGKILL,
    )


def wait_for_number(file: Path) -> int:
    """Wait until a script wrote its child's process id."""
    for _ in range(1000):
        if file.exists() and file.read_text().endswith(" "):
            return int(file.read_text())
        time.sleep(0.02)
    raise AssertionError(f"The script did not write {file} within 20 s.")


def has_ended(process_id: int) -> bool:
    """Wait for a process that is not our child to end; a zombie counts as ended."""
    for _ in range(250):
        try:
            state = Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return True
        if state == "Z":
            return True
        time.sleep(0.02)
    return False


def test_a_child_ends_when_asked() -> None:
    group = start(SLEEPING)

    group.ask_to_end()

    assert group.wait(seconds=10)
    assert group.leader.returncode == -signal.SIGTERM


def test_a_child_that_ended_may_be_asked_and_ended_again() -> None:
    group = start(SLEEPING)
    group.end_now()

    group.ask_to_end()
    group.end_now()

    assert group.exit_code == -signal.SIGKILL


def test_ending_a_group_ends_what_the_child_started(tmp_path: Path) -> None:
    group = start(NESTED, str(tmp_path / "id"))
    nested = wait_for_number(tmp_path / "id")

    group.end_now()

    assert has_ended(nested)
    assert group.exit_code == -signal.SIGKILL


def test_what_a_child_left_is_ended_after_it(tmp_path: Path) -> None:
    group = start(NESTED, str(tmp_path / "id"))
    nested = wait_for_number(tmp_path / "id")
    group.leader.kill()
    assert group.wait(seconds=10)

    group.end_now()

    assert has_ended(nested)


def test_a_killed_parent_takes_its_children_along(tmp_path: Path) -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT, str(tmp_path / "id")], cwd=ROOT)
    child = wait_for_number(tmp_path / "id")

    parent.kill()
    parent.wait()

    assert has_ended(child)
