"""Stores very many rows in little time: COPY on PostgreSQL, `executemany` on SQLite.

Values are texts and numbers that both databases read; a row's other columns have their defaults.
"""

import os
import uuid
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from django.db import connection
from django.db.models import Field, Model
from django.db.models.fields import NOT_PROVIDED

Value = str | int | None


def id_at(moment: float) -> str:
    """Return a row's id that was made at a moment, in seconds since 1970."""
    random = int.from_bytes(os.urandom(10), "big")
    low, high = random & (1 << 62) - 1, random >> 68
    return f"{int(moment * 1000) << 80 | 7 << 76 | high << 64 | 2 << 62 | low:032x}"


def moment_at(moment: float) -> str:
    return datetime.fromtimestamp(moment, tz=UTC).replace(tzinfo=None).isoformat(sep=" ")


def store(model: type[Model], names: str, rows: Iterable[Sequence[Value]]) -> None:
    """Store rows of the named columns, in one transaction."""
    fields = {field.name: field for field in model._meta.concrete_fields}
    given = names.split()
    rest = {name: _default(field) for name, field in fields.items() if name not in given}
    # Where there is no default, the database makes the value: a number that counts up.
    rest = {name: value for name, value in rest.items() if value is not NOT_PROVIDED}
    columns = ", ".join(f'"{fields[name].column}"' for name in (*given, *rest))
    constants = tuple(rest.values())
    table = model._meta.db_table
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            # Keys are right by construction; looking up millions of them takes most of the time.
            cursor.execute("SET LOCAL session_replication_role = replica")
            with cursor.copy(f"COPY {table} ({columns}) FROM STDIN") as copy:
                for row in rows:
                    copy.write_row((*row, *constants))
            return
        places = ", ".join("?" * (len(given) + len(constants)))
        connection.connection.executemany(
            f"INSERT INTO {table} ({columns}) VALUES ({places})",  # noqa: S608 - our own names
            ((*row, *constants) for row in rows),
        )


def _default(field: "Field[object, object]") -> object:
    if field.primary_key and not field.has_default():
        return NOT_PROVIDED
    value = field.get_db_prep_save(field.get_default(), connection)
    if isinstance(value, uuid.UUID):
        return value.hex
    return value.dumps(value.obj) if hasattr(value, "dumps") else value
