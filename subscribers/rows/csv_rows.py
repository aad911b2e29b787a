"""Rows of CSV (RFC 4180) with a header: double quotes, LF or CRLF, UTF-8; `,` `;` `|` or a tab.

A quote without an end must not swallow the file: when no row ends within a bounded number of bytes,
its first line is a fault and reading continues at the next line.
"""

import csv
import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from io import BytesIO, StringIO
from itertools import accumulate, chain, islice
from typing import NamedTuple, NoReturn, Self

from subscribers.rows.blocks import BEGINNING_BYTES, BlockReader, LongLine
from subscribers.rows.formula_guard import unguarded
from subscribers.rows.row import MOST_ROW_BYTES, InvalidFile, Place, Row
from subscribers.wire.payloads import Fault

TOO_LONG = Fault("row", f"is longer than {MOST_ROW_BYTES} bytes.")
UNCLOSED = Fault("row", "opens a quote that is not closed.")
# Each quote without an end halves how far the next one's is looked for, and each block doubles it
# again, so that a file full of them is not read once for each of its lines.
SHORTEST_LOOK_AHEAD = 4096
_MAYBE_GUARD = re.compile(rb"(?:^|[,;\t|\"\n])'")
# Between cells; of those that a header has equally often, the first counts.
DELIMITERS = (",", ";", "\t", "|")
# Some spreadsheets write it, and read it, as the first line.
_SEPARATOR_LINE = re.compile(r"\ufeff?\"?sep=(.)\"?\r?\n?", re.IGNORECASE)
_IN_QUOTES = re.compile(r'"[^"]*"')
_BAD_TEXT = re.compile("[\x00\udc80-\udcff]")


class _OutOfLines(Exception):
    """The parser wants a line beyond the block: at a row's beginning, or within one."""


class _Beyond:
    def __iter__(self) -> Self:
        return self

    def __next__(self) -> NoReturn:
        raise _OutOfLines


class Header(NamedTuple):
    """The names of the columns, the number of the line after them, and what separates cells."""

    columns: tuple[str, ...]
    next_line: int
    delimiter: str


def read(*, reader: BlockReader, start: Place, delimiter: str = "") -> Iterator[Row]:
    """Yield the rows of an open file from `start` on; the header is read first.

    Raises `InvalidFile` for an invalid header.
    """
    header = read_header(reader, delimiter=delimiter)
    reader.skip_to(start.byte_offset)
    rows = _Rows(
        header.columns,
        delimiter=header.delimiter,
        file_index=start.file_index,
        offset=reader.consumed,
        line=max(start.line, header.next_line),
    )
    is_last = False
    while not is_last:
        block = reader.next_block()
        if isinstance(block, LongLine):
            yield from rows.parse(b"", is_last=True)
            yield rows.skip(block)
        else:
            is_last = not block
            yield from rows.parse(block, is_last=is_last)


def read_header(reader: BlockReader, *, delimiter: str = "") -> Header:
    """Return the header; without a delimiter, the one that it has most often outside quotes."""
    _raise_field_limit()
    block = reader.next_block()
    if isinstance(block, LongLine):
        raise InvalidFile(f"{reader.name}: the header is longer than {MOST_ROW_BYTES} bytes.")
    lines = BytesIO(block).readlines()
    texts = [line.decode("utf-8", "surrogateescape") for line in lines]
    said = _SEPARATOR_LINE.fullmatch(texts[0]) if texts else None
    before = 1 if said else 0
    delimiter = delimiter or (said[1] if said else delimiter_of(texts))
    parser = csv.reader(texts[before:], strict=True, delimiter=delimiter)
    try:
        cells = next((found for found in parser if any(map(str.strip, found))), None)
    except csv.Error as error:
        raise InvalidFile(f"{reader.name}: the header cannot be read: {_reason(error)}") from error
    if cells is None:
        raise InvalidFile(f"{reader.name} is empty: its first line must name the columns.")
    read = before + parser.line_num
    reader.give_back(b"".join(lines[read:]))
    return Header(_columns(cells, reader.name), read + 1, delimiter)


def delimiter_of(texts: Sequence[str]) -> str:
    """Return what the first line that is not blank has most often outside quotes."""
    first = next((text for text in texts if text.strip()), "")
    bare = _IN_QUOTES.sub("", first)
    return max(DELIMITERS, key=bare.count)


def _columns(cells: Sequence[str], name: str) -> tuple[str, ...]:
    columns = tuple(unguarded(cell.strip()) for cell in _without_empty_end(cells))
    bad = next(filter(None, map(_BAD_TEXT.search, columns)), None)
    if bad:
        advice = "holds a NUL: remove it" if bad[0] == "\0" else "is not UTF-8: give --encoding"
        raise InvalidFile(f"{name}: the header {advice}.")
    if "" in columns:
        number = columns.index("") + 1
        raise InvalidFile(
            f"{name}: column {number} of the header has no name: give it one, or delete the column."
        )
    repeated, times = Counter(columns).most_common(1)[0]
    if times > 1:
        raise InvalidFile(
            f"{name}: the header names {repeated[:100]!r} twice: rename one, or delete the column."
        )
    return columns


def _without_empty_end(cells: Sequence[str]) -> list[str]:
    """Return the cells without the empty ones after them, which spreadsheets leave."""
    kept = list(cells)
    while kept and not kept[-1].strip():
        kept.pop()
    return kept


