"""Somebody signs up, is asked by mail, says yes, and only then gets the sequence's first mail.

Web process, worker, mail server and database are real. The seconds from yes to the first mail are
printed: `-s` shows them.
"""

import sys
import time
from collections.abc import Iterator

import pytest

from tests.support.signing_up import FIRST_SUBJECT, House, confirmation_path, installation
from tests.support.working import StartWorker, Working

pytestmark = pytest.mark.live

ADDRESS = "ada@example.com"
STATUS = "SELECT status FROM subscribers_subscriber"
EVENTS = "SELECT count(*) FROM events_event"
TAGS = """
SELECT t.name FROM subscribers_subscribertag s JOIN subscribers_tag t ON t.id = s.tag_id
"""
ON_LISTS = "SELECT count(*) FROM subscribers_listmembership WHERE unsubscribed_at IS NULL"
WAITING = "SELECT status FROM events_enrollment"
SECONDS_IDLE = 4


@pytest.fixture
def installed(
    environment: dict[str, str], start_worker: StartWorker
) -> Iterator[tuple[House, Working]]:
    with installation(environment, start_worker) as started:
        yield started


def test_one_mail_asks_and_the_sequence_waits_for_the_answer(
    installed: tuple[House, Working],
) -> None:
    house, working = installed

    answer = house.sign_up(ADDRESS, events=50)
    at_once = [working.value(each) for each in (STATUS, EVENTS, TAGS, ON_LISTS, WAITING)]
    (asked,) = house.wait_for_mails(ADDRESS, 1)
    time.sleep(SECONDS_IDLE)
    path = confirmation_path(asked)
    looked = [house.get(path).status, house.get(path, method="HEAD").status]
    time.sleep(1)
    before = [working.value(each) for each in (STATUS, ON_LISTS, WAITING)]
    mails_before = len(house.server.taken)
    began = time.monotonic()
    confirmed = house.post(path, by="button")
    _, welcome = house.wait_for_mails(ADDRESS, 2)
    seconds = time.monotonic() - began

    sys.stdout.write(f"{seconds:.2f} s from the POST to the sequence's first mail\n")
    assert answer["optIn"] == {"required": True, "emailQueued": True}
    assert at_once == ["pending", 50, "newcomer", 0, "waiting_confirmation"]
    assert looked == [200, 200]
    assert before == ["pending", 0, "waiting_confirmation"]
    assert mails_before == 1
    assert "Your address is confirmed" in confirmed.text
    assert [working.value(each) for each in (STATUS, ON_LISTS)] == ["active", 1]
    assert welcome["Subject"] == FIRST_SUBJECT
    # Well beyond the three seconds that it takes at most on a machine that is not busy.
    assert seconds < 15
