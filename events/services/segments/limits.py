"""A limit of time for a query that may read much; the page then says that it took too long."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import OperationalError, connection, transaction

SECONDS = 5.0
# PostgreSQL's state of a statement that ran out of time.
_CANCELED = "57014"
_TIMEOUT = "statement_timeout"
# SQLite looks at the clock after so many of its steps: some ten times a second.
_STEPS = 200_000


class TookTooLong(Exception):
    """The query was ended by its limit."""


@contextmanager
def time_limit() -> Iterator[None]:
    """End each statement within that takes longer; raises `TookTooLong`. For reading only."""
    limited = _on_sqlite if connection.vendor == "sqlite" else _on_postgresql
    with limited(SECONDS):
        yield


@contextmanager
def _on_postgresql(seconds: float) -> Iterator[None]:
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            setting = f"SELECT current_setting('{_TIMEOUT}'), set_config('{_TIMEOUT}', %s, true)"
            cursor.execute(setting, [f"{int(seconds * 1000)}ms"])
            before, _ = cursor.fetchone()
            yield
            # Of the transaction around it, if there is one.
            cursor.execute(setting, [before])
    except OperationalError as error:
        if getattr(error.__cause__, "sqlstate", None) != _CANCELED:
            raise
        raise TookTooLong from error


@contextmanager
def _on_sqlite(seconds: float) -> Iterator[None]:
    # No transaction: it would lock the whole database against writers.
    connection.ensure_connection()
    own: sqlite3.Connection = connection.connection
    until = time.monotonic() + seconds
    own.set_progress_handler(lambda: time.monotonic() > until, _STEPS)
    try:
        yield
    except OperationalError as error:
        if getattr(error.__cause__, "sqlite_errorcode", None) != sqlite3.SQLITE_INTERRUPT:
            raise
        raise TookTooLong from error
    finally:
        own.set_progress_handler(None, 0)
