"""Bursts of requests with idle times between: the server's threads come and go, connections stay.

`BURSTS` (2) sets how many. Idle threads end after `BURST_IDLE` (5) seconds; the product's after 30.
"""

import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from tests.support.running import Application, serving
from tests.support.working import fill

pytestmark = [pytest.mark.live, pytest.mark.postgresql]

BURSTS = int(os.environ.get("BURSTS", "2"))
IDLE = int(os.environ.get("BURST_IDLE", "5"))
PAUSE = IDLE + 2
# WEB_THREADS, as it is where nobody sets it.
THREADS = 4
BACKENDS = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
"""


def test_each_thread_keeps_one_backend(environment: dict[str, str]) -> None:
    key = fill(environment)["BENCHMARK_KEY"]
    most, is_over = [0], threading.Event()

    def watch() -> None:
        with psycopg.connect(environment["DATABASE_URL"], autocommit=True) as watching:
            while not is_over.wait(0.02):
                row = watching.execute(BACKENDS).fetchone()
                assert row is not None
                most.append(row[0])

    with (
        serving("config.rsgi:application", environment) as (port, _),
        ThreadPoolExecutor(17) as together,
    ):
        application = Application(port, key)

        def send(number: int) -> int:
            return application.send(f"p{number}@example.com", [{"name": "name1"}])

        watcher = together.submit(watch)
        statuses: list[int] = []
        try:
            for burst in range(BURSTS):
                if burst:
                    time.sleep(PAUSE)
                statuses += together.map(send, range(200))
        finally:
            is_over.set()
        watcher.result()

    assert statuses == [200] * 200 * BURSTS
    assert 1 <= max(most) <= THREADS
