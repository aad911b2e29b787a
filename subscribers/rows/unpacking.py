"""Streams of files that are not lines of UTF-8 yet: other encodings, JSON arrays, sheets, archives.

Each becomes a stream of CSV or JSONL in UTF-8, so that one reader knows rows and checkpoints. All
work in bounded memory, and what an archive unpacks to is capped before it is read.
"""

import codecs
import re
import zipfile
from collections import Counter
from collections.abc import Iterator
from io import BufferedIOBase
from pathlib import Path
from typing import cast

from subscribers.rows.row import MOST_ROW_BYTES, InvalidFile

MOST_UNPACKED_BYTES = 8 * 2**30
MOST_MEMBERS = 100
SUFFIXES = (".csv", ".tsv", ".txt", ".jsonl", ".ndjson", ".json", ".xlsx")
# Files of rows that nothing reads inside an archive.
_PACKED = (".zip", ".gz", ".7z", ".rar", ".tar", ".xls", ".xlsb", ".ods", ".numbers")
_CHUNK_BYTES = 262_144
_INSIDE_ZIP = ".zip/"
# What may change the nesting, and texts, which may hide such a sign; a cut text has no last quote.
_STRUCTURE = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+("?)|[{}\[\],]', re.DOTALL)
_WIDE = ("utf-16", "utf-32", "utf_16", "utf_32")


class Made(BufferedIOBase):
    """A stream of the parts that a generator yields."""

    def __init__(self, parts: Iterator[bytes]) -> None:
        self._parts = parts
        self._rest = b""

    def readable(self) -> bool:
        return True

    def peek(self, size: int = 0) -> bytes:  # noqa: ARG002 - as of other streams
        """Return the next bytes without taking them; none at the end."""
        while not self._rest and (part := next(self._parts, None)) is not None:
            self._rest = part
        return self._rest

    def read1(self, size: int = -1) -> bytes:
        self.peek()
        cut = len(self._rest) if size < 0 else size
        given, self._rest = self._rest[:cut], self._rest[cut:]
        return given


def recoded(stream: BufferedIOBase, *, encoding: str) -> Made:
    """Return the stream in UTF-8; a byte that the encoding does not have stays as it is."""
    is_wide = encoding.lower().startswith(_WIDE)
    errors = "replace" if is_wide else "surrogateescape"

    def parts() -> Iterator[bytes]:
        decoder = codecs.getincrementaldecoder(encoding)(errors)
        while chunk := stream.read1(_CHUNK_BYTES):
            yield decoder.decode(chunk).encode("utf-8", "surrogateescape")
        yield decoder.decode(b"", True).encode("utf-8", "surrogateescape")  # noqa: FBT003 - final

    return Made(parts())


def array_as_lines(stream: BufferedIOBase, *, name: str) -> BufferedIOBase:
    """Return a JSON array as lines, an element each; raises `InvalidFile` while it is read."""

    def parts() -> Iterator[bytes]:
        elements = _Elements(name)
        while chunk := stream.read1(_CHUNK_BYTES):
            yield elements.feed(chunk)
        elements.end()

    return Made(parts())


class _Elements:
    """Finds where the elements of an array end; keeps the one that is not whole yet."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._buffer = b""
        # Where to look on, and where the element begins.
        self._place = self._start = 0
        self._depth = 0
        self._is_over = False

    def feed(self, chunk: bytes) -> bytes:
        """Return the lines of the elements that end in a chunk."""
        self._buffer, self._place = self._buffer[self._start :] + chunk, self._place - self._start
        self._start = 0
        lines: list[bytes] = []
        for found in _STRUCTURE.finditer(self._buffer, self._place):
            if found[0].startswith(b'"'):
                if not found[1]:
                    # The text goes on in the next chunk.
                    self._place = found.start()
                    break
            elif self._is_end(found[0]):
                lines.append(_as_line(self._buffer[self._start : found.start()]))
                self._start = found.end()
                self._is_over = self._depth == 0
                if self._is_over:
                    break
            elif found[0] == b"[" and self._depth == 1:
                self._start = found.end()
            self._place = found.end()
        if self._is_over and self._buffer[self._start :].strip():
            raise InvalidFile(f"{self._name} goes on after the end of its JSON array.")
        if len(self._buffer) - self._start > MOST_ROW_BYTES + _CHUNK_BYTES:
            raise InvalidFile(f"{self._name}: an element of the array is longer than 1 MiB.")
        return b"".join(lines)

    def end(self) -> None:
        if self._depth:
            raise InvalidFile(f"{self._name} ends within its JSON array: the file is cut.")

    def _is_end(self, sign: bytes) -> bool:
        if sign in b"{[":
            self._depth += 1
        elif sign in b"}]":
            self._depth -= 1
        return (self._depth == 1 and sign == b",") or (self._depth == 0 and sign == b"]")


def _as_line(element: bytes) -> bytes:
    # A line break stands between the values of JSON only, never inside.
    bare = element.replace(b"\r", b" ").replace(b"\n", b" ").strip()
    return bare + b"\n" if bare else b""


def inside_zip(name: str) -> tuple[Path, str] | None:
    """Return the archive and the member of `export.zip/people.csv`; None for other names."""
    place = name.lower().find(_INSIDE_ZIP)
    if place < 0:
        return None
    cut = place + len(_INSIDE_ZIP)
    return Path(name[: cut - 1]), name[cut:]


def container(name: str) -> Path:
    """Return the file on the disk that has the rows."""
    found = inside_zip(name)
    return Path(name) if found is None else found[0]


def members(path: Path) -> list[str]:
    """Return the names of an archive's files of rows; raises `InvalidFile`."""
    try:
        with zipfile.ZipFile(path) as archive:
            infos = archive.infolist()
    except (OSError, zipfile.BadZipFile) as error:
        raise InvalidFile(f"{path} cannot be read as a zip archive: {error}.") from error
    infos = [info for info in infos if not info.filename.startswith("__MACOSX/")]
    wanted = [info for info in infos if info.filename.lower().endswith(SUFFIXES)]
    packed = next((info for info in infos if info.filename.lower().endswith(_PACKED)), None)
    if packed is not None:
        others = f" or give {path}/{wanted[0].filename} by itself," if wanted else ""
        raise InvalidFile(
            f"{path} has {packed.filename}, which is not read inside an archive: unpack it first,"
            f"{others} or leave it out of the archive."
        )
    if not wanted:
        raise InvalidFile(f"{path} has no file of rows: none ends in {', '.join(SUFFIXES)}.")
    if len(wanted) > MOST_MEMBERS:
        raise InvalidFile(f"{path} has {len(wanted)} files; at most {MOST_MEMBERS} are read.")
    repeated, times = Counter(info.filename for info in wanted).most_common(1)[0]
    if times > 1:
        raise InvalidFile(f"{path} has {times} files named {repeated}: pack it anew.")
    if any(info.flag_bits & 1 for info in wanted):
        raise InvalidFile(f"{path} is encrypted: unpack it first.")
    check_unpacked(sum(info.file_size for info in wanted), name=str(path))
    return [info.filename for info in wanted]


def check_unpacked(size: int, *, name: str) -> None:
    if size > MOST_UNPACKED_BYTES:
        raise InvalidFile(
            f"{name} unpacks to {size:,} bytes; at most {MOST_UNPACKED_BYTES:,} are read."
        )


def open_member(path: Path, member: str) -> BufferedIOBase:
    """Open a file of an archive; the archive's sizes bound what is read. Raises `OSError`."""
    try:
        # The file on the disk stays open until the member is closed.
        with zipfile.ZipFile(path) as archive:
            check_unpacked(archive.getinfo(member).file_size, name=f"{path}/{member}")
            return cast("BufferedIOBase", archive.open(member))
    except (zipfile.BadZipFile, KeyError, RuntimeError, NotImplementedError) as error:
        raise OSError(str(error)) from error
