"""The size of the database: now, by table, and by day; nothing is counted row by row."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from django.apps import apps
from django.db import connection
from django.db.models import F

from events.models import SystemDay

KEPT = timedelta(days=400)
MOST_TABLES = 12
# An estimate of the last ANALYZE; -1: there was none yet.
_POSTGRESQL = """
SELECT c.relname, pg_total_relation_size(c.oid) AS bytes, c.reltuples::bigint
FROM pg_class c
WHERE c.relkind = 'r' AND c.relnamespace = current_schema()::regnamespace
ORDER BY bytes DESC, c.relname LIMIT %s
"""
# SQLite numbers rows as they are added: the last number is about how many there are.
_SQLITE = "SELECT {name} AS name, (SELECT MAX(rowid) FROM {table}) AS row_count"
_SQLITE_BYTES = "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()"


@dataclass(frozen=True, slots=True, kw_only=True)
class TableSize:
    """`bytes` is None where the database cannot say quickly; `rows` is an estimate, if any."""

    name: str
    bytes: int | None
    rows: int | None


def database_bytes() -> int:
    is_postgresql = connection.vendor == "postgresql"
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_database_size(current_database())" if is_postgresql else _SQLITE_BYTES
        )
        return int(cursor.fetchone()[0])


def tables() -> Sequence[TableSize]:
    """Return the largest tables, indexes included; one statement."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(_POSTGRESQL, [MOST_TABLES])
            return [
                TableSize(name=name, bytes=size, rows=rows if rows >= 0 else None)
                for name, size, rows in cursor.fetchall()
            ]
        cursor.execute(f"{_each_table()} ORDER BY row_count DESC, name LIMIT {MOST_TABLES}")
        return [
            TableSize(name=name, bytes=None, rows=rows or 0) for name, rows in cursor.fetchall()
        ]


def note_day(*, now: datetime, deleted: int) -> None:
    """Record the size of today, and add what was deleted. Not idempotent in what was deleted."""
    today = now.astimezone(UTC).date()
    SystemDay.objects.bulk_create([SystemDay(day=today)], ignore_conflicts=True)
    SystemDay.objects.filter(day=today).update(
        database_bytes=database_bytes(), deleted_rows=F("deleted_rows") + deleted
    )
    SystemDay.objects.filter(day__lt=today - KEPT).delete()


def days(*, now: datetime, count: int) -> Mapping[date, SystemDay]:
    """Return the records of the last days; one statement."""
    first = now.astimezone(UTC).date() - timedelta(days=count - 1)
    return {row.day: row for row in SystemDay.objects.filter(day__gte=first).order_by("day")}


def _each_table() -> str:
    quote = connection.ops.quote_name
    names = sorted({model._meta.db_table for model in apps.get_models()})
    parts = (_SQLITE.format(name=f"'{name}'", table=quote(name)) for name in names)
    return " UNION ALL ".join(parts)
