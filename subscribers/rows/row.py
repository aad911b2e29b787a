"""A row of a file, its place in it, and the file's name and format."""

from typing import Any

import msgspec

from subscribers.wire.payloads import Fault

CSV = "csv"
JSONL = "jsonl"
STANDARD_INPUT = "-"
MOST_ROW_BYTES = 1_048_576


class InvalidFile(ValueError):
    """A whole file cannot be read; the message names it and says what to do."""

    code = "INVALID_FILE"


class Source(msgspec.Struct, frozen=True):
    """A file: its name as given (`-` is standard input) and its format, `csv` or `jsonl`.

    `export.zip/people.csv` is a file of an archive. A sheet of a workbook is read as CSV, a JSON
    array as JSONL.
    """

    name: str
    format: str
    # Empty: UTF-8, or what a byte order mark says.
    encoding: str = ""
    # Between cells; empty: as the header has it.
    delimiter: str = ""
    # Of a workbook; empty: the first.
    sheet: str = ""

    @property
    def is_compressed(self) -> bool:
        return self.name.lower().endswith(".gz")

    @property
    def is_workbook(self) -> bool:
        return self.name.lower().removesuffix(".gz").endswith(".xlsx")


class Place(msgspec.Struct, frozen=True):
    """Where the next row begins: in bytes of the uncompressed file, and in lines from 1 on.

    Line 0 is the beginning of a file that was not read yet.
    """

    file_index: int = 0
    byte_offset: int = 0
    line: int = 0


class Row(msgspec.Struct, gc=False, kw_only=True):
    """One row as it was read; only its form was checked.

    `fields` are by the file's own column names (CSV: every cell a text without guard; JSONL: any
    JSON values), or None when the row cannot be parsed. `line` is where it begins. `columns` is the
    same tuple for all rows of a CSV file, None for JSONL. With a `fault`, `raw` has the row's bytes
    (the first 200 of a row that is too long). `end_offset` and `end_line` are where the next row
    begins, after blank lines.
    """

    file_index: int
    line: int
    fields: dict[str, Any] | None
    end_offset: int
    end_line: int
    columns: tuple[str, ...] | None = None
    fault: Fault | None = None
    raw: bytes | None = None

    @property
    def after(self) -> Place:
        """The checkpoint once this row and all before it are done."""
        return Place(self.file_index, self.end_offset, self.end_line)


class Meter(msgspec.Struct):
    """How many stored bytes were read (of a compressed file, compressed ones), for progress."""

    bytes_read: int = 0

    def note(self) -> None:
        """Is called after each piece that is read; what it raises ends the reading."""


def source_of(name: str, *, format: str | None = None) -> Source:  # noqa: A002 - the option's name
    """Return a file and its format, as given or by suffix; raises `InvalidFile` without either."""
    if format is None:
        stem = name.lower().removesuffix(".gz")
        if stem.endswith(".csv"):
            format = CSV  # noqa: A001 - as above
        elif stem.endswith((".jsonl", ".ndjson")):
            format = JSONL  # noqa: A001 - as above
        elif stem.endswith((".xls", ".xlsb", ".ods", ".numbers")):
            raise InvalidFile(
                f"{name} is a workbook that is not read: save it as .xlsx or CSV in a spreadsheet."
            )
        else:
            shown = "The standard input" if name == STANDARD_INPUT else name
            raise InvalidFile(
                f"{shown} does not say its format: give --format csv or --format jsonl."
            )
    return Source(name, format)
