"""Two hosts on one PostgreSQL share what is due: nothing is done twice, and more in a second.

The mail server takes 20 ms a mail, so that the CPU of this machine is not the limit. Each host has
a server of its own, which shows what the host did. `TWO_HOSTS_RUNS` (200) people get a mail. The
throughput of one host and of two, in turn:

    TWO_HOSTS_RUNS=2000 uv run pytest -m benchmark tests/faults/test_two_hosts.py -s
"""

import os
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.faults.test_killed_workers import UNDER_WAY, seed
from tests.support.databases import empty_database
from tests.support.slow_mail import slow_server, url_of
from tests.support.smtp_server import SmtpServer
from tests.support.working import StartWorker, Working, manage

pytestmark = [pytest.mark.live, pytest.mark.postgresql]

ENROLLMENTS = int(os.environ.get("TWO_HOSTS_RUNS", "200"))
ROUNDS = 3
SECONDS_PER_MAIL = 0.02
SECONDS_TO_FINISH = 60 + ENROLLMENTS / 20
BEATING = "SELECT count(beat_at) FROM events_worker"
LEASED = "SELECT count(*) FROM events_enrollment WHERE lease_token IS NOT NULL"


def test_two_hosts_do_nothing_twice(start_worker: StartWorker, environment: dict[str, str]) -> None:
    environment["WORKERS"] = "1"
    with slow_server(SECONDS_PER_MAIL) as one, slow_server(SECONDS_PER_MAIL) as other:
        environment["EMAIL_URL"] = url_of(one)
        working = start_worker()
        environment["EMAIL_URL"] = url_of(other)
        start_worker()
        working.wait_until(lambda: working.value(BEATING) == 2)

        seed(environment, ENROLLMENTS)
        wait_for(lambda: working.value(UNDER_WAY) == 0)

    assert set((one.count + other.count).values()) == {1}
    assert len(set(one.recipients) | set(other.recipients)) == ENROLLMENTS
    assert min(len(one.taken), len(other.taken)) > ENROLLMENTS // 8
    # A delay and a mail of each enrollment; the constraint refuses a second of either.
    assert working.value("SELECT count(*) FROM events_steprun") == 2 * ENROLLMENTS
    sent = "SELECT count(*) FROM subscribers_outgoingemail WHERE status = 'sent' AND attempts = 1"
    assert working.value(sent) == ENROLLMENTS
    assert working.value(LEASED) == 0
    assert working.value("SELECT min(tasks_finished) FROM events_worker") > 0


@pytest.mark.benchmark
def test_throughput_of_one_host_and_of_two(tmp_path: Path) -> None:
    rates: dict[int, list[float]] = {1: [], 2: []}
    for number in range(ROUNDS):
        for hosts, found in rates.items():
            found.append(measure(hosts, tmp_path / f"{number}-{hosts}"))
    for hosts, found in rates.items():
        each = ", ".join(f"{rate:.0f}" for rate in found)
        sys.stdout.write(f"{hosts} host(s) of one process: {each} mails/s\n")


def measure(hosts: int, folder: Path) -> float:
    """Return how many mails so many hosts send in a second, each by one process."""
    folder.mkdir()
    with ExitStack() as stack:
        environment = stack.enter_context(empty_database("postgresql", folder))
        server = stack.enter_context(slow_server(SECONDS_PER_MAIL))
        environment |= {"WORKERS": "1", "EMAIL_URL": url_of(server)}
        assert manage(environment, "migrate", "--verbosity", "0").returncode == 0
        working = [Working(environment, folder / f"worker-{each}") for each in range(hosts)]
        for each in working:
            stack.callback(each.stop)
        working[0].wait_until(lambda: working[0].value(BEATING) == hosts)
        seed(environment, ENROLLMENTS)
        return rate_of(server)


def rate_of(server: SmtpServer) -> float:
    """Wait until all mails are there; returns how many came in a second."""
    wait_for(lambda: len(server.taken) > 0)
    began, first = time.monotonic(), len(server.taken)
    wait_for(lambda: len(server.taken) >= ENROLLMENTS)
    assert Counter(server.recipients).most_common(1)[0][1] == 1
    return (ENROLLMENTS - first) / (time.monotonic() - began)


def wait_for(is_reached: Callable[[], bool]) -> None:
    """Wait for something that the hosts do."""
    give_up_at = time.monotonic() + SECONDS_TO_FINISH
    while not is_reached():
        assert time.monotonic() < give_up_at, "The hosts did not finish."
        time.sleep(0.02)
