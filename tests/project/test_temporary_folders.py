"""What a killed run of the tests leaves in the temporary folder is removed by the next run."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from tests.support import private_postgres, temporary
from tests.support.running import ROOT

PREFIX = "some-tests-"
MAKE_FOLDER = f"""
from tests.support import temporary
print(temporary.make(prefix={PREFIX!r}), flush=True)
input()
"""
START_SERVER = """
from tests.support import private_postgres
server = private_postgres.start(private_postgres.find_binaries())
print(server.folder, server.url, flush=True)
input()
"""
SECONDS_TO_END = 20


@pytest.fixture(autouse=True)
def temporary_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A temporary folder in which no other run makes anything."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


@contextmanager
def killed_at_the_end(code: str, folder: Path) -> Iterator[str]:
    """Run code as a process of its own, yield its first line, then kill it."""
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(folder)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.send_signal(signal.SIGKILL)


def make_and_remove() -> None:
    temporary.remove(temporary.make(prefix=PREFIX))


def test_the_folder_of_a_killed_run_is_removed_by_the_next(temporary_folder: Path) -> None:
    with killed_at_the_end(MAKE_FOLDER, temporary_folder) as printed:
        left = Path(printed)
        make_and_remove()
        assert left.is_dir()

    make_and_remove()

    assert not left.exists()


def test_a_folder_that_is_being_made_is_left_alone(temporary_folder: Path) -> None:
    fresh, old = (temporary_folder / f"{PREFIX}{name}" for name in ("fresh", "old"))
    fresh.mkdir()
    old.mkdir()
    os.utime(old, (0, 0))

    make_and_remove()

    assert fresh.exists()
    assert not old.exists()


@pytest.mark.live
@pytest.mark.xdist_group("commands")
@pytest.mark.postgresql
def test_the_server_of_a_killed_run_ends_and_leaves_nothing_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Not in the folder of pytest, which the user of the server may not enter.
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        Path(folder).chmod(0o755)
        with killed_at_the_end(START_SERVER, Path(folder)) as printed:
            left, url = printed.split()
            psycopg.connect(url).close()

        # While it shuts down it takes no connections, but still writes: its last act removes this.
        wait_until_gone(Path(left, "data", "postmaster.pid"))
        monkeypatch.setattr(tempfile, "tempdir", folder)
        temporary.remove(temporary.make(prefix=private_postgres.PREFIX))

        assert not Path(left).exists()


def wait_until_gone(file: Path) -> None:
    give_up_at = time.monotonic() + SECONDS_TO_END
    while file.exists():
        assert time.monotonic() < give_up_at, "The server still runs."
        time.sleep(0.1)
