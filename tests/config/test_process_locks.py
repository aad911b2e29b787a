"""A lock file shows who lives: while it is held, after its holder was killed, and not elsewhere."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID, uuid4

from config import process_locks
from tests.support.running import ROOT

HOLD = """
import os, subprocess, sys
from pathlib import Path
from uuid import UUID
from config import process_locks
lock = process_locks.hold(folder=Path(sys.argv[1]), kind="worker", owner=UUID(sys.argv[2]))
child = subprocess.Popen(["sleep", "60"], pass_fds=[lock])
print(child.pid, flush=True)
sys.stdin.read()
"""


@contextmanager
def holder(folder: Path, owner: UUID) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """Start a process that holds a lock together with its child; yields both."""
    command = [sys.executable, "-c", HOLD, str(folder), owner.hex]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe) as process:
        assert process.stdout is not None
        yield process, int(process.stdout.readline())


def abandoned(folder: Path) -> list[UUID]:
    return list(process_locks.abandoned(folder=folder, kind="worker"))


def test_an_owner_is_dead_when_all_its_processes_are(tmp_path: Path) -> None:
    owner = uuid4()
    with holder(tmp_path, owner) as (process, child_id):
        assert abandoned(tmp_path) == []
        process.kill()
        process.wait()
        assert abandoned(tmp_path) == []
        assert not process_locks.has_died(folder=tmp_path, kind="worker", owner=owner)

        os.kill(child_id, 9)
        while Path(f"/proc/{child_id}").exists():
            pass

    assert abandoned(tmp_path) == [owner]
    # Its file is gone, and a file that is not there says nothing.
    assert abandoned(tmp_path) == []
    assert not process_locks.has_died(folder=tmp_path, kind="worker", owner=owner)


def leave_lock(folder: Path, *, kind: str = "worker") -> UUID:
    """Leave the file of a process that is dead; return its owner."""
    owner = uuid4()
    lock = process_locks.hold(folder=folder, kind=kind, owner=owner)
    assert lock is not None
    os.close(lock)
    return owner


def test_a_file_stays_when_its_owner_could_not_be_cared_for(tmp_path: Path) -> None:
    owner = leave_lock(tmp_path)

    owners = process_locks.abandoned(folder=tmp_path, kind="worker")
    assert next(owners) == owner
    # While one process cares for it, another does not.
    assert abandoned(tmp_path) == []
    owners.close()  # type: ignore[attr-defined]

    assert abandoned(tmp_path) == [owner]


def test_a_copy_of_the_folder_says_nothing_about_who_lives(tmp_path: Path) -> None:
    folder, copy = tmp_path / "one", tmp_path / "other"
    folder.mkdir()
    owner = uuid4()
    with process_locks.held(folder=folder, kind="worker", owner=owner):
        shutil.copytree(folder, copy)

        assert abandoned(copy) == []
        assert not process_locks.has_died(folder=copy, kind="worker", owner=owner)


def test_a_lock_is_no_standard_file_which_children_have_of_their_own(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLD, str(tmp_path), uuid4().hex]
    closed = ["sh", "-c", 'exec "$@" <&-', "sh", *command]
    shown = HOLD.replace("print(child.pid, flush=True)", "print(lock); child.kill()")
    closed[closed.index(HOLD)] = shown.replace("sys.stdin.read()", "")

    printed = subprocess.run(closed, cwd=ROOT, capture_output=True, text=True, check=True).stdout

    assert int(printed) > 2


def test_other_files_and_other_kinds_are_left_alone(tmp_path: Path) -> None:
    owner = leave_lock(tmp_path, kind="import")
    for name in ("worker-x.lock", f"worker-{owner.hex}.new"):
        (tmp_path / name).touch()

    assert abandoned(tmp_path) == []
    assert process_locks.has_died(folder=tmp_path, kind="import", owner=owner)


def test_a_folder_that_cannot_keep_a_lock_is_no_error(tmp_path: Path) -> None:
    missing = tmp_path / "missing"

    assert process_locks.hold(folder=missing, kind="worker", owner=uuid4()) is None
    with process_locks.held(folder=missing, kind="import", owner=uuid4()):
        pass


def test_work_that_ends_leaves_no_file(tmp_path: Path) -> None:
    with process_locks.held(folder=tmp_path, kind="import", owner=uuid4()):
        assert len(list(tmp_path.iterdir())) == 1

    assert list(tmp_path.iterdir()) == []
