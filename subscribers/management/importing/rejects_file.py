"""The file of rejected rows and their errors; once corrected, it can be imported.

Its columns are those of the imported files, with `error` before them, so that a row with too many
cells keeps them at its end. An import ignores the column `error`.
"""

import codecs
import csv
import json
import os
from collections.abc import Sequence
from io import StringIO
from pathlib import Path
from typing import BinaryIO, Self

from subscribers.management.importing.arguments import ImportRequest, wrong
from subscribers.rows.faults import sentence
from subscribers.rows.formula_guard import guarded, unguarded
from subscribers.rows.kept_rows import UNREADABLE
from subscribers.rows.plans import NO_PLAN, ColumnPlan
from subscribers.rows.row import CSV, Row
from subscribers.rows.survey import ERROR
from subscribers.services.imports.runs import Rejected
from subscribers.wire import json_gate

# Encodings that begin with a mark, and what follows it.
_MARKED = {"utf-8-sig": "utf-8", "utf-16": "utf-16-le", "utf-32": "utf-32-le"}
_MARK = "\ufeff"


class RejectsFile:
    """A rejects file, open for one run; see `runs.KeepsRejects`."""

    def __init__(
        self, path: Path, *, asked: ImportRequest, length: int, plan: ColumnPlan = NO_PLAN
    ) -> None:
        """Open the file and cut off what follows the checkpoint, `length` bytes.

        Raises `CommandError` (usage) where it cannot be written, or is shorter than the checkpoint.
        """
        size = path.stat().st_size if path.exists() else 0
        if size < length:
            raise wrong(f"--rejects: {path} is shorter than when the import was broken off.")
        self._asked = asked
        # What the names of files say of their rows becomes a column.
        self._plan = plan
        self._is_csv = asked.sources[0].format == CSV
        self._columns = list(asked.columns or ())
        # As the file is, so that it opens where that one does.
        first = asked.sources[0]
        self._delimiter = first.delimiter or ","
        given = "utf-8" if first.is_workbook else first.encoding or "utf-8"
        encoding = codecs.lookup(given).name
        self._encoding = _MARKED.get(encoding, encoding)
        self._mark = _MARK if encoding in _MARKED else ""
        try:
            self._file: BinaryIO = path.open("r+b" if size else "wb")
        except OSError as error:
            raise wrong(f"--rejects: {path} cannot be written: {error.strerror}.") from error
        if length and self._is_csv:
            with path.open(encoding=self._encoding, newline="") as written:
                reader = csv.reader(written, delimiter=self._delimiter)
                self._columns = [unguarded(cell) for cell in next(reader)[1:]]
        self._file.truncate(length)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._file.close()

    def write(self, rejected: Sequence[Rejected], *, at: int) -> int:
        """Write rows from byte `at` on in place of what follows it; return the new length."""
        self._file.seek(at)
        self._file.truncate()
        if at == 0:
            self._file.write(self._mark.encode(self._encoding))
        if self._is_csv:
            self._write_csv(rejected, needs_header=at == 0)
        else:
            self._file.writelines(self._json_line(each) for each in rejected)
        self._file.flush()
        # The checkpoint, which has the file's length, survives a power cut.
        os.fsync(self._file.fileno())
        return self._file.tell()

    def _write_csv(self, rejected: Sequence[Rejected], *, needs_header: bool) -> None:
        if needs_header:
            known = self._columns or rejected[0].row.columns or ()
            said = {
                column: None
                for index in range(len(self._asked.sources))
                for column in self._plan.said_of_file(index)
            }
            # First, as missing cells are at the end.
            self._columns = [
                column for column in {**said, **dict.fromkeys(known)} if column != ERROR
            ]
            self._write_cells([ERROR, *map(guarded, self._columns)])
        for each in rejected:
            self._write_cells([described(each, self._asked), *map(guarded, self._cells(each.row))])

    def _write_cells(self, cells: Sequence[str]) -> None:
        text = StringIO(newline="")
        csv.writer(text, delimiter=self._delimiter).writerow(cells)
        # Each row by itself: one that the encoding does not have leaves others as they are.
        self._file.write(_encoded(text.getvalue(), self._encoding))

    def _cells(self, row: Row) -> list[str]:
        """Return a row's cells under the file's columns; missing ones stay missing."""
        read_columns = row.columns or ()
        if row.fields is None:
            return [_text(row.raw)]
        by_column, extra = row.fields, []
        if row.raw:
            # Only the form is wrong: all cells are there, also those without a column.
            lines = StringIO(_text(row.raw), newline="")
            found = list(map(unguarded, next(csv.reader(lines, delimiter=self._delimiter))))
            by_column = dict(zip(read_columns, found, strict=False))
            extra = found[len(read_columns) :]
        by_column = {**self._plan.said_of_file(row.file_index), **by_column}
        columns = self._columns
        while columns and columns[-1] not in by_column:
            columns = columns[:-1]
        return [*(by_column.get(column, "") for column in columns), *extra]

    def _json_line(self, rejected: Rejected) -> bytes:
        row = rejected.row
        fields = row.fields if row.fields is not None else {UNREADABLE: _text(row.raw, "replace")}
        said = {
            ERROR: described(rejected, self._asked),
            **self._plan.said_of_file(row.file_index),
            **{k: v for k, v in fields.items() if k != ERROR},
        }
        plain = json_gate.encode_plain(said) if self._encoding == "utf-8" else None
        return plain + b"\n" if plain else f"{json.dumps(said)}\n".encode(self._encoding)


def described(rejected: Rejected, asked: ImportRequest) -> str:
    row = rejected.row
    name = f"{asked.sources[row.file_index].name} " if len(asked.sources) > 1 else ""
    said = f"{name}line {row.line}: {sentence(rejected.faults)}"
    return said.encode("utf-8", "replace").decode()


def _encoded(text: str, encoding: str) -> bytes:
    """Return the text with the file's own bytes, and a mark for what its encoding does not have."""
    try:
        return text.encode(encoding, "surrogateescape")
    except UnicodeEncodeError:
        return text.encode(encoding, "replace")


def _text(raw: bytes | None, errors: str = "surrogateescape") -> str:
    """Return a row's text; bytes that are not UTF-8 come out again as they were."""
    text = (raw or b"").decode("utf-8", errors).rstrip("\r\n")
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}")
