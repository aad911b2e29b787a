"""The whole database, searched for a text: every row of every table, whatever made it."""

import re
from typing import Any

from django.db import connection


def rows_with(text: str) -> list[str]:
    """Return the rows that hold a text anywhere, in any case, each with its table's name."""
    sought = text.lower()
    found = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")  # noqa: S608 - from the catalogue
            found += [
                f"{table}: {row}"
                for row in cursor.fetchall()
                if sought in " ".join(map(_as_text, row)).lower()
            ]
    return found


def _as_text(value: Any) -> str:
    if isinstance(value, bytes | memoryview):
        return bytes(value).decode(errors="replace")
    # One database stores JSON as it was written, with other letters than ASCII's escaped.
    return re.sub(r"\\u([0-9a-f]{4})", lambda found: chr(int(found[1], 16)), str(value))
