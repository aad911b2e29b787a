"""Whether the database has the tables that this code works with."""

from django.db import DatabaseError, InterfaceError, connection
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader

OURS = ("subscribers", "events")
TOO_OLD = (
    "This database was made by a version of Cueline before 0.2.0; export its data with that version"
    " and import it into a new database."
)


def unapplied_migrations() -> int:
    return _unapplied(MigrationExecutor(connection))


def ahead() -> list[str]:
    """Return the migrations of ours that the database has and this code lacks: it is of a newer
    release. Old code goes on working with it, as a rolling upgrade needs.
    """
    loader = MigrationLoader(connection)
    newer = loader.applied_migrations.keys() - loader.disk_migrations.keys()
    return sorted(f"{app}.{name}" for app, name in newer if app in OURS)


def ahead_sentence() -> str:
    """Return in a sentence, without its full stop, that the database is ahead; empty if not."""
    newer = ahead()
    names = ", ".join(newer[:3])
    return f"The database is of a newer release: this code does not know {names}" if newer else ""


def problem() -> str:
    """Return in one sentence why this code cannot use the database; empty if it can."""
    try:
        executor = MigrationExecutor(connection)
        unapplied = _unapplied(executor)
    except (DatabaseError, InterfaceError) as error:
        connection.close()
        return f"the database does not answer ({str(error).strip().partition(chr(10))[0]})."
    if is_too_old(executor.loader):
        return TOO_OLD
    return f"{unapplied} migrations are not applied; run manage.py migrate." if unapplied else ""


def is_too_old(loader: MigrationLoader) -> bool:
    """Tell whether the database has migrations of an app of ours, but not its first one.

    Release 0.2.0 replaced the migrations of each app by one.
    """
    applied = loader.applied_migrations
    ours = {app for app, _ in applied} & set(OURS)
    return any(root not in applied for app in ours for root in loader.graph.root_nodes(app))


def _unapplied(executor: MigrationExecutor) -> int:
    return len(executor.migration_plan(executor.loader.graph.leaf_nodes()))
