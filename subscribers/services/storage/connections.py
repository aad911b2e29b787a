"""Renews database connections that were closed while idle or lost during work."""

import time

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connection, connections

from config.database import AWAY

LOST = AWAY
# 40001 serialization failure, 40P01 deadlock: a repeat succeeds.
PASSING_STATES = frozenset({"40001", "40P01"})
SECONDS_TO_END = 5


def is_passing(error: Exception) -> bool:
    """Tell whether PostgreSQL gave the transaction up for another, so that a repeat may succeed."""
    return getattr(error.__cause__, "sqlstate", None) in PASSING_STATES


def renew() -> bool:
    """Drop this thread's connection; False inside a transaction."""
    if connection.in_atomic_block:
        return False
    connection.close()
    return True


def look_after() -> None:
    """Close this thread's connection if a request broke it, as Django does for its own requests."""
    # One look-up: `connection` makes one at each access.
    own = connections[DEFAULT_DB_ALIAS]
    if own.errors_occurred and not own.in_atomic_block:
        own.close_if_unusable_or_obsolete()


def backend() -> int | None:
    """Return the server's id of this thread's open connection. No query."""
    info = getattr(connection.connection, "info", None)
    return None if info is None else int(info.backend_pid)


def has_ended(lost_backend: int) -> bool:
    """Wait until the server has ended a lost connection; False after a few seconds. A server that
    received COMMIT finishes it even if nobody reads the answer; until then the outcome is open.
    Behind a pooler the server's id is not known, so it stays open.
    """
    if settings.PGBOUNCER:
        return False
    give_up_at = time.monotonic() + SECONDS_TO_END
    while time.monotonic() < give_up_at:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM pg_stat_activity WHERE pid = %s", [lost_backend])
            if cursor.fetchone() is None:
                return True
        time.sleep(0.01)
    return False
