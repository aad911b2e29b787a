"""What a row of a file is, where it is in it, and what a file is called and holds."""

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
    """A file: its name as given (`-` is the standard input) and its format, `csv` or `jsonl`."""

    name: str
    format: str

    @property
    def is_compressed(self) -> bool:
        return self.name.lower().endswith(".gz")


class Place(msgspec.Struct, frozen=True):
    """Where the next row begins: in bytes of the uncompressed file, and in lines from 1 on.

    A line of 0 is the beginning of a file that was not looked at yet.
    """

    file_index: int = 0
    byte_offset: int = 0
    line: int = 0


class Row(msgspec.Struct, gc=False, kw_only=True):
    """One row as it was read; nothing but its form was checked.

    `fields` is by the file's own column names (CSV: every cell a text, guards taken off; JSONL:
    any JSON values), or None when the row cannot be taken apart. `line` is that of its beginning.
    `columns` is the same tuple for all rows of a CSV file, None for JSONL. With a `fault`, `raw` is
    the row's bytes (the first 200 of a row that is too long). `end_offset` and `end_line` are where
    the next row begins, blank lines before it included.
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
        """The checkpoint when this row and all before it are done."""
        return Place(self.file_index, self.end_offset, self.end_line)


class Meter:
    """How far reading has come, for a progress bar."""

    __slots__ = ("bytes_read",)

    def __init__(self) -> None:
        # In bytes as they are stored: compressed ones where a file is compressed.
        self.bytes_read = 0


def source_of(name: str, *, format: str | None = None) -> Source:  # noqa: A002 - the option's name
    """Return the file with its format: the one given, else by its suffix.

    Raises `InvalidFile` when neither says it.
    """
    if format is None:
        stem = name.lower().removesuffix(".gz")
        if stem.endswith(".csv"):
            format = CSV  # noqa: A001 - as above
        elif stem.endswith((".jsonl", ".ndjson")):
            format = JSONL  # noqa: A001 - as above
        else:
            shown = "The standard input" if name == STANDARD_INPUT else name
            raise InvalidFile(
                f"{shown} does not say its format: give --format csv or --format jsonl."
            )
    return Source(name, format)
