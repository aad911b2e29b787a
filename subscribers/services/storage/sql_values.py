"""Ids, moments and JSON in the database driver's form, for statements without the ORM."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec
from django.conf import settings
from django.db import connection

# By the database's clock: it alone is the same for all hosts.
_LEASE_ENDS = {
    "postgresql": "statement_timestamp() + interval '{} seconds'",
    "sqlite": "strftime('%%Y-%%m-%%d %%H:%%M:%%f', 'now', '+{} seconds')",
}


def adapted(*values: object) -> list[Any]:
    """Return a statement's parameters in the driver's form."""
    return list(values) if connection.vendor == "postgresql" else [*map(in_sqlite, values)]


def in_sqlite(value: object) -> object:
    match value:
        case UUID():
            return value.hex
        case datetime():
            return moment_in_sqlite(value)
        case dict():
            return as_json(value)
        case _:
            return value


def moment_in_sqlite(moment: datetime) -> str:
    return str(moment.astimezone(UTC).replace(tzinfo=None))


def id_of(stored: UUID | str) -> UUID:
    return stored if isinstance(stored, UUID) else UUID(stored)


def as_json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def lease_ends() -> str:
    """Return the SQL of the moment when a lease that begins now expires."""
    return _LEASE_ENDS[connection.vendor].format(settings.LEASE_SECONDS)
