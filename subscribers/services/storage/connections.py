"""Database connections that died idle, or were lost in the middle of something."""

import time

from django.db import (
    DEFAULT_DB_ALIAS,
    InterfaceError,
    OperationalError,
    connection,
    connections,
)

LOST = (OperationalError, InterfaceError)
# 40001 serialization failure, 40P01 deadlock: the same work succeeds when it is done again.
PASSING_STATES = frozenset({"40001", "40P01"})
SECONDS_TO_END = 5


def is_passing(error: Exception) -> bool:
    """Tell whether PostgreSQL gave the transaction up for the sake of another."""
    return getattr(error.__cause__, "sqlstate", None) in PASSING_STATES


def renew() -> bool:
    """Drop this thread's connection and every idle one that does not answer; True when it did.

    Inside a transaction there is nothing to renew: what was done in it is gone with it.
    """
    if connection.in_atomic_block:
        return False
    connection.close()
    pool = getattr(connection, "pool", None)
    if pool is not None:
        pool.check()
    return True


def give_back() -> None:
    """End a request's use of this thread's connection, as Django does after its own requests."""
    # Looked up once: `connection` does so at every touch.
    own = connections[DEFAULT_DB_ALIAS]
    if not own.in_atomic_block:
        own.close_if_unusable_or_obsolete()


def backend() -> int | None:
    """Return what the server calls this thread's connection; ask while it is open. No query."""
    info = getattr(connection.connection, "info", None)
    return None if info is None else int(info.backend_pid)


def has_ended(lost_backend: int) -> bool:
    """Wait until the server is done with a connection that was lost; False when it takes long.

    A server that was sent a COMMIT finishes it, whether or not anybody reads the answer: until
    then nobody can tell what became of it.
    """
    give_up_at = time.monotonic() + SECONDS_TO_END
    while time.monotonic() < give_up_at:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM pg_stat_activity WHERE pid = %s", [lost_backend])
            if cursor.fetchone() is None:
                return True
        time.sleep(0.01)
    return False
