"""Which errors mean that the database is away, and whether it takes writes now."""

import errno
import sqlite3
import tempfile
from pathlib import Path
from typing import Literal

from django.db import InterfaceError, OperationalError, connection, transaction

# Away, restarting, full or too busy. None says anything about a row: all of it may be repeated.
AWAY = (OperationalError, InterfaceError)
# As a failed-over replica is. For PostgreSQL an internal error, as what a trigger raises is, too.
READ_ONLY = "25006"
RETRY_AFTER_SECONDS = 2
DISK_FULL = "53100"
NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
# More than a request writes, and little enough to write at each call.
_PROBE_BYTES = 1024 * 1024
# What goes beyond `work_mem` is written to a temporary file, on the disk of the data.
_SPILL = "SELECT count(*) FROM generate_series(1, 65536)"

Writes = Literal["ok", "read-only", "full"]


def is_away(error: BaseException | None) -> bool:
    """Tell whether an error that ended a request lies with the database as a whole."""
    is_read_only = getattr(getattr(error, "__cause__", None), "sqlstate", None) == READ_ONLY
    return isinstance(error, AWAY) or is_read_only


def writes() -> Writes:
    """Find out whether the database takes writes, without one that stays; raises what `AWAY` has.

    A few milliseconds. The last error of a request would say it later, and to one process alone.
    """
    return _writes_to_sqlite() if connection.vendor == "sqlite" else _writes_to_postgresql()


def _writes_to_postgresql() -> Writes:
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT current_setting('transaction_read_only')")
            if cursor.fetchone() == ("on",):
                return "read-only"
            cursor.execute("SELECT set_config('work_mem', '64kB', true)")
            cursor.execute(_SPILL)
    except OperationalError as error:
        if getattr(error.__cause__, "sqlstate", None) != DISK_FULL:
            raise
        return "full"
    return "ok"


def _writes_to_sqlite() -> Writes:
    path = Path(connection.settings_dict["NAME"])
    # A connection of its own: a transaction of another one is no fault.
    own = sqlite3.connect(path, timeout=0, isolation_level=None)
    try:
        own.execute("BEGIN IMMEDIATE")
        # In a file without the right to write, BEGIN alone succeeds. Closing rolls back.
        own.execute("CREATE TABLE write_probe (id)")
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
            return "read-only"
    finally:
        own.close()
    try:
        with tempfile.TemporaryFile(dir=path.parent) as file:
            file.write(bytes(_PROBE_BYTES))
    except OSError as error:
        return "full" if error.errno in NO_ROOM else "read-only"
    return "ok"
