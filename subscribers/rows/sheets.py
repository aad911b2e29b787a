"""Sheets of `.xlsx` files as CSV, row by row. defusedxml guards the parser that openpyxl uses."""

import csv
import re
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time
from io import BufferedIOBase, StringIO
from typing import Any
from xml.etree.ElementTree import Element, ParseError

from openpyxl.reader.excel import ExcelReader
from openpyxl.worksheet._read_only import ReadOnlyWorksheet
from openpyxl.worksheet._reader import FORMULA_TAG, WorkSheetParser

from subscribers.rows.formula_guard import guarded
from subscribers.rows.row import InvalidFile
from subscribers.rows.unpacking import Made

# All but the sheets is held in memory, texts some five times as large.
MOST_TEXT_BYTES = 32 * 2**20
MOST_SHEET_BYTES = 2**30
# From one row of a sheet to the next, which are held together, and before and after all rows.
MOST_ROW_BYTES = 8 * 2**20
MOST_CELLS = 50_000_000
# As in spreadsheets; a file may number its rows as it likes.
MOST_ROWS = 1_048_576
_ROWS_AT_ONCE = 500
_CHUNK_BYTES = 262_144
_MANIFEST = "[Content_Types].xml"
_SHEETS, _MEDIA = "xl/worksheets/", "xl/media/"
_SHEET = "application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"
# How pictures begin, and no sheet or text does.
_PICTURES = (
    b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"BM", b"II*\0", b"MM\0*", b"\x01\0\0\0", b"\xd7\xcd",
)  # fmt: skip
_ROW = re.compile(rb"<(?:[A-Za-z_][\w.-]{0,30}:)?row[\s/>]")
_LONGEST_ROW_SIGN = 40
# May hide such a sign in a text.
_VERBATIM = b"<![CDATA["
# What a parser says of a file that is no workbook, or a damaged one.
_UNREADABLE = (
    OSError, EOFError, LookupError, ValueError, TypeError, AttributeError, ArithmeticError,
    RuntimeError, ParseError, zlib.error, zipfile.BadZipFile,
)  # fmt: skip


class _Reader(ExcelReader):
    def read_chartsheet(self, *_: object) -> None:
        """Leave charts unread."""


class _Parser(WorkSheetParser):
    def parse_cell(self, element: Element) -> dict[str, Any]:
        """Return a cell; a formula that nothing has calculated is no empty cell."""
        cell = super().parse_cell(element)
        # With a type it is one whose value is an empty text.
        is_untyped = cell["value"] is None and "t" not in element.attrib
        if is_untyped and element.find(FORMULA_TAG) is not None:
            place = element.get("r", "one")
            raise _NotCalculated(f"the formula in cell {place} has no value")
        return cell


class _NotCalculated(ValueError):
    """A formula's value is missing, as in files that a program wrote; the message says where."""


def as_csv(stream: BufferedIOBase, *, name: str, sheet: str) -> BufferedIOBase:
    """Return the first sheet that is not hidden, or the one named, as CSV.

    Raises `InvalidFile`, also while the stream is read.
    """
    try:
        reader = _Reader(stream, read_only=True, data_only=True, keep_links=False)
        _check_sizes(reader, name)
        reader.read()
        # Those with rows: others are of charts.
        tables = {table.title: table for table in reader.wb.worksheets}
    except InvalidFile:
        raise
    except _UNREADABLE as error:
        raise InvalidFile(
            f"{name} cannot be read as a workbook: {error}. Save it as .xlsx or CSV in a "
            "spreadsheet; if it is CSV, name it .csv."
        ) from error
    if not tables:
        raise InvalidFile(f"{name} has no sheet with rows.")
    if sheet and sheet not in tables:
        raise InvalidFile(
            f"{name} has no sheet {sheet!r}; --sheet may be {', '.join(list(tables)[:20])}."
        )
    seen = [title for title, table in tables.items() if table.sheet_state == "visible"]
    return Made(_parts(_rows(tables[sheet or (seen or list(tables))[0]]), name))


def _check_sizes(reader: ExcelReader, name: str) -> None:
    """Refuse a workbook with too much to hold, wherever its parts are."""
    archive = reader.archive
    if archive.getinfo(_MANIFEST).file_size > MOST_TEXT_BYTES:
        raise _too_large(name)
    reader.read_manifest()
    types: dict[str, set[str]] = {}
    for part in reader.package.Override:
        types.setdefault(part.PartName.removeprefix("/"), set()).add(part.ContentType)
    held = 0
    sheets: list[zipfile.ZipInfo] = []
    for info in {each.filename: each for each in archive.infolist()}.values():
        if info.filename.startswith(_SHEETS) and types.get(info.filename) == {_SHEET}:
            sheets.append(info)
        elif not (info.filename.startswith(_MEDIA) and _is_picture(archive, info)):
            held += info.file_size
    if held > MOST_TEXT_BYTES or sum(each.file_size for each in sheets) > MOST_SHEET_BYTES:
        raise _too_large(name)
    for info in sheets:
        if info.file_size > MOST_ROW_BYTES and _has_long_row(archive, info):
            raise _too_large(name)


def _too_large(name: str) -> InvalidFile:
    return InvalidFile(f"{name} is too large for a workbook: save the sheet as CSV.")


def _is_picture(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bool:
    with archive.open(info) as part:
        return part.read(4).startswith(_PICTURES)


def _has_long_row(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bool:
    begun, before, rest = 0, 0, b""
    with archive.open(info) as part:
        while chunk := part.read(_CHUNK_BYTES):
            text = rest + chunk
            if _VERBATIM in text:
                return True
            for found in _ROW.finditer(text):
                if before + found.start() - begun > MOST_ROW_BYTES:
                    return True
                begun = before + found.start()
            rest = text[-_LONGEST_ROW_SIGN:]
            before += len(text) - len(rest)
    return before + len(rest) - begun > MOST_ROW_BYTES


def _rows(table: ReadOnlyWorksheet) -> Iterator[Sequence[Any]]:
    """Yield the values of each row, none for rows that the file leaves out."""
    book: Any = table.parent
    with table._get_source() as source:  # type: ignore[attr-defined] # noqa: SLF001 - see below
        # Its own `iter_rows` takes a formula without a value for an empty cell.
        parser = _Parser(
            source,
            table._shared_strings,  # type: ignore[attr-defined] # noqa: SLF001 - as above
            data_only=True,
            epoch=book.epoch,
            date_formats=book._date_formats,  # noqa: SLF001 - as above
            timedelta_formats=book._timedelta_formats,  # noqa: SLF001 - as above
        )
        following = 1
        for number, cells in parser.parse():
            for _ in range(following, number):
                yield ()
            following = number + 1
            values = [None] * max((cell["column"] for cell in cells), default=0)
            for cell in cells:
                values[cell["column"] - 1] = cell["value"]
            yield values


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
        advice = ""
        if isinstance(error, _NotCalculated):
            advice = " Open it in a spreadsheet and save it there, or save the sheet as CSV."
        raise InvalidFile(f"{name} cannot be read on: {error}.{advice}") from error
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
