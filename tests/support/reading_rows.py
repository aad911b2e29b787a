"""Reads rows from bytes, as if they were a file."""

import io
from collections.abc import Sequence

from subscribers.rows.files import read_rows
from subscribers.rows.row import Place, Row, source_of


def rows_of(content: bytes, *, name: str = "events.csv", start: Place | None = None) -> list[Row]:
    """Return all rows of one file with this content."""
    return rows_of_files([content], name=name, start=start)


def rows_of_files(
    contents: Sequence[bytes], *, name: str = "events.csv", start: Place | None = None
) -> list[Row]:
    """Return all rows of files that have the same name and these contents."""
    opening = iter(contents[start.file_index if start else 0 :])
    sources = [source_of(name) for _ in contents]
    return list(
        read_rows(
            sources=sources,
            start=start,
            open_bytes=lambda _name: io.BufferedReader(io.BytesIO(next(opening))),
        )
    )


def faults_of(rows: Sequence[Row]) -> list[tuple[int, str]]:
    """Return line and sentence of each bad row."""
    return [
        (row.line, f"{row.fault.path} {row.fault.message}") for row in rows if row.fault is not None
    ]


class Drip(io.RawIOBase):
    """A file of pieces that are made as they are read; remembers the most asked for at once."""

    def __init__(self, *pieces: tuple[bytes, int]) -> None:
        """Each piece is some bytes, and how often they are repeated."""
        self.pieces = list(pieces)
        self.most_asked = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        self.most_asked = max(self.most_asked, len(buffer))
        if not self.pieces:
            return 0
        unit, times = self.pieces.pop(0)
        fitting = min(max(len(buffer) // len(unit), 1), times)
        block = unit * fitting
        if fitting < times:
            self.pieces.insert(0, (unit, times - fitting))
        if len(block) > len(buffer):
            self.pieces.insert(0, (block[len(buffer) :], 1))
            block = block[: len(buffer)]
        buffer[: len(block)] = block
        return len(block)
