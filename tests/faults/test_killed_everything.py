"""Every process of a host is killed at one blow: its next start goes on at once, and sends nothing
twice.

The leases are those of production, 90 s: nothing here may wait for one.
"""

import time
from collections.abc import Iterator

import pytest

from tests.faults.test_killed_workers import MAILS, UNDER_WAY, seed
from tests.support import smtp_server
from tests.support.smtp_server import SmtpServer, Stage
from tests.support.working import StartWorker, Working, kill, value_of

pytestmark = pytest.mark.live

ENROLLMENTS = 120
# Ten seconds are the rule; a busy machine needs some of them to start Python.
SECONDS_UNTIL_IT_GOES_ON = 20
SECONDS_TO_FINISH = 60
LEASED = "SELECT count(*) FROM events_enrollment WHERE lease_token IS NOT NULL"


@pytest.fixture
def server() -> Iterator[SmtpServer]:
    with smtp_server.running() as started:
        yield started


@pytest.fixture
def environment(environment: dict[str, str], server: SmtpServer) -> dict[str, str]:
    environment |= {"EMAIL_URL": f"smtp://127.0.0.1:{server.port}", "WORKERS": "2"}
    return environment


def wait_for(environment: dict[str, str], sql: str, wanted: int, working: Working) -> None:
    give_up_at = time.monotonic() + SECONDS_TO_FINISH
    while value_of(environment, sql) != wanted:
        assert time.monotonic() < give_up_at, working.log.read_text()[-6000:]
        time.sleep(0.1)


def test_work_goes_on_at_once_after_everything_was_killed(
    start_worker: StartWorker, environment: dict[str, str], server: SmtpServer
) -> None:
    seed(environment, ENROLLMENTS)
    holds = [server.hold(Stage.MESSAGE), server.hold(Stage.MESSAGE)]
    working = start_worker()
    for hold in holds:
        # Each process sends a mail, and has claimed half of the rest.
        hold.wait_until_reached()

    kill(*working.everybody())
    working.process.wait()
    server.behave()
    before = len(server.taken)
    working = start_worker()
    began = time.monotonic()

    while len(server.taken) <= before:
        waited = time.monotonic() - began
        assert waited < SECONDS_UNTIL_IT_GOES_ON, working.log.read_text()
        time.sleep(0.05)
    wait_for(environment, UNDER_WAY, 0, working)
    # Only what was in flight is unknown; all else was sent, once.
    wait_for(environment, f"{MAILS} WHERE status = 'unknown'", len(holds), working)
    wait_for(environment, f"{MAILS} WHERE status = 'sent'", ENROLLMENTS - len(holds), working)
    assert max(server.count.values()) == 1
    assert len(set(server.recipients)) == len(server.recipients)
    assert value_of(environment, LEASED) == 0
    dead = "SELECT count(*) FROM events_worker WHERE stopped_at IS NOT NULL"
    assert value_of(environment, dead) == 1
    for hold in holds:
        hold.release()
