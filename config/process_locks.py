"""Lock files that show whether a process of this folder lives, in whatever way it ended.

The kernel drops a lock when the last process that has its file open ends. So a file that is there
and free belongs to a process that is dead. A file that is not there says nothing: its process may
run on another host, or where files cannot be locked. Nor does a copy of the folder, which nobody
locks while the process lives: each file names its own inode. Host names and process numbers say
nothing either, since containers share them.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import UUID

# A supervisor with the ticker and the pool; an import by command.
WORKER = "worker"
IMPORT = "import"
MOST_BYTES = 100


def hold(*, folder: Path, kind: str, owner: UUID) -> int | None:
    """Lock a new file, and return its descriptor; every process that it stands for keeps it open.

    None where the folder cannot keep one, or has no locks.
    """
    path = _path(folder, kind, owner)
    unnamed = path.with_suffix(".new")
    try:
        opened = os.open(unnamed, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError:
        return None
    # Where the standard input is closed, the file has its number, which a child gives to another.
    descriptor = fcntl.fcntl(opened, fcntl.F_DUPFD_CLOEXEC, 3)
    os.close(opened)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.write(descriptor, _inode(descriptor))
        # Locked before it has its name, so that nobody sees it free.
        unnamed.rename(path)
    except OSError:
        os.close(descriptor)
        unnamed.unlink(missing_ok=True)
        return None
    return descriptor


@contextmanager
def held(*, folder: Path, kind: str, owner: UUID) -> Iterator[None]:
    """Hold a lock, if the folder has locks, while this process works; leaves no file behind."""
    descriptor = hold(folder=folder, kind=kind, owner=owner)
    try:
        yield
    finally:
        if descriptor is not None:
            _path(folder, kind, owner).unlink(missing_ok=True)
            os.close(descriptor)


def has_died(*, folder: Path, kind: str, owner: UUID) -> bool:
    """Tell whether the owner's file is there, free and no copy; it is then removed."""
    with _free(_path(folder, kind, owner)) as is_free:
        return is_free


def abandoned(*, folder: Path, kind: str) -> Iterator[UUID]:
    """Yield the owners of this kind that are dead. The file of each is locked until the next is
    asked for, and then removed: two processes that start together do not share one.
    """
    for path in sorted(folder.glob(f"{kind}-*.lock")):
        with suppress(ValueError):
            owner = UUID(path.stem.removeprefix(f"{kind}-"))
            with _free(path) as is_free:
                if is_free:
                    yield owner


@contextmanager
def _free(path: Path) -> Iterator[bool]:
    """Lock a file of a dead process meanwhile, and remove it when nothing failed."""
    try:
        descriptor = os.open(path, os.O_RDWR)
    except OSError:
        yield False
        return
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
            return
        if os.pread(descriptor, MOST_BYTES, 0) != _inode(descriptor):
            yield False
            return
        yield True
        path.unlink(missing_ok=True)
    finally:
        os.close(descriptor)


def _inode(descriptor: int) -> bytes:
    found = os.fstat(descriptor)
    return b"%d:%d" % (found.st_dev, found.st_ino)


def _path(folder: Path, kind: str, owner: UUID) -> Path:
    return folder / f"{kind}-{owner.hex}.lock"
