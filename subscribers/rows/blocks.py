"""A file as blocks of whole lines, in constant memory, from any place on.

A block ends at a line feed, except the last one. A line over the limit is reported by itself and
never held in memory.
"""

import codecs
import gzip
import lzma
import re
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BufferedIOBase
from pathlib import Path
from typing import Self, cast

import msgspec

from subscribers.rows import unpacking
from subscribers.rows.row import JSONL, MOST_ROW_BYTES, STANDARD_INPUT, InvalidFile, Meter, Source

# Larger blocks take longer a byte, as they are copied (measured).
CHUNK_BYTES = 65_536
# How much is kept of a line that is too long.
BEGINNING_BYTES = 200
_BOM = b"\xef\xbb\xbf"
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
# Files of other kinds by their first bytes, and what to do about them.
_OTHER_KINDS = (
    (b"PK\x03\x04", "is an archive or a workbook: name it .zip or .xlsx."),
    (b"\x1f\x8b", "is compressed: name it .gz, such as people.csv.gz."),
    (b"\xd0\xcf\x11\xe0", "is a workbook of old Excel: save it as .xlsx or CSV."),
    (b"%PDF-", "is a PDF document: export the table as CSV or .xlsx."),
)
_WEB_PAGE = re.compile(rb"\s*<(?:!doctype|html|table|\?xml)\b", re.IGNORECASE)
_ADVICE = (
    (EOFError, " It is cut: copy or download it again."),
    (gzip.BadGzipFile, " If it is not compressed, name it without .gz."),
)
_UNREADABLE = (OSError, EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile)

OpenBytes = Callable[[str], BufferedIOBase]


class LongLine(msgspec.Struct, frozen=True):
    """A line over the limit: its size in bytes with its end, and its first bytes."""

    size: int
    beginning: bytes


class BlockReader:
    """Reads one open file; `consumed` counts the bytes of all blocks so far."""

    def __init__(
        self,
        stream: BufferedIOBase,
        *,
        name: str,
        may_seek: bool = False,
        note_read: Callable[[int], None] = lambda _size: None,
    ) -> None:
        self.name = name
        self.consumed = 0
        self._stream = stream
        self.may_seek = may_seek
        self._note_read = note_read
        self._pending = b""

    def begin(self) -> Self:
        """Skip a byte order mark; raises `InvalidFile` for UTF-16 and for what has no rows."""
        self._pending = self._read()
        first = self._pending[:4]
        for beginning, advice in _OTHER_KINDS:
            if self._pending.startswith(beginning):
                raise InvalidFile(f"{self.name} {advice}")
        if _WEB_PAGE.match(self._pending.removeprefix(_BOM)):
            raise InvalidFile(
                f"{self.name} is a web page or XML: open it in a spreadsheet, and save it as .xlsx "
                "or CSV."
            )
        if first.startswith(_UTF_16) or b"\0" in first:
            raise InvalidFile(
                f"{self.name} looks like UTF-16: give --encoding utf-16-le or utf-16-be."
            )
        if first.startswith(_BOM):
            self.consumed = len(_BOM)
            self._pending = self._pending[len(_BOM) :]
        return self

    def is_utf8(self) -> bool:
        """Read the file to its end, and tell whether it is UTF-8 all through."""
        decoder = codecs.getincrementaldecoder("utf-8")()
        chunk = self._pending
        try:
            while chunk:
                decoder.decode(chunk)
                chunk = self._read()
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return False
        return True

    def next_block(self) -> bytes | LongLine:
        """Return the next whole lines; empty at the end of the file."""
        block = self._pending or self._read()
        while not (cut := block.rfind(b"\n") + 1):
            if len(block) > MOST_ROW_BYTES:
                return self._skip_line(block)
            more = self._read()
            if not more:
                cut = len(block)
                break
            block += more
        self._pending = block[cut:]
        self.consumed += cut
        return block[:cut]

    def give_back(self, lines: bytes) -> None:
        """Take back the end of the last block, to read it again."""
        self._pending = lines + self._pending
        self.consumed -= len(lines)

    def skip_to(self, offset: int) -> None:
        """Continue at a byte where a line begins; raises `InvalidFile` when none does."""
        if offset <= self.consumed:
            return
        before = self._seek(offset - 1) if self.may_seek else self._read_through(offset - 1)
        if not before:
            raise InvalidFile(
                f"{self.name} is shorter than what was read of it: it is not the same file."
            )
        self._pending = before[1:]
        self.consumed = offset
        if before[:1] != b"\n" and (self._pending or self._refill()):
            raise InvalidFile(f"{self.name} was changed since it was read: no line begins there.")

    def _refill(self) -> bytes:
        self._pending = self._read()
        return self._pending

    def _seek(self, offset: int) -> bytes:
        self._stream.seek(offset)
        return self._read()

    def _read_through(self, offset: int) -> bytes:
        """Return what follows a byte, that byte first."""
        ahead = offset - self.consumed
        block = self._pending
        while len(block) <= ahead:
            ahead -= len(block)
            block = self._read()
            if not block:
                return b""
        return block[ahead:]

    def _skip_line(self, block: bytes) -> LongLine:
        size = 0
        beginning = block[:BEGINNING_BYTES]
        while block and not (cut := block.find(b"\n") + 1):
            size += len(block)
            block = self._read()
        if block:
            size += cut
            self._pending = block[cut:]
        else:
            self._pending = b""
        self.consumed += size
        return LongLine(size, beginning)

    def _read(self) -> bytes:
        try:
            # Returns what is there: rows of a pipe are read as they come.
            block = self._stream.read1(CHUNK_BYTES)
        except _UNREADABLE as error:
            raise _unread(self.name, error) from error
        self._note_read(len(block))
        return block


