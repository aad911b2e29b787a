"""A web server that is killed leaves nobody on its port, so that the next one can start."""

import os
import signal
import socket
import time

import pytest

from tests.support.running import Start, serving
from tests.support.working import children_of, fill_with_tables, is_running, kill, line

pytestmark = pytest.mark.live
SECONDS_TO_END = 20


def test_its_process_ends_with_a_killed_server(environment: dict[str, str]) -> None:
    fill_with_tables(environment)
    with serving("config.rsgi:application", environment) as (port, server):
        (worker,) = [each for each in children_of(server) if "resource_tracker" not in line(each)]

        os.kill(server, signal.SIGKILL)

        wait_until_gone(worker)
        assert not is_taken(port)


def test_up_starts_again_after_it_and_its_web_server_were_killed(
    environment: dict[str, str], start: Start
) -> None:
    first = start()
    first.wait_until_it_runs()
    servers = [each for each in children_of(first.process.pid) if "granian" in line(each)]

    kill(first.process.pid, *servers)
    first.process.wait()
    give_up_at = time.monotonic() + SECONDS_TO_END
    while is_taken(first.port):
        assert time.monotonic() < give_up_at, "an orphan listens on the port"
        time.sleep(0.1)


def wait_until_gone(process_id: int) -> None:
    give_up_at = time.monotonic() + SECONDS_TO_END
    while is_running(process_id):
        if time.monotonic() > give_up_at:
            kill(process_id)
            pytest.fail("The web server's process outlived it.")
        time.sleep(0.1)


def is_taken(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
