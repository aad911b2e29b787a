"""SECRET_KEY is rotated as the handbook says; what people got by mail before still serves them.

Web process, worker, mail server and database are real. Links to leave by and suppressions depend
on no key of the installation; a link to confirm by ends, and its page sends a fresh one. That
another key is refused before is tested beside `up` and the worker.
"""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.support import smtp_server
from tests.support.signing_up import House, confirmation_path, one_click_path, prepare, web
from tests.support.smtp_server import SmtpServer
from tests.support.working import StartWorker, Working, manage, value_of

pytestmark = pytest.mark.live

ADA, BOB, EVE, GONE = (f"{name}@example.com" for name in ("ada", "bob", "eve", "gone"))
OLD, NEW = "the key until today " * 4, "the key from now on " * 4
# A day has passed since Eve was asked: until then nobody is asked again.
A_DAY_LATER = """
from datetime import timedelta
from django.db.models import F
from subscribers.models import AskedAddress
AskedAddress.objects.update(asked_at=F("asked_at") - timedelta(days=1))
"""
SUPPRESS = f"""
from django.utils import timezone
from subscribers.models import Workspace
from subscribers.services.consent import suppressions
suppressions.suppress(workspace=Workspace.objects.get(), address={GONE!r}, now=timezone.now(),
    reason=suppressions.Reason.MANUAL, source=suppressions.SuppressionSource.ADMIN)
"""


@pytest.fixture
def server() -> Iterator[SmtpServer]:
    with smtp_server.running() as started:
        yield started


@pytest.fixture
def environment(environment: dict[str, str], server: SmtpServer) -> dict[str, str]:
    environment |= {"EMAIL_URL": f"smtp://127.0.0.1:{server.port}", "SECRET_KEY": OLD}
    return environment


def status_of(house: House, address: str) -> str:
    query = f"SELECT status FROM subscribers_subscriber WHERE email = '{address}'"  # noqa: S608
    return str(value_of(house.environment, query))


def run(environment: dict[str, str], code: str) -> None:
    done = manage(environment, "shell", "--verbosity", "0", "--command", code)
    assert done.returncode == 0, done.stderr


def confirm(house: House, address: str) -> None:
    """Sign somebody up, who says yes and gets the first mail."""
    house.sign_up(address)
    house.post(confirmation_path(house.wait_for_mails(address, 1)[0]), by="button")
    house.wait_for_mails(address, 2)


def rotate(environment: dict[str, str], working: Working) -> str:
    """Do what the handbook says; returns what was printed."""
    assert working.stop() == 0
    environment["SECRET_KEY"] = NEW
    done = manage(environment, "worker", "--accept-new-secret-key")
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_old_links_to_leave_by_and_suppressions_hold_and_links_to_confirm_by_are_renewed(
    start_worker: StartWorker, environment: dict[str, str], server: SmtpServer
) -> None:
    with ExitStack() as until_rotation:
        working = start_worker()
        key = prepare(environment)
        house = until_rotation.enter_context(web(environment, key, server))
        confirm(house, ADA)
        confirm(house, BOB)
        house.sign_up(EVE)
        old_path = confirmation_path(house.wait_for_mails(EVE, 1)[0])
        run(environment, SUPPRESS)
        said = rotate(environment, working)
    with web(environment, key, server) as house:
        working = start_worker()
        working.wait_for_beat()

        left = [
            house.post(one_click_path(house.mails_to(ADA)[1]), **{"List-Unsubscribe": "One-Click"}),
            house.get(one_click_path(house.mails_to(BOB)[1])),
        ]
        refused = house.sign_up(GONE)
        over = house.get(old_path)
        forced = house.post(old_path, by="button")
        still = status_of(house, EVE)
        run(environment, A_DAY_LATER)
        house.post(old_path, by="fresh_link")
        fresh_path = confirmation_path(house.wait_for_mails(EVE, 2)[1])
        confirmed = house.post(fresh_path, by="button")
        house.wait_for_mails(EVE, 3)

        assert said.startswith("The new SECRET_KEY is stored")
        assert [each.status for each in left] == [200, 200]
        assert "you will get no more newsletters" in left[1].text
        assert (status_of(house, ADA), status_of(house, BOB)) == ("unsubscribed", "active")
        assert refused["optIn"] == {
            "required": True,
            "emailQueued": False,
            "reason": "suppressed",
        }
        assert "This link no longer works" in over.text
        assert "Send me a fresh link" in over.text
        assert forced.text == over.text
        assert still == "pending"
        assert "Your address is confirmed" in confirmed.text
        assert status_of(house, EVE) == "active"
        assert GONE not in server.recipients
