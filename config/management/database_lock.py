"""Lets one process at a time migrate the database or create its first rows."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection

# "cueline" in ASCII, shortened to 31 bits; any fixed number would do.
LOCK_NUMBER = 0x6375656C & 0x7FFFFFFF


@contextmanager
def exclusive_database_use() -> Iterator[None]:
    """Wait for PostgreSQL's advisory lock and hold it; SQLite's write lock is enough."""
    if connection.vendor != "postgresql":
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [LOCK_NUMBER])
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [LOCK_NUMBER])
