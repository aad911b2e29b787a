"""Sheets of `.xlsx` files as CSV, row by row. defusedxml guards the parser that openpyxl uses."""

import csv
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time
from io import BufferedIOBase, StringIO
from typing import Any
from xml.etree.ElementTree import ParseError

from subscribers.rows.formula_guard import guarded
from subscribers.rows.row import InvalidFile
from subscribers.rows.unpacking import Made

# All but the sheets is held in memory, texts some five times as large.
MOST_TEXT_BYTES = 32 * 2**20
MOST_SHEET_BYTES = 2**30
MOST_CELLS = 50_000_000
# As in spreadsheets; a file may number its rows as it likes.
MOST_ROWS = 1_048_576
_ROWS_AT_ONCE = 500
_SHEETS = ("xl/worksheets/", "xl/media/")
# What a parser says of a file that is no workbook, or a damaged one.
_UNREADABLE = (
    OSError, EOFError, LookupError, ValueError, TypeError, AttributeError, ArithmeticError,
    RuntimeError, ParseError, zlib.error, zipfile.BadZipFile,
)  # fmt: skip


def as_csv(stream: BufferedIOBase, *, name: str, sheet: str) -> BufferedIOBase:
    """Return the first sheet, or the one named, as CSV; raises `InvalidFile`, also while read."""
    # Takes a tenth of a second, which other imports do not have to wait for.
    from openpyxl import load_workbook  # noqa: PLC0415 - as the line above says

    _check_sizes(stream, name)
    try:
        workbook = load_workbook(stream, read_only=True, data_only=True, keep_links=False)
        # Those with rows: others are of charts.
        tables = {table.title: table for table in workbook.worksheets}
        for table in tables.values():
            # A file may claim any size for its sheet.
            table.reset_dimensions()
    except _UNREADABLE as error:
        raise InvalidFile(f"{name} cannot be read as a workbook: {error}.") from error
    if not tables:
        raise InvalidFile(f"{name} has no sheet with rows.")
    if sheet and sheet not in tables:
        raise InvalidFile(
            f"{name} has no sheet {sheet!r}; --sheet may be {', '.join(list(tables)[:20])}."
        )
    chosen = tables[sheet or next(iter(tables))]
    return Made(_parts(chosen.iter_rows(values_only=True), name))


def _check_sizes(stream: BufferedIOBase, name: str) -> None:
    try:
        with zipfile.ZipFile(stream) as archive:
            sizes = {info.filename: info.file_size for info in archive.infolist()}
    except _UNREADABLE as error:
        raise InvalidFile(f"{name} is no .xlsx file: {error}.") from error
    finally:
        stream.seek(0)
    held = sum(size for part, size in sizes.items() if not part.startswith(_SHEETS))
    if held > MOST_TEXT_BYTES or sum(sizes.values()) > MOST_SHEET_BYTES:
        raise InvalidFile(f"{name} is too large for a workbook: save the sheet as CSV.")


def _parts(rows: Iterator[Sequence[Any]], name: str) -> Iterator[bytes]:
    cells = 0
    text = StringIO(newline="")
    writer = csv.writer(text)
    width: int | None = None
    try:
        for number, row in enumerate(rows, start=1):
            if number > MOST_ROWS:
                raise InvalidFile(f"{name} has more than {MOST_ROWS:,} rows: save it as CSV.")
            cells += len(row)
            if cells > MOST_CELLS:
                raise InvalidFile(f"{name} has more than {MOST_CELLS:,} cells: save it as CSV.")
            written = [_cell(value) for value in row]
            while written and not written[-1]:
                written.pop()
            if width is None and written:
                width = len(written)
            # A row without values stays a line, so that lines are numbered as in the sheet.
            padding = [""] * max((width or 0) - len(written), 0)
            writer.writerow([*written, *padding] if written else [])
            if number % _ROWS_AT_ONCE == 0:
                yield _taken(text)
    except _UNREADABLE as error:
        if isinstance(error, InvalidFile):
            raise
        raise InvalidFile(f"{name} cannot be read on: {error}.") from error
    yield _taken(text)


def _taken(text: StringIO) -> bytes:
    given = text.getvalue().encode("utf-8", "surrogatepass")
    text.seek(0)
    text.truncate()
    return given


def _cell(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case datetime() | date() | time():
            return value.isoformat(" ") if isinstance(value, datetime) else value.isoformat()
        case float():
            return repr(int(value)) if value.is_integer() and abs(value) < 2**53 else repr(value)
        case _:
            return guarded(str(value))
