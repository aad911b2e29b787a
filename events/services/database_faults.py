"""Which database errors concern one event, and which the whole request."""

from django.db import connection

from subscribers.services.storage import connections

# The database is away, full or too busy: no event could be written, not just this one.
REQUEST_FAULTS = connections.LOST


class Unavailable(Exception):
    """The database is away or too busy; nothing was recorded."""

    code = "UNAVAILABLE"


class OutcomeUnknown(Unavailable):
    """The connection broke during the commit, and the rows could not be looked up."""

    outcome = "unknown"


def check_constraints_at_once() -> None:
    """Make foreign keys fail at their statement, not at COMMIT, which is beyond savepoints."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def brief(error: Exception) -> str:
    """Return the first line of an error: the database's own words, without the values of a row."""
    return str(error).partition("\n")[0][:300]
