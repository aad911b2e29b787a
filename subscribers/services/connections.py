"""Database connections that died while nobody used them."""

from django.db import InterfaceError, OperationalError, connection

LOST = (OperationalError, InterfaceError)


def renew() -> bool:
    """Drop this thread's connection and every idle one that does not answer; True when it did.

    Inside a transaction there is nothing to renew: what was done in it is gone with it.
    """
    if connection.in_atomic_block:
        return False
    connection.close()
    pool = getattr(connection, "pool", None)
    if pool is not None:
        pool.check()
    return True
