"""Makes the database itself refuse every write, for what promises to write nothing."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction


@contextmanager
def reading_only() -> Iterator[None]:
    """Let every write in the block fail; inside a test's transaction, where it leaves nothing."""
    is_sqlite = connection.vendor == "sqlite"
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA query_only = ON" if is_sqlite else "SET TRANSACTION READ ONLY")
        try:
            yield
        finally:
            if is_sqlite:
                # Past Django, which lets nothing through once a statement has failed.
                connection.connection.execute("PRAGMA query_only = OFF")
        # PostgreSQL takes writes again when it is back at the savepoint.
        transaction.set_rollback(True)
