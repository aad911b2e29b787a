"""Checks of the database itself: that it answers, that it is what this code expects."""

from collections.abc import Iterator, Sequence

from django.apps import apps
from django.conf import settings
from django.db import connection
from django.db.models import Model

from config import schema
from subscribers.services.audits.audits import Audit, Check, Finding, Level, fact
from subscribers.services.workspaces import installation

AREA = "Database"
# For the reasons see `.github/decisions`; `synchronous` 1 is NORMAL, 2 FULL.
SAFE_SYNCHRONOUS = (1, 2)
SHORTEST_WAIT = 5000  # milliseconds


def version(audit: Audit) -> Sequence[Finding]:  # noqa: ARG001 - every check is called alike
    """Find a server that is too old for Django, and name the one that is there."""
    found = connection.get_database_version()
    least = connection.features.minimum_database_version
    said = f"{connection.display_name} {'.'.join(map(str, found))}"
    if least and found < least:
        wanted = ".".join(map(str, least))
        return [Finding(what=f"{said} is too old", remedy=f"Move to {wanted} or newer.")]
    return fact(f"{said} answers.")


def migrations(audit: Audit) -> Sequence[Finding]:  # noqa: ARG001 - as above
    """Find a database that lacks tables which this code works with."""
    what, _, remedy = schema.problem().partition("; ")
    return [Finding(what=what, remedy=remedy.capitalize())] if what else []


def connections(audit: Audit) -> Sequence[Finding]:  # noqa: ARG001 - as above
    """Find what does not go together: SQLite without its options, a pool outside of the web."""
    options = connection.settings_dict.get("OPTIONS", {})
    if connection.vendor == "sqlite":
        return _sqlite_faults()
    if "pool" in options:
        return [
            Finding(
                what="A command has a connection pool, which workers that fork must never have",
                remedy="Use DATABASE_URL without a pool: the web makes its own.",
            )
        ]
    return []


def constraints(audit: Audit) -> Sequence[Finding]:  # noqa: ARG001 - as above
    """Find constraints that the database should keep and does not have.

    Such as one step run for each visit of a step, and one place in a sequence for each person.
    """
    missing = [name for model in _models() for name in _missing_of(model)]
    if not missing:
        return []
    return [
        Finding(
            what="The database does not keep what it should: constraints or indexes are missing",
            remedy="Was it restored in part? Make them again (manage.py sqlmigrate shows how).",
            count=len(missing),
            example=missing[0],
        )
    ]


def secret_key(audit: Audit) -> Sequence[Finding]:  # noqa: ARG001 - as above
    """Find a SECRET_KEY that is not the installation's: no worker would start."""
    if not installation.has_other_key(secret_key=settings.SECRET_KEY):
        return []
    return [
        Finding(
            what="SECRET_KEY is not the one that this installation began with",
            remedy="Give every process the old one; if it was changed on purpose, stop all workers "
            "and run manage.py worker --accept-new-secret-key.",
        )
    ]


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
        faults.append("synchronous is off: a power cut may spoil the file")
    if not pragmas["busy_timeout"] or pragmas["busy_timeout"] < SHORTEST_WAIT:
        faults.append(f"it waits {pragmas['busy_timeout']} ms for a lock, less than 5 s")
    if pragmas["foreign_keys"] != 1:
        faults.append("foreign keys are not kept")
    return [
        Finding(
            what=f"SQLite: {fault}",
            remedy="Keep the file on a local disk, and let Cueline's own settings open it.",
            level=Level.PROBLEM,
        )
        for fault in faults
    ]


def _models() -> Iterator[type[Model]]:
    for label in schema.OURS:
        yield from apps.get_app_config(label).get_models()


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
    Check(AREA, "connection", "The connection is as it should be.", connections),
    Check(AREA, "constraints", "Every constraint and index is there.", constraints),
    Check(AREA, "secret key", "SECRET_KEY is the installation's.", secret_key),
)
