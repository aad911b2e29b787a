"""A run's stored rejected rows as CSV, to be corrected and imported again."""

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from io import StringIO
from typing import Any
from uuid import UUID

import msgspec

from subscribers.models import ImportReject, ImportRun
from subscribers.rows import name_cells
from subscribers.rows.formula_guard import guarded
from subscribers.rows.plans import NO_PLAN, ColumnPlan, from_stored
from subscribers.rows.survey import ERROR

ROWS_AT_ONCE = 200


def as_csv(*, run: ImportRun) -> Iterator[bytes]:
    """Yield the file: `error`, then every column of any row; cells are guarded. Reads the rows
    twice, a few hundred at a time. A row that could not be read has its text in the column `row`.
    """
    plan = NO_PLAN if run.mapping is None else from_stored(run.mapping)
    columns: dict[str, None] = {}
    for rejects in _chunks(run):
        for reject in rejects:
            columns.update(dict.fromkeys(_fields(reject, plan)))
    columns.pop(ERROR, None)
    yield _lines([[ERROR, *map(guarded, columns)]])
    for rejects in _chunks(run):
        yield _lines(
            [
                guarded(f"{place(reject, run)}: {reject.reason}"),
                *_cells(_fields(reject, plan), columns),
            ]
            for reject in rejects
        )


def place(reject: ImportReject, run: ImportRun) -> str:
    """Return a rejected row's place, with the file where there were several."""
    name = f"{run.files[reject.file_index]} " if len(run.files) > 1 else ""
    return f"{name}line {reject.line}"


def _chunks(run: ImportRun) -> Iterator[Sequence[ImportReject]]:
    last: UUID | None = None
    while True:
        rows = run.rejects.order_by("id")
        chunk = list((rows.filter(pk__gt=last) if last else rows)[:ROWS_AT_ONCE])
        if not chunk:
            return
        yield chunk
        last = chunk[-1].pk


def _fields(reject: ImportReject, plan: ColumnPlan) -> dict[str, Any]:
    if not reject.row:
        return {}
    fields = msgspec.json.decode(reject.row, type=dict[str, Any])
    return {**plan.said_of_file(reject.file_index), **fields}


def _cells(fields: Mapping[str, Any], columns: Iterable[str]) -> list[str]:
    return [_cell(fields.get(column)) for column in columns]


def _cell(value: object) -> str:
    match value:
        case None:
            return ""
        case str():
            return guarded(value)
        case [*names] if all(isinstance(name, str) for name in names):
            return guarded(name_cells.joined([str(name) for name in names]))
        case _:
            return msgspec.json.encode(value).decode()


def _lines(rows: Iterable[Sequence[str]]) -> bytes:
    text = StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()
