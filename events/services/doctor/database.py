"""Checks of the database itself: it answers, and has what this code expects."""

from collections.abc import Sequence
from typing import assert_never

from django.apps import apps
from django.conf import settings
from django.db import connection
from django.db.models import Model

import config.database
from config import schema
from subscribers.services.audits.audits import Audit, Check, Finding, Level, fact
from subscribers.services.workspaces import installation

AREA = "Database"
# 1 is NORMAL, 2 FULL. See .github/decisions/sqlite-settings.md.
SAFE_SYNCHRONOUS = (1, 2)
SHORTEST_WAIT = 5000  # milliseconds


def version(audit: Audit) -> Sequence[Finding]:  # noqa: ARG001 - every check is called alike
    found = connection.get_database_version()
    least = connection.features.minimum_database_version
    said = f"{connection.display_name} {'.'.join(map(str, found))}"
    if least and found < least:
        wanted = ".".join(map(str, least))
        return [Finding(what=f"{said} is too old", remedy=f"Move to {wanted} or newer.")]
    return fact(f"{said} answers.")


def migrations(audit: Audit) -> Sequence[Finding]:  # noqa: ARG001 - as above
    what, _, remedy = schema.problem().partition("; ")
    if what:
        return [Finding(what=what, remedy=remedy.capitalize())]
    what = schema.ahead_sentence()
    remedy = "Upgrade this host too; until then it works with what it knows."
    return [Finding(what=what, remedy=remedy, level=Level.WARNING)] if what else []


def writes(audit: Audit) -> Sequence[Finding]:  # noqa: ARG001 - as above
    """Find a replica, a file without the right to write, and a full disk."""
    match config.database.writes():
        case "ok":
            return []
        case "read-only":
            remedy = "Is it a replica? Let DATABASE_URL lead to the primary. SQLite: check the "
            remedy += "owner of the file."
            return [Finding(what="The database is read-only", remedy=remedy)]
        case "full":
            remedy = "Make room on the database's disk; Cueline goes on by itself."
            return [Finding(what="The database's disk is full", remedy=remedy)]
        case _ as never:
            assert_never(never)


def connections(audit: Audit) -> Sequence[Finding]:  # noqa: ARG001 - as above
    """Find SQLite without its options, and a pooler that the settings do not name."""
    if connection.vendor == "sqlite":
        return _sqlite_faults()
    if not settings.PGBOUNCER and _is_pooled():
        what = "A pooler such as PgBouncer is between Cueline and PostgreSQL"
        remedy = "Set PGBOUNCER=true, unless it gives each connection a server session of its own."
        return [Finding(what=what, remedy=remedy, level=Level.WARNING)]
    return []


def constraints(audit: Audit) -> Sequence[Finding]:  # noqa: ARG001 - as above
    models = [each for label in schema.OURS for each in apps.get_app_config(label).get_models()]
    missing = [name for model in models for name in _missing_of(model)]
    if not missing:
        return []
    what = "Constraints or indexes are missing in the database"
    remedy = "Was it restored in part? Create them again (manage.py sqlmigrate shows how)."
    return [Finding(what=what, remedy=remedy, count=len(missing), example=missing[0])]


def secret_key(audit: Audit) -> Sequence[Finding]:  # noqa: ARG001 - as above
    """Find a SECRET_KEY other than the installation's: no worker would start."""
    if not installation.has_other_key(secret_key=settings.SECRET_KEY):
        return []
    what = "SECRET_KEY is not the one that this installation began with"
    remedy = (
        "Give every process the old key. If you changed it on purpose, stop all workers and run "
        "manage.py worker --accept-new-secret-key."
    )
    return [Finding(what=what, remedy=remedy)]


def _is_pooled() -> bool:
    """Tell whether the connection's server process is another than the one that greeted it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (pid,) = cursor.fetchone()
    return bool(pid != connection.connection.info.backend_pid)


def _sqlite_faults() -> list[Finding]:
    faults = []
    with connection.cursor() as cursor:
        pragmas = {}
        for name in ("journal_mode", "synchronous", "busy_timeout", "foreign_keys"):
            cursor.execute(f"PRAGMA {name}")
            (pragmas[name],) = cursor.fetchone() or (None,)
    if pragmas["journal_mode"] != "wal":
        faults.append(f"journal_mode is {pragmas['journal_mode']}, not wal")
    if pragmas["synchronous"] not in SAFE_SYNCHRONOUS:
        faults.append("synchronous is off: a power cut may damage the file")
    if not pragmas["busy_timeout"] or pragmas["busy_timeout"] < SHORTEST_WAIT:
        faults.append(f"it waits {pragmas['busy_timeout']} ms for a lock, less than 5 s")
    if pragmas["foreign_keys"] != 1:
        faults.append("foreign keys are not enforced")
    remedy = "Keep the file on a local disk, and let Cueline's own settings open it."
    return [Finding(what=f"SQLite: {fault}", remedy=remedy) for fault in faults]


def _missing_of(model: type[Model]) -> list[str]:
    wanted = [each.name for each in (*model._meta.constraints, *model._meta.indexes)]
    if not wanted:
        return []
    with connection.cursor() as cursor:
        kept = connection.introspection.get_constraints(cursor, model._meta.db_table)
    return [name for name in wanted if name not in kept]


CHECKS = (
    Check(AREA, "version", "The database answers.", version),
    Check(AREA, "migrations", "Every migration is applied.", migrations),
    Check(AREA, "writes", "The database takes writes.", writes),
    Check(AREA, "connection", "The connection is as it should be.", connections),
    Check(AREA, "constraints", "Every constraint and index is there.", constraints),
    Check(AREA, "secret key", "SECRET_KEY is the installation's.", secret_key),
)
