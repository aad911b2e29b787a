"""Temporary folders that do not stay for ever when a run of the tests is killed.

The process that makes a folder holds a lock on a file in it. The system releases the lock when the
process ends, also when it is killed, and the next run removes the folders that nobody has locked.
"""

import fcntl
import shutil
import tempfile
import time
from pathlib import Path
from typing import IO

LOCK = "in-use"
# A folder is without its lock for a moment while it is made, and for ever if it was cut off then.
SECONDS_WITHOUT_LOCK = 24 * 3600

_locks: dict[Path, IO[str]] = {}


def make(*, prefix: str) -> Path:
    """Make a folder and lock it; remove those that killed runs have left under this prefix."""
    for left in Path(tempfile.gettempdir()).glob(f"{prefix}*"):
        if _is_left(left):
            shutil.rmtree(left, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=prefix))
    making = folder / f"{LOCK}-soon"
    # Private, as all files in a data folder are.
    making.touch(mode=0o600)
    lock = making.open("w")
    fcntl.flock(lock, fcntl.LOCK_EX)
    # Under its name the file is locked from the first moment.
    making.rename(folder / LOCK)
    _locks[folder] = lock
    return folder


def remove(folder: Path) -> None:
    """Remove a folder of this process."""
    shutil.rmtree(folder, ignore_errors=True)
    _locks.pop(folder).close()


def _is_left(folder: Path) -> bool:
    try:
        with (folder / LOCK).open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return _is_old(folder)
    except OSError:  # Locked, or somebody else's.
        return False
    return True


def _is_old(folder: Path) -> bool:
    try:
        return folder.stat().st_mtime < time.time() - SECONDS_WITHOUT_LOCK
    except FileNotFoundError:
        return False
