"""One `up` a folder: who holds it is found while it lives, and not after."""

import subprocess
import sys
from pathlib import Path

import pytest

from config import up_lock
from tests.support.running import ROOT

URL = "http://127.0.0.1:8151"
HOLD = (
    "import sys; from pathlib import Path; from config import up_lock; "
    f"held = up_lock.claim(folder=Path(sys.argv[1]), url='{URL}'); "
    "print('held', flush=True); sys.stdin.read()"
)


def test_nobody_runs_in_a_folder_without_a_file_or_with_an_old_one(tmp_path: Path) -> None:
    assert up_lock.address(folder=tmp_path) == ""
    assert up_lock.address(folder=tmp_path / "missing") == ""

    (tmp_path / up_lock.NAME).write_text(f"1 {URL}")

    assert up_lock.address(folder=tmp_path) == ""


def test_a_second_one_is_refused_until_the_first_is_killed(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == b"held\n"

        said = f"Cueline already runs in this folder (process {first.pid}, {URL})."
        with pytest.raises(up_lock.AlreadyRuns) as refused:
            up_lock.claim(folder=tmp_path, url="http://127.0.0.1:1")
        assert str(refused.value) == said
        assert up_lock.address(folder=tmp_path) == URL
        first.kill()
        first.wait()

    assert up_lock.address(folder=tmp_path) == ""
    with up_lock.claim(folder=tmp_path, url="http://127.0.0.1:1"):
        assert up_lock.address(folder=tmp_path) == "http://127.0.0.1:1"
    assert up_lock.address(folder=tmp_path) == ""
