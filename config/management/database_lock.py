"""Lets one process at a time migrate the database or create its first rows."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from django.core.management.base import CommandError
from django.db import DatabaseError, InterfaceError, connection
from django.db.backends.utils import CursorWrapper

logger = logging.getLogger("cueline.database")

# "cueline" in ASCII, shortened to 31 bits; any fixed number would do.
LOCK_NUMBER = 0x6375656C & 0x7FFFFFFF
SECONDS_BETWEEN_TRIES = 0.5
# Longer than any migration of a few million rows.
SECONDS_TO_WAIT = 900.0
_HOLDER = """
SELECT pid FROM pg_locks
WHERE locktype = 'advisory' AND classid = 0 AND objid = %s AND granted
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


@contextmanager
def exclusive_database_use() -> Iterator[None]:
    """Wait for PostgreSQL's advisory lock and hold it; SQLite's write lock is enough.

    The lock belongs to a transaction of a connection of its own: a lock of the session would stay
    with another server connection behind PgBouncer. Raises `CommandError` when the wait is over.
    """
    if connection.vendor != "postgresql":
        yield
        return
    own = connection.copy()
    own.set_autocommit(False)
    try:
        with own.cursor() as cursor:
            _wait_for_lock(cursor)
            yield
    finally:
        # Answered before the next process asks; a closed connection frees its lock a moment later.
        with suppress(DatabaseError, InterfaceError):
            own.rollback()
        own.close()


def _wait_for_lock(cursor: CursorWrapper) -> None:
    # The transaction is idle while the work is done.
    cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
    give_up_at = time.monotonic() + SECONDS_TO_WAIT
    is_said = False
    while True:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [LOCK_NUMBER])
        if cursor.fetchone() == (True,):
            return
        if time.monotonic() > give_up_at:
            raise CommandError(
                f"Another process has held the lock of `migrate` for {SECONDS_TO_WAIT / 60:.0f} "
                f"minutes: process {_holder(cursor)} of PostgreSQL. Let it finish, or end it there."
            )
        if not is_said:
            holder = _holder(cursor)
            logger.warning("Waiting for process %s of PostgreSQL, which migrates too.", holder)
            is_said = True
        time.sleep(SECONDS_BETWEEN_TRIES)


def _holder(cursor: CursorWrapper) -> str:
    cursor.execute(_HOLDER, [LOCK_NUMBER])
    return ", ".join(str(pid) for (pid,) in cursor.fetchall()) or "(just ended)"
