"""The last release's code works with today's tables: hosts are upgraded one after another.

Its commit is in `.github/RELEASES`; a history that was cut off does not have it.
"""

import io
import signal
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import smtp_server
from tests.support.ports import free_port
from tests.support.running import ROOT, Running, call
from tests.support.signing_up import FIRST_SUBJECT, PREPARE, House, confirmation_path
from tests.support.working import fill_with_tables, value_of

pytestmark = pytest.mark.live

ADDRESS = "ada@example.com"
PAGES = [
    "/admin/", "/admin/subscribers/subscriber/", "/admin/events/enrollment/",
    "/admin/subscribers/outgoingemail/", "/admin/subscribers/workspace/",
]  # fmt: skip
# The pages themselves, without the sign-in.
LOOK = f"""
from django.contrib.auth.models import User
from django.test import Client
client = Client(headers={{"host": "127.0.0.1"}})
client.force_login(User.objects.get())
print([client.get(path).status_code for path in {PAGES}])
"""


@pytest.fixture
def released(tmp_path: Path) -> Path:
    """A folder with the code of the last release."""
    version, commit = (ROOT / ".github/RELEASES").read_text().split()[-2:]
    packed = subprocess.run(
        ["git", "archive", commit], cwd=ROOT, capture_output=True, check=False, timeout=60
    )
    if packed.returncode:
        pytest.skip(f"the history lacks release {version} ({commit[:9]}): fetch all of it")
    folder = tmp_path / "released"
    with tarfile.open(fileobj=io.BytesIO(packed.stdout)) as tar:
        tar.extractall(folder, filter="data")
    return folder


@pytest.fixture
def house(environment: dict[str, str], released: Path, tmp_path: Path) -> Iterator[House]:
    """The released code, all of it, on today's tables."""
    fill_with_tables(environment)
    with smtp_server.running() as server:
        environment["EMAIL_URL"] = f"smtp://127.0.0.1:{server.port}"
        running = Running(environment, free_port(), tmp_path / "log", folder=released)
        try:
            running.wait_until_it_runs()
            key = shell(environment, released, PREPARE)
            yield House(environment, running.port, key, server)
            assert running.stop(signal.SIGTERM) == 0, running.log.read_text()
        finally:
            running.process.kill()
            running.process.wait()


def shell(environment: dict[str, str], folder: Path, code: str) -> str:
    command = [sys.executable, "manage.py", "shell", "--verbosity", "0", "--command", code]
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False,
        timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_last_release_works_with_todays_tables(house: House, released: Path) -> None:
    answer = house.sign_up(ADDRESS, events=5)
    (asked,) = house.wait_for_mails(ADDRESS, 1)
    confirmed = house.post(confirmation_path(asked), by="button")
    _, welcome = house.wait_for_mails(ADDRESS, 2)
    ready, _ = call(house.port, "GET", "/readyz")

    assert answer["optIn"] == {"required": True, "emailQueued": True}
    assert "Your address is confirmed" in confirmed.text
    assert welcome["Subject"] == FIRST_SUBJECT
    assert ready == 200
    assert value_of(house.environment, "SELECT count(*) FROM events_event") == 5
    assert shell(house.environment, released, LOOK) == str([200] * len(PAGES))
