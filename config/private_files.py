"""Which of Cueline's files other accounts of the machine may use, and how that ends.

The settings give every process the umask 077, so new files are private. What an older version, a
copy or an unpacked backup left open is closed when `up` or `worker` start; `doctor` reports it.
"""

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings

UMASK = 0o077
# Folders of Cueline and of file systems. One of another name that others may enter makes DATA_DIR
# a shared folder, such as /var: closing it would harm its other users.
_OWN_FOLDERS = frozenset({"mail", "exports", "lost+found"})
_SQLITE_ENDINGS = ("", "-wal", "-shm", "-journal")


def data_folder() -> Path:
    """Return DATA_DIR, or where the link of that name leads."""
    folder: Path = settings.DATA_DIR
    return folder.resolve()


def exposed() -> list[Path]:
    """Return the folder and files of Cueline on which others have any right, DATA_DIR first."""
    return [each for each in dict.fromkeys(_kept()) if _has_rights(each)]


def close() -> None:
    """Take those rights away, where the files are this account's and the folder is Cueline's."""
    for each in exposed():
        if each == data_folder() and is_shared(each):
            continue
        with contextlib.suppress(OSError):
            found = each.lstat()
            # A file with a second name may be anybody's: who could write here chose it.
            is_ours = stat.S_ISDIR(found.st_mode) or found.st_nlink == 1
            if is_ours and found.st_uid == os.geteuid():
                each.chmod(stat.S_IMODE(found.st_mode) & ~UMASK)


def is_shared(folder: Path) -> bool:
    """Tell whether a folder is not Cueline's alone: others may enter folders in it."""
    if folder.lstat().st_mode & stat.S_ISVTX:  # such as /tmp
        return True
    return any(
        each.name not in _OWN_FOLDERS and not each.is_symlink() and each.is_dir()
        for each in folder.iterdir()
        if _has_rights(each)
    )


def open_above() -> list[Path]:
    """Return the folders above DATA_DIR in which everybody may rename what is not theirs."""
    above = [(each, each.stat().st_mode) for each in data_folder().parents if each.exists()]
    return [each for each, mode in above if mode & stat.S_IWOTH and not mode & stat.S_ISVTX]


def _kept() -> Iterator[Path]:
    folder = data_folder()
    if folder.is_dir():
        yield folder
        with contextlib.suppress(OSError):
            yield from _ours_in(folder)
    database = settings.DATABASES["default"]
    if str(database["ENGINE"]).endswith("sqlite3"):
        file = Path(str(database["NAME"])).resolve()
        yield from (file.with_name(f"{file.name}{ending}") for ending in _SQLITE_ENDINGS)
    # Set for the file backend only.
    mails = Path(getattr(settings, "EMAIL_FILE_PATH", None) or folder / "mail")
    with contextlib.suppress(OSError):
        yield from (each for each in mails.iterdir() if each.suffix == ".log")


def _ours_in(folder: Path) -> Iterator[Path]:
    """Yield what is in DATA_DIR; of a shared one only what Cueline alone gives these names."""
    if not is_shared(folder):
        yield from folder.rglob("*")
        return
    names = ("secret_key", "up.lock", "cueline.sqlite3", "first-run-*.txt")
    for name in names:
        yield from folder.glob(name)


def _has_rights(path: Path) -> bool:
    try:
        mode = path.lstat().st_mode
    except OSError:
        return False
    return not stat.S_ISLNK(mode) and bool(stat.S_IMODE(mode) & UMASK)
