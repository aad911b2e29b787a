"""Allows one `up` for a data folder: it locks a file with its process number and address.

The lock ends with the process, in whatever way that ends, so a left-over file means nothing.
"""

import contextlib
import fcntl
import os
import time
from pathlib import Path
from typing import TextIO

NAME = "up.lock"
# Another process that reads the address holds the lock for a moment.
SECONDS_TO_TRY = 1.0


class AlreadyRuns(RuntimeError):
    """Another `up` runs in the folder."""

    def __init__(self, *, process: str, url: str) -> None:
        super().__init__(f"Cueline already runs in this folder (process {process}, {url}).")


def claim(*, folder: Path, url: str) -> TextIO:
    """Return the locked file, to be kept open while this `up` runs. Raises `AlreadyRuns`."""
    file = (folder / NAME).open("a+")
    give_up_at = time.monotonic() + SECONDS_TO_TRY
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError as error:
            if time.monotonic() > give_up_at:
                process, url = _read(file)
                file.close()
                raise AlreadyRuns(process=process, url=url) from error
            time.sleep(0.1)
        except OSError:
            # On a file system without locks a second `up` cannot be noticed.
            break
    file.truncate(0)
    file.write(f"{os.getpid()} {url}")
    file.flush()
    return file


def address(*, folder: Path) -> str:
    """Return the public URL of the `up` that runs in the folder, or nothing if none does."""
    with contextlib.suppress(OSError), (folder / NAME).open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return _read(file)[1]
    return ""


def _read(file: TextIO) -> tuple[str, str]:
    file.seek(0)
    process, _, url = file.read().partition(" ")
    return process, url
