"""The worker killed around a confirmation mail: it arrives, once or again with the same Message-ID.

Real processes and SMTP server; the mail is asked for as a sign-up asks.
"""

import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support import smtp_server
from tests.support.slow_mail import Pause
from tests.support.smtp_server import SmtpServer, Stage
from tests.support.working import StartWorker, Working, kill

pytestmark = pytest.mark.live

ADDRESS = "ada@example.com"
SIGN_UP = f"""
from django.utils import timezone
from subscribers.services.consent import confirmations, ledger
from subscribers.services.workspaces import workspaces
from tests import factories
workspace = workspaces.create(name="Careful", double_opt_in=True, from_email="news@example.com")
person = factories.SubscriberFactory.create(
    workspace=workspace, email={ADDRESS!r}, status="pending")
confirmations.ask_by_id(
    subscriber_id=person.pk, circumstances=ledger.NOTHING_KNOWN, now=timezone.now())
"""
STATUS = "SELECT status FROM subscribers_outgoingemail"
BEATING = "SELECT count(beat_at) FROM events_worker"
# Longer than it takes to be killed and found dead.
HELD = 60.0

KILLED: dict[str, Callable[[Working], list[int]]] = {
    "all processes": lambda working: working.pool_processes(),
    "the pool": lambda working: [working.part("pool")],
    "everybody": lambda working: working.everybody(),
}


@pytest.fixture
def server() -> Iterator[SmtpServer]:
    with smtp_server.running() as started:
        yield started


@pytest.fixture
def environment(environment: dict[str, str], server: SmtpServer) -> dict[str, str]:
    """The environment of a worker that gives up dead ones soon."""
    environment |= {
        "EMAIL_URL": f"smtp://127.0.0.1:{server.port}",
        "LEASE_SECONDS": "5",
        "WORKERS": "2",
    }
    return environment


def sign_up(working: Working) -> None:
    done = working.manage("shell", "--verbosity", "0", "--command", SIGN_UP)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("stage", "name"),
    [
        (Stage.GREETING, "all processes"),
        (Stage.DATA, "the pool"),
        (Stage.MESSAGE, "all processes"),
        (Stage.MESSAGE, "the pool"),
        (Stage.MESSAGE, "everybody"),
    ],
)
def test_it_arrives_whoever_is_killed_and_when(
    start_worker: StartWorker, server: SmtpServer, stage: Stage, name: str
) -> None:
    working = start_worker()
    working.wait_for_beat()
    hold = Pause(HELD)
    server.next(stage, hold)

    sign_up(working)
    working.wait_until(lambda: working.value(STATUS) == "sending")
    working.wait_until(lambda: stage is not Stage.MESSAGE or bool(server.taken))
    # The client has come to the stage.
    time.sleep(0.5)
    kill(*KILLED[name](working))
    if name == "everybody":
        working.process.wait()
        working = start_worker()

    working.wait_until(lambda: working.value(STATUS) == "sent")
    assert server.recipients == [ADDRESS] * (2 if stage is Stage.MESSAGE else 1)
    assert len({each.message_id for each in server.taken}) == 1


@pytest.mark.postgresql
def test_a_worker_on_a_copied_folder_sends_nothing_again(
    start_worker: StartWorker, environment: dict[str, str], server: SmtpServer, tmp_path: Path
) -> None:
    environment["LEASE_SECONDS"] = "90"
    working = start_worker()
    working.wait_for_beat()
    hold = server.hold(Stage.MESSAGE)
    sign_up(working)
    hold.wait_until_reached()

    # How a second host gets the secret key.
    shutil.copytree(environment["DATA_DIR"], tmp_path / "copy")
    environment["DATA_DIR"] = str(tmp_path / "copy")
    start_worker().wait_until(lambda: working.value(BEATING) == 2)
    hold.release()

    working.wait_until(lambda: working.value(STATUS) == "sent")
    assert max(server.count.values()) == 1
