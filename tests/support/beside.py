"""Work in a thread and database connection of its own, beside what the test does."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

from django.db import connection, transaction

SECONDS_TO_WAIT = 30.0


@contextmanager
def beside(work: Callable[[], object]) -> Iterator[Future[None]]:
    """Do the work while the block runs; at its end wait for it, and raise what it raised."""

    def run() -> None:
        try:
            work()
        finally:
            connection.close()

    with ThreadPoolExecutor(max_workers=1) as pool:
        future = pool.submit(run)
        yield future
        future.result(SECONDS_TO_WAIT)


class OpenTransaction:
    """A transaction that another thread has open; it ends with `commit`, or with the block."""

    def __init__(self) -> None:
        self.is_done = threading.Event()
        self.must_commit = threading.Event()
        self.future: Future[None] | None = None

    def commit(self) -> None:
        """Commit, and return when that is done."""
        self.must_commit.set()
        if self.future:
            self.future.result(SECONDS_TO_WAIT)


@contextmanager
def uncommitted(work: Callable[[], object]) -> Iterator[OpenTransaction]:
    """Do the work in a transaction of another thread that stays open, with its locks."""
    opened = OpenTransaction()

    def run() -> None:
        with transaction.atomic():
            work()
            opened.is_done.set()
            assert opened.must_commit.wait(SECONDS_TO_WAIT)

    with beside(run) as opened.future:
        try:
            give_up_at = time.monotonic() + SECONDS_TO_WAIT
            while not opened.is_done.wait(0.01):
                if opened.future.done():
                    opened.future.result()
                assert time.monotonic() < give_up_at, "The work does not come to its end."
            yield opened
        finally:
            opened.must_commit.set()


def wait_until_somebody_waits_for_a_lock() -> None:
    """Return when a connection to this database waits for a row that another has; PostgreSQL."""
    waiting = (
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    give_up_at = time.monotonic() + SECONDS_TO_WAIT
    while time.monotonic() < give_up_at:
        with connection.cursor() as cursor:
            cursor.execute(waiting)
            if cursor.fetchone()[0]:
                return
        time.sleep(0.005)
    raise AssertionError("Nobody waits for a lock.")
