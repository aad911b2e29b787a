"""Which database errors concern one event, which the whole request, and which pass."""

from django.db import DatabaseError, InterfaceError, OperationalError, connection

# The database is away, full or too busy: no event could be written, not just this one.
REQUEST_FAULTS = (OperationalError, InterfaceError)
# 40001 serialization failure, 40P01 deadlock: the same work succeeds when it is done again.
PASSING_STATES = frozenset({"40001", "40P01"})


class Unavailable(Exception):
    """The database is away or too busy; nothing was recorded."""

    code = "UNAVAILABLE"


class OutcomeUnknown(Unavailable):
    """The connection broke during the commit, and the rows could not be looked up."""

    outcome = "unknown"


def is_passing(error: DatabaseError | InterfaceError) -> bool:
    """Tell whether PostgreSQL gave the transaction up for the sake of another."""
    return getattr(error.__cause__, "sqlstate", None) in PASSING_STATES


def check_constraints_at_once() -> None:
    """Make foreign keys fail at their statement, not at COMMIT, which is beyond savepoints."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def brief(error: Exception) -> str:
    """Return the first line of an error: the database's own words, without the values of a row."""
    return str(error).partition("\n")[0][:300]