@contextmanager
def opened(
    source: Source, *, meter: Meter | None = None, open_bytes: OpenBytes | None = None
) -> Iterator[BlockReader]:
    """Open a file for its blocks; raises `InvalidFile`. Standard input stays open."""
    shown = "The standard input" if source.name == STANDARD_INPUT else source.name
    meter = meter or Meter()
    try:
        stored = (open_bytes or _open)(source.name)
    except OSError as error:
        raise InvalidFile(f"{shown} cannot be read: {_reason(error)}.") from error
    begun_at = meter.bytes_read

    def add_size(size: int) -> None:
        meter.bytes_read += size
        meter.note()

    def read_position(_size: int) -> None:
        meter.bytes_read = begun_at + stored.tell()
        meter.note()

    may_tell = source.name != STANDARD_INPUT and stored.seekable()
    raw = gzip.GzipFile(fileobj=stored) if source.is_compressed else stored
    try:
        stream = _as_lines(raw, source, shown)
        yield BlockReader(
            stream,
            name=shown,
            may_seek=may_tell and stream is stored,
            note_read=read_position if may_tell else add_size,
        ).begin()
    finally:
        if source.name != STANDARD_INPUT:
            stored.close()


def _as_lines(stream: BufferedIOBase, source: Source, shown: str) -> BufferedIOBase:
    """Return the stream as lines of UTF-8; the same one where it is that already."""
    if source.is_workbook:
        # Only imports of workbooks wait for its parser.
        from subscribers.rows import sheets  # noqa: PLC0415 - as the line above says

        return sheets.as_csv(stream, name=shown, sheet=source.sheet)
    # A stream that cannot be peeked into is a file of ours.
    peek = getattr(stream, "peek", None)
    try:
        first: bytes = peek(4) if peek else b""
        encoding = source.encoding or ("utf-16" if first.startswith(_UTF_16) else "")
        if encoding and codecs.lookup(encoding).name != "utf-8":
            stream = made = unpacking.recoded(stream, encoding=encoding)
            first = made.peek()
    except _UNREADABLE as error:
        raise _unread(shown, error) from error
    if source.format == JSONL and first.removeprefix(_BOM).lstrip().startswith(b"["):
        return unpacking.array_as_lines(stream, name=shown)
    return stream


def _open(name: str) -> BufferedIOBase:
    if name == STANDARD_INPUT:
        return cast("BufferedIOBase", sys.stdin.buffer)
    archived = unpacking.inside_zip(name)
    if archived is not None:
        return unpacking.open_member(*archived)
    return Path(name).open("rb")


def _unread(name: str, error: BaseException) -> InvalidFile:
    advice = next((said for kind, said in _ADVICE if isinstance(error, kind)), "")
    return InvalidFile(f"{name} cannot be read on: {_reason(error)}.{advice}")


def _reason(error: BaseException) -> str:
    text = getattr(error, "strerror", None) or str(error)
    return text.rstrip(".") or type(error).__name__
