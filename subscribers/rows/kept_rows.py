"""Rows of a file in the form in which the database keeps them: one line of JSON each.

A line is `[file, line, cells]` for a row of a table, `[file, line, object]` for an object, and
`[file, line, null, [field, message, text]]` for a row that cannot be read, with its text as it
is in the file. The columns of the tables are kept beside the lines, by the file's number.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from subscribers.rows.row import Row
from subscribers.wire.payloads import Fault

# Among rejected rows, the column or key for the text of a row that cannot be read.
UNREADABLE = "row"
# Of each file the columns, or None where its rows are objects.
Tables = Sequence[tuple[str, ...] | None]


def as_line(row: Row) -> bytes:
    """Return a row as a line with its end."""
    if row.fault is not None or row.fields is None:
        fault = row.fault or Fault("", "cannot be read.")
        return _line(row.file_index, row.line, None, [fault.path, fault.message, text_of(row)])
    if row.columns is None:
        return of_object(row.fields, file_index=row.file_index, line=row.line)
    return _line(row.file_index, row.line, [row.fields[name] for name in row.columns])


def text_of(row: Row) -> str:
    """Return the text of a row that cannot be read; empty where it was not kept."""
    return (row.raw or b"").decode("utf-8", "replace").rstrip("\r\n")


def of_object(fields: Mapping[str, Any], *, line: int, file_index: int = 0) -> bytes:
    """Return an object as a line with its end."""
    return _line(file_index, line, fields)


def _line(*kept: object) -> bytes:
    return json.dumps(kept, separators=(",", ":")).encode() + b"\n"


def read(blocks: Iterable[tuple[int, bytes]], *, tables: Tables, start: int = 0) -> Iterator[Row]:
    """Yield the rows from a byte on; a block is where it begins, and whole lines.

    A blank line is in place of a row that was erased.
    """
    for offset, content in blocks:
        end = offset
        for line in content.splitlines(keepends=True):
            end += len(line)
            if end > start and not line.isspace():
                yield _row(json.loads(line), tables, end)


def _row(kept: Sequence[Any], tables: Tables, end: int) -> Row:
    index, line, fields, *faults = kept
    fault, raw = None, None
    if faults:
        ((field, message, text),) = faults
        fault, raw = Fault(field, message), text.encode()
    columns = tables[index] if index < len(tables) else None
    if isinstance(fields, list) and columns is not None:
        fields = dict(zip(columns, fields, strict=True))
    return Row(
        file_index=index,
        line=line,
        fields=fields,
        end_offset=end,
        end_line=line + 1,
        columns=columns,
        fault=fault,
        raw=raw,
    )
