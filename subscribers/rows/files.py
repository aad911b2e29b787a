"""Reads the rows of files, one after the other: CSV and JSONL, plain and compressed.

Uses constant memory: a row has at most `MOST_ROW_BYTES` bytes, a longer one is skipped as a fault.
A wrong row has a `fault`; reading continues.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from subscribers.rows import csv_rows, encodings, json_rows, unpacking
from subscribers.rows.blocks import OpenBytes, opened
from subscribers.rows.row import CSV, JSONL, STANDARD_INPUT, Meter, Place, Row, Source, source_of


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
            if source.format == CSV:
                yield from csv_rows.read(reader=reader, start=place, delimiter=source.delimiter)
            else:
                yield from json_rows.read(reader=reader, start=place)


def read_header(source: Source, *, meter: Meter | None = None) -> csv_rows.Header | None:
    """Return the header of a CSV file; None for JSONL and for what can be read only once.

    Raises `InvalidFile` as `read_rows` does, for a JSONL file too.
    """
    if not can_be_read_again(source):
        return None
    with opened(source, meter=meter) as reader:
        if source.format != CSV:
            return None
        return csv_rows.read_header(reader, delimiter=source.delimiter)


def sources_of(
    name: str,
    *,
    format: str | None = None,  # noqa: A002 - the option's name
    encoding: str = "",
    delimiter: str = "",
    sheet: str = "",
) -> list[Source]:
    """Return a file, or those of an archive, in its order; raises `InvalidFile`."""
    path = Path(name)
    is_archive = name.lower().endswith(".zip") and path.is_file()
    names = [f"{name}/{each}" for each in unpacking.members(path)] if is_archive else [name]
    options = {"encoding": encoding, "delimiter": delimiter, "sheet": sheet}
    return [
        msgspec.structs.replace(source_of(each, format=format or _format_of(each)), **options)
        for each in names
    ]


def _format_of(name: str) -> str | None:
    """Return the format by names that imports read and nothing writes; None for others."""
    stem = name.lower().removesuffix(".gz")
    if stem.endswith((".tsv", ".txt", ".xlsx")):
        return CSV
    return JSONL if stem.endswith(".json") else None


def check_encoding(source: Source, *, meter: Meter | None = None) -> None:
    """Read a file once; raises `InvalidFile` where it is not UTF-8 and no encoding was given."""
    if source.encoding or source.is_workbook:
        return
    with opened(source, meter=meter) as reader:
        if reader.is_utf8():
            return
    # Takes longer, and knows lines.
    with opened(source, meter=meter) as reader:
        encodings.check(reader)


def stored_size(source: Source) -> int | None:
    """Return where the meter ends, in bytes; None where it does not count bytes of the disk."""
    is_plain = unpacking.inside_zip(source.name) is None and not source.is_workbook
    return Path(source.name).stat().st_size if is_plain and can_be_read_again(source) else None


def bytes_left_out(source: Source, *, before: int) -> int:
    """Return how many stored bytes are not read where reading begins at a place: none of a file
    whose rows are made while it is read, such as a compressed one or one in UTF-16.
    """
    if not before or not can_be_read_again(source):
        return 0
    with opened(source) as reader:
        return before if reader.may_seek else 0


def can_be_read_again(source: Source) -> bool:
    """Tell whether a file is neither standard input nor a pipe."""
    path = unpacking.container(source.name)
    return source.name != STANDARD_INPUT and (path.is_file() or not path.exists())
