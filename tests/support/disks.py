"""A disk of a few megabytes, which a test fills; a folder that cannot be written to. For root."""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a disk")


@contextmanager
def small(*, megabytes: int) -> Iterator[Path]:
    """Mount a disk in memory; skips the test where that is not allowed."""
    with tempfile.TemporaryDirectory(prefix="cueline-disk-") as name:
        folder = Path(name)
        # PostgreSQL runs as another user.
        folder.chmod(0o755)
        with _mounted(folder, "-t", "tmpfs", "-o", f"size={megabytes}m,mode=0777", "tmpfs"):
            yield folder


@contextmanager
def filled(folder: Path) -> Iterator[None]:
    """Take all of the disk's room meanwhile."""
    filler = folder / "filler"
    with filler.open("wb") as file:
        try:
            while True:
                file.write(bytes(64 * 1024))
                file.flush()
        except OSError:
            pass
    try:
        yield
    finally:
        filler.unlink()


@contextmanager
def read_only(folder: Path, view: Path) -> Iterator[None]:
    """Show a folder at another place, where it cannot be written to."""
    view.mkdir()
    with _mounted(view, "--bind", str(folder)):
        subprocess.run(["mount", "-o", "remount,bind,ro", view], check=True)
        yield


@contextmanager
def pinned(file: Path) -> Iterator[None]:
    """Mount a file on itself, as a container's secret: it is written to, and not replaced."""
    with _mounted(file, "--bind", str(file)):
        yield


@contextmanager
def _mounted(folder: Path, *arguments: str) -> Iterator[None]:
    done = subprocess.run(
        ["mount", *arguments, folder], capture_output=True, text=True, check=False
    )
    if done.returncode:
        pytest.skip(f"a disk cannot be mounted here: {done.stderr.strip()}")
    try:
        yield
    finally:
        # Lazily: a process that was killed may still be ending.
        subprocess.run(["umount", "--lazy", folder], check=True)
