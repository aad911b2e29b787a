"""A consistent copy of the database while it is used, and its way back in one transaction.

What is restored is on hold from its first moment: the hold is part of what replaces the tables.
"""

import sqlite3
from contextlib import closing
from pathlib import Path

from django.db import connection

from config.management.backups import postgresql
from config.management.backups.faults import CannotCopy, InUse, NotOurs

# A copy is another installation: it sends nothing until somebody resumes it, has no claims, tasks
# or workers of the first, and everybody signs in again. `{}` is the key's fingerprint.
HOLD = """
INSERT INTO subscribers_installation (id, secret_key_fingerprint, created_at, on_hold_since)
VALUES (1, '{}', CURRENT_TIMESTAMP, CURRENT_TIMESTAMP)
ON CONFLICT (id) DO UPDATE SET on_hold_since = CURRENT_TIMESTAMP;
UPDATE events_enrollment SET lease_token = NULL, lease_expires_at = NULL
WHERE lease_token IS NOT NULL;
UPDATE subscribers_outgoingemail SET lease_token = NULL, lease_expires_at = NULL
WHERE lease_token IS NOT NULL AND status = 'queued';
DELETE FROM django_q_ormq;
DELETE FROM events_worker;
DELETE FROM django_session;
"""
# What is no plain table or index, by how its text begins: the type of a virtual table is table, and
# a forged file may say TRIGGER.
NOT_OURS = """
SELECT DISTINCT type || ' ' || name FROM sqlite_master
WHERE sql NOT LIKE 'CREATE TABLE %' AND sql NOT LIKE 'CREATE INDEX %'
AND sql NOT LIKE 'CREATE UNIQUE INDEX %' ORDER BY 1
"""
SECONDS_FOR_SQLITE = 5


def dump(*, to: Path) -> None:
    """Write the database as of one moment; nobody waits for it. Raises `CannotCopy`."""
    if connection.vendor == "postgresql":
        postgresql.dump(to=to)
        return
    connection.ensure_connection()
    with closing(sqlite3.connect(to)) as copy:
        # All pages in one step: with several, each write meanwhile would begin it anew.
        connection.connection.backup(copy)
        copy.execute("PRAGMA journal_mode=DELETE")


def tables() -> list[str]:
    """Return the names of the tables that a restore would replace."""
    with connection.cursor() as cursor:
        return connection.introspection.table_names(cursor)


def not_ours() -> list[str]:
    """Return triggers, functions, views and the like, which Cueline does not make."""
    with connection.cursor() as cursor:
        cursor.execute(postgresql.NOT_OURS if connection.vendor == "postgresql" else NOT_OURS)
        return [name for (name,) in cursor.fetchall()]


def restore(*, database: Path, fingerprint: str, is_trusted: bool) -> None:
    """Replace all tables by those of a dump, on hold; all or nothing.

    Raises `CannotCopy`; `NotOurs` if the dump is not trusted and has more than tables.
    """
    hold = HOLD.format(fingerprint)
    if connection.vendor == "postgresql":
        postgresql.restore(database=database, old=tables(), hold=hold, is_trusted=is_trusted)
        return
    connection.close()
    name = connection.settings_dict["NAME"]
    with (
        closing(sqlite3.connect(database)) as copy,
        closing(sqlite3.connect(name, timeout=SECONDS_FOR_SQLITE)) as target,
    ):
        try:
            found = [] if is_trusted else copy.execute(NOT_OURS).fetchall()
            if found:
                raise NotOurs(", ".join(name for (name,) in found))
            copy.executescript(f"BEGIN; {hold} COMMIT;")
            # Fails while another process has the file open.
            target.execute("PRAGMA journal_mode=DELETE")
            # One transaction of the target, which keeps its file.
            copy.backup(target)
        except sqlite3.DatabaseError as error:
            if "locked" in str(error):
                raise InUse from error
            raise CannotCopy(f"SQLite does not restore it: {error}.") from error
