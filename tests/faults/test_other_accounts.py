"""Another account of the machine reads nothing of Cueline, nor what an older version left open,
and chooses no secret key.

Real processes started with most machines' umask, and `find` run by the account `nobody`.
"""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import temporary
from tests.support.running import ROOT, Start

pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif(os.geteuid() != 0, reason="NOT TRIED: only root can act as another account"),
]
NOBODY = 65534
# Of a service; it need not be in the list of accounts.
SERVICE = 65533


@pytest.fixture
def public(environment: dict[str, str]) -> Iterator[Path]:
    """A folder that every account may enter; pytest's own are private."""
    folder = temporary.make(prefix="cueline-public-")
    folder.chmod(0o755)
    environment |= {"DATA_DIR": str(folder / "data"), "DATABASE_URL": ""}
    yield folder
    temporary.remove(folder)


def seen_by_nobody(folder: Path) -> set[str]:
    """Return what `nobody` can read there."""
    done = subprocess.run(
        ["find", str(folder), "-type", "f", "-readable", "-printf", "%P\n"],
        user=NOBODY, group=NOBODY, extra_groups=[], cwd="/",
        capture_output=True, text=True, check=False, timeout=30,
    )  # fmt: skip
    return set(done.stdout.split()) - {temporary.LOCK}


def manage(environment: dict[str, str], *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT, env=environment, umask=0o022,
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    return done.stdout + done.stderr


def test_nobody_else_reads_what_up_leaves(
    public: Path, environment: dict[str, str], start: Start
) -> None:
    data = public / "data"
    old_export = public / "old.csv"
    old_export.touch(mode=0o644)
    old_export.chmod(0o644)

    running = start()
    running.wait_until_it_runs()
    path, headers, body = running.printed_call()
    assert running.send("POST", path, body=body, headers=headers)[0] == 200
    manage(environment, "export_subscribers", str(old_export), "--workspace", "default")
    written = {each.name for each in data.iterdir()}
    at_first = seen_by_nobody(public)
    running.stop(signal.SIGTERM)

    # As an older version left it, and `cp -r` does.
    for each in (data, *data.rglob("*")):
        each.chmod(0o755 if each.is_dir() else 0o644)
    left_open = seen_by_nobody(public)
    doctor = manage(environment, "doctor")
    still_open = seen_by_nobody(public)
    again = start()
    again.wait_until_it_runs()
    at_last = seen_by_nobody(public)

    assert {"cueline.sqlite3", "cueline.sqlite3-wal", "secret_key", "up.lock"} <= written
    assert old_export.stat().st_size > 0
    assert at_first == set()
    assert {"data/cueline.sqlite3", "data/secret_key"} <= left_open & still_open
    assert at_last == set()
    assert f"Other accounts of this machine have rights on {data}, and " in doctor
    assert f"Run chmod -R go-rwx {data}" in doctor


def own(path: Path, account: int, *, mode: int) -> None:
    os.chown(path, account, account, follow_symlinks=False)
    if not path.is_symlink():
        path.chmod(mode)


def check(environment: dict[str, str], account: int) -> str:
    """Return what `check` prints as an account that may read all files: it needs Python's."""
    become = ["setpriv", f"--reuid={account}", f"--regid={account}", "--clear-groups"]
    rights = ["--inh-caps=+dac_override", "--ambient-caps=+dac_override"] if account else []
    done = subprocess.run(
        [*become, *rights, sys.executable, "manage.py", "check"],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    said = done.stdout + done.stderr
    assert "Traceback" not in said
    return said.strip().splitlines()[-1]


@pytest.mark.skipif(not shutil.which("setpriv"), reason="NOT TRIED: no setpriv")
def test_no_other_account_chooses_the_secret_key(public: Path, environment: dict[str, str]) -> None:
    folder = public / "data"
    key = folder / "secret_key"
    folder.mkdir()
    key.write_text("a key that its maker knows " * 3)
    environment.pop("SECRET_KEY", None)

    own(folder, NOBODY, mode=0o755)
    own(key, SERVICE, mode=0o644)
    in_another_folder = check(environment, SERVICE)
    own(folder, SERVICE, mode=0o700)
    own(key, NOBODY, mode=0o644)
    with_anothers_key = check(environment, SERVICE)
    root_with_anothers_key = check(environment, 0)
    own(key, SERVICE, mode=0o600)
    root_for_the_service = check(environment, 0)

    assert in_another_folder.startswith(f"Setting DATA_DIR: {folder} belongs to nobody, ")
    assert with_anothers_key == root_with_anothers_key
    assert with_anothers_key.startswith(f"Setting DATA_DIR: {key} belongs to nobody, ")
    assert root_for_the_service.startswith("System check identified no issues")