class _Rows:
    """Parses blocks; keeps an incomplete row for the next block."""

    def __init__(
        self,
        columns: tuple[str, ...],
        *,
        delimiter: str,
        file_index: int,
        offset: int,
        line: int,
    ) -> None:
        self._columns = columns
        self._delimiter = delimiter
        self._file_index = file_index
        # Where `_kept` begins.
        self._offset = offset
        self._line = line
        self._kept = b""
        self._look_ahead = MOST_ROW_BYTES

    def parse(self, block: bytes, *, is_last: bool) -> Iterator[Row]:
        """Yield the rows that end in a block; for the last block, all that are left."""
        data = self._kept + block
        lines = BytesIO(data).readlines()
        texts, is_suspect = _decode(data, lines)
        ends = list(accumulate(map(len, lines), initial=self._offset))
        columns, width, file_index, base = (
            self._columns, len(self._columns), self._file_index, self._line,
        )  # fmt: skip
        self._look_ahead = min(self._look_ahead * 2, MOST_ROW_BYTES)
        first, delimiter = 0, self._delimiter
        while first < len(lines):
            begun, stop = first, self._look_until(ends, first)
            parser = csv.reader(
                chain(islice(texts, first, stop), _Beyond()), strict=True, delimiter=delimiter
            )
            try:
                for cells in parser:
                    after = begun + parser.line_num
                    end = ends[after]
                    if not any(cells) and len(cells) != 1:
                        # A blank line, or one of delimiters alone, as spreadsheets leave them.
                        first = after
                        continue
                    if is_suspect or len(cells) != width or end - ends[first] > MOST_ROW_BYTES:
                        row = self._judge(cells, b"".join(lines[first:after]))
                        if row is None:
                            first = after
                            continue
                        row.line, row.end_offset, row.end_line = base + first, end, base + after
                    else:
                        row = Row(
                            file_index=file_index,
                            line=base + first,
                            fields=dict(zip(columns, cells, strict=True)),
                            end_offset=end,
                            end_line=base + after,
                            columns=columns,
                        )
                    yield row
                    first = after
            except _OutOfLines:
                if first == stop or begun < first < stop < len(lines):
                    continue
                is_whole = is_last or stop < len(lines)
                if not is_whole and ends[-1] - ends[first] <= self._look_ahead:
                    break
                self._look_ahead = max(self._look_ahead // 2, SHORTEST_LOOK_AHEAD)
                fault = UNCLOSED
            except csv.Error as error:
                fault = Fault("row", _reason(error))
            yield self._broken(fault, lines[first], base + first, ends[first + 1])
            first += 1
        self._kept = b"".join(lines[first:])
        self._offset, self._line = ends[first], base + first

    def _look_until(self, ends: Sequence[int], first: int) -> int:
        """Return the number of the line that parsing from a row on must not pass."""
        if self._look_ahead == MOST_ROW_BYTES:
            return len(ends) - 1
        return min(
            max(bisect_right(ends, ends[first] + self._look_ahead) - 1, first + 1), len(ends) - 1
        )

    def skip(self, long: LongLine) -> Row:
        """Return the row of a line that is too long, and continue after it."""
        self._offset += long.size
        self._line += 1
        return self._broken(TOO_LONG, long.beginning, self._line - 1, self._offset)

    def _broken(self, fault: Fault, raw: bytes, line: int, end_offset: int) -> Row:
        return Row(
            file_index=self._file_index,
            line=line,
            fields=None,
            end_offset=end_offset,
            end_line=line + 1,
            columns=self._columns,
            fault=fault,
            raw=raw,
        )

    def _judge(self, cells: list[str], raw: bytes) -> Row | None:
        """Return a row after a closer look, its place still unset; None for a blank line."""
        if len(cells) == 1 != len(self._columns) and not cells[0].strip():
            return None
        row = self._broken(TOO_LONG, raw[:BEGINNING_BYTES], 0, 0)
        if len(raw) > MOST_ROW_BYTES:
            return row
        width = len(self._columns)
        cells = [*cells[:width], *_without_empty_end(cells[width:])]
        clean = [unguarded(_BAD_TEXT.sub("\N{REPLACEMENT CHARACTER}", cell)) for cell in cells]
        row.fields = dict(zip(self._columns, clean, strict=False))
        row.fault = self._find_fault(cells)
        row.raw = raw if row.fault else None
        return row

    def _find_fault(self, cells: list[str]) -> Fault | None:
        if len(cells) != len(self._columns):
            return Fault("row", f"has {len(cells)} cells; the header has {len(self._columns)}.")
        for column, cell in zip(self._columns, cells, strict=True):
            bad = _BAD_TEXT.search(cell)
            if bad:
                return Fault(column, "holds a NUL." if bad[0] == "\0" else "is not UTF-8.")
        return None


def _decode(data: bytes, lines: list[bytes]) -> tuple[list[str], bool]:
    """Return the lines' texts, and whether their cells need a closer look.

    They do where bytes are not UTF-8, and where a cell may have a NUL or a guard.
    """
    try:
        # Splits at line feeds alone, as the bytes were.
        texts = list(StringIO(data.decode(), newline="\n"))
    except UnicodeDecodeError:
        return [line.decode("utf-8", "surrogateescape") for line in lines], True
    return texts, b"\0" in data or (b"'" in data and _MAYBE_GUARD.search(data) is not None)


def _raise_field_limit() -> None:
    """Allow cells as long as a row may be; the parser's default is 131,072 characters."""
    if csv.field_size_limit() < 2 * MOST_ROW_BYTES:
        csv.field_size_limit(2 * MOST_ROW_BYTES)


def _reason(error: csv.Error) -> str:
    text = str(error)
    if text.startswith("new-line character"):
        return "has a CR within a line: end lines with LF or CRLF."
    if text.startswith("unexpected end"):
        return UNCLOSED.message
    if "expected after" in text:
        return "has a quote out of place."
    return f"cannot be read: {text}."
