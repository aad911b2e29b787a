"""Reads the rows of files, one after the other: CSV and JSONL, plain and compressed.

Uses constant memory: a row has at most `MOST_ROW_BYTES` bytes, a longer one is skipped as a fault.
A wrong row has a `fault`; reading continues.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

from subscribers.rows import csv_rows, json_rows
from subscribers.rows.blocks import OpenBytes, opened
from subscribers.rows.row import CSV, STANDARD_INPUT, Meter, Place, Row, Source


def read_rows(
    *,
    sources: Sequence[Source],
    start: Place | None = None,
    meter: Meter | None = None,
    open_bytes: OpenBytes | None = None,
) -> Iterator[Row]:
    """Yield the rows from `start` on (None: all of them), in the order of the files.

    Raises `InvalidFile` when a file cannot be opened or read, is shorter than `start` says, is not
    UTF-8 from its beginning on (UTF-16), or has a header with duplicate or empty names.
    """
    start = start or Place()
    for index, source in enumerate(sources):
        if index < start.file_index:
            continue
        place = start if index == start.file_index else Place(index)
        with opened(source, meter=meter, open_bytes=open_bytes) as reader:
            read = csv_rows.read if source.format == CSV else json_rows.read
            yield from read(reader=reader, start=place)


def read_columns(source: Source) -> tuple[str, ...] | None:
    """Return the header of a CSV file; None for JSONL and for what can be read only once.

    Raises `InvalidFile` as `read_rows` does, for a JSONL file too.
    """
    if not can_be_read_again(source):
        return None
    with opened(source) as reader:
        return csv_rows.read_header(reader)[0] if source.format == CSV else None


def can_be_read_again(source: Source) -> bool:
    """Tell whether a file is neither standard input nor a pipe."""
    path = Path(source.name)
    return source.name != STANDARD_INPUT and (path.is_file() or not path.exists())
