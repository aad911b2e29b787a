"""The leased rate of mails: never above it in a second, in all."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from pytest_django.fixtures import Settings

from subscribers.models import LeasedWindow
from subscribers.services.outbox import rate as sending_rate
from subscribers.services.outbox.rate import Grant
from subscribers.services.storage import leased_bucket

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
NEXT = NOON + timedelta(seconds=1)
Counted = Callable[[int], AbstractContextManager[object]]


@pytest.fixture(autouse=True)
def _no_lease() -> Iterator[None]:
    leased_bucket.forget_leases()
    yield
    leased_bucket.forget_leases()


def taken(*counts: int, now: datetime = NOON) -> list[int]:
    return [sending_rate.take(count=count, now=now).count for count in counts]


@pytest.mark.django_db
def test_without_a_rate_everything_is_granted_and_nothing_asked(
    settings: Settings, django_assert_num_queries: Counted
) -> None:
    settings.MAIL_RATE = 0

    with django_assert_num_queries(0):
        grant = sending_rate.take(count=1_000_000, now=NOON)

    assert grant == Grant(1_000_000, wait_until=None)


@pytest.mark.django_db
@pytest.mark.parametrize("rate", [1, 3, 10, 25, 300])
def test_exactly_the_rate_leaves_in_a_second(settings: Settings, rate: int) -> None:
    settings.MAIL_RATE = rate

    assert sum(taken(*[1] * (rate + 20))) == rate


@pytest.mark.django_db
def test_what_is_over_the_rate_waits_for_the_next_second(settings: Settings) -> None:
    settings.MAIL_RATE = 5
    now = NOON + timedelta(milliseconds=250)

    first = sending_rate.take(count=3, now=now)
    second = sending_rate.take(count=3, now=now)
    third = sending_rate.take(count=3, now=now)
    later = sending_rate.take(count=3, now=NEXT)

    assert first == Grant(3)
    assert second == Grant(2, wait_until=NEXT)
    assert third == Grant(0, wait_until=NEXT)
    assert later == Grant(3)


@pytest.mark.django_db
def test_more_than_the_rate_is_granted_in_part(settings: Settings) -> None:
    settings.MAIL_RATE = 7

    assert taken(100, 100) == [7, 0]


@pytest.mark.django_db
def test_nothing_asked_is_nothing_granted(
    settings: Settings, django_assert_num_queries: Counted
) -> None:
    settings.MAIL_RATE = 7

    with django_assert_num_queries(0):
        assert sending_rate.take(count=0, now=NOON) == Grant(0)
    with pytest.raises(ValueError, match="below 0"):
        sending_rate.take(count=-1, now=NOON)


@pytest.mark.django_db
def test_a_lease_spares_the_database(
    settings: Settings, django_assert_num_queries: Counted
) -> None:
    settings.MAIL_RATE = 300

    with django_assert_num_queries(2):
        assert sum(taken(*[1] * 60)) == 60


@pytest.mark.django_db
def test_after_a_refusal_nothing_is_asked_in_that_second(
    settings: Settings, django_assert_num_queries: Counted
) -> None:
    settings.MAIL_RATE = 5
    taken(10)

    with django_assert_num_queries(0):
        assert taken(1, 1, 1) == [0, 0, 0]


@pytest.mark.django_db
def test_processes_together_stay_within_the_rate(settings: Settings) -> None:
    settings.MAIL_RATE = 100
    left = 0
    for _ in range(20):
        leased_bucket.forget_leases()  # what another process would not know
        left += sum(taken(*[1] * 15))

    assert 50 < left <= 100


@pytest.mark.django_db
def test_a_forked_child_does_not_send_what_its_parent_leased(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.MAIL_RATE = 10
    in_the_parent = sum(taken(*[1] * 10))

    monkeypatch.setattr(os, "getpid", lambda: -1)
    in_the_child = sum(taken(*[1] * 10))

    assert (in_the_parent, in_the_child) == (10, 0)


@pytest.mark.django_db
def test_old_seconds_are_purged(settings: Settings) -> None:
    settings.MAIL_RATE = 5
    taken(1)
    taken(1, now=NEXT)

    deleted = leased_bucket.purge(before=NEXT)
    again = leased_bucket.purge(before=NEXT)

    assert (deleted, again) == (1, 0)
    assert LeasedWindow.objects.get().starts_at == NEXT


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_threads_together_stay_within_the_rate(settings: Settings) -> None:
    settings.MAIL_RATE = 100
    left: list[int] = []

    def run() -> None:
        left.append(sum(taken(*[1] * 40)))
        connection.close()

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert 50 < sum(left) <= 100


TAKE_FIFTY = """
import sys, datetime, django
from django.conf import settings
settings.DATABASES["default"]["NAME"] = sys.argv[1]
django.setup()
from subscribers.services.outbox import rate as sending_rate
now = datetime.datetime.fromisoformat(sys.argv[2])
print("ready", flush=True)
sys.stdin.readline()
print(sum(sending_rate.take(count=1, now=now).count for _ in range(50)))
"""


@pytest.mark.live
@pytest.mark.django_db(transaction=True)
def test_four_processes_together_stay_within_the_rate() -> None:
    arguments = [str(connection.settings_dict["NAME"]), NOON.isoformat()]
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", TAKE_FIFTY, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "MAIL_RATE": "100"},
        )
        for _ in range(4)
    ]

    for process in processes:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin
        process.stdin.write("go\n")
        process.stdin.flush()
    left = [int(process.communicate(timeout=60)[0]) for process in processes]

    assert 50 < sum(left) <= 100
