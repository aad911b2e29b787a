"""Sheets of `.xlsx` files as CSV, row by row. defusedxml guards the parser that openpyxl uses."""

import csv
import zipfile
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time
from io import BufferedIOBase, StringIO
from typing import Any
from xml.etree.ElementTree import ParseError

from subscribers.rows.formula_guard import guarded
from subscribers.rows.row import InvalidFile
from subscribers.rows.unpacking import Made

# Texts of a workbook are held in memory, some five times as large.
MOST_TEXT_BYTES = 32 * 2**20
MOST_SHEET_BYTES = 2**30
MOST_CELLS = 50_000_000
_ROWS_AT_ONCE = 500
_SHARED_STRINGS = "xl/sharedStrings.xml"


def as_csv(stream: BufferedIOBase, *, name: str, sheet: str) -> BufferedIOBase:
    """Return the first sheet, or the one named, as CSV; raises `InvalidFile`, also while read."""
    # Takes a tenth of a second, which other imports do not have to wait for.
    from openpyxl import load_workbook  # noqa: PLC0415 - as the line above says

    _check_sizes(stream, name)
    try:
        workbook = load_workbook(stream, read_only=True, data_only=True, keep_links=False)
    except (OSError, KeyError, ValueError, TypeError, ParseError, zipfile.BadZipFile) as error:
        raise InvalidFile(f"{name} cannot be read as a workbook: {error}.") from error
    if sheet and sheet not in workbook.sheetnames:
        raise InvalidFile(
            f"{name} has no sheet {sheet!r}; --sheet may be {', '.join(workbook.sheetnames[:20])}."
        )
    chosen = workbook[sheet or workbook.sheetnames[0]]
    # A file may claim any size for its sheet.
    chosen.reset_dimensions()
    return Made(_parts(chosen.iter_rows(values_only=True), name))


def _check_sizes(stream: BufferedIOBase, name: str) -> None:
    try:
        with zipfile.ZipFile(stream) as archive:
            sizes = {info.filename: info.file_size for info in archive.infolist()}
    except (OSError, zipfile.BadZipFile) as error:
        raise InvalidFile(f"{name} is no .xlsx file: {error}.") from error
    finally:
        stream.seek(0)
    if sizes.get(_SHARED_STRINGS, 0) > MOST_TEXT_BYTES or sum(sizes.values()) > MOST_SHEET_BYTES:
        raise InvalidFile(f"{name} is too large for a workbook: save the sheet as CSV.")


def _parts(rows: Iterator[Sequence[Any]], name: str) -> Iterator[bytes]:
    cells = 0
    text = StringIO(newline="")
    writer = csv.writer(text)
    width: int | None = None
    try:
        for number, row in enumerate(rows, start=1):
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
    except (KeyError, ValueError, TypeError, ParseError, zipfile.BadZipFile) as error:
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
