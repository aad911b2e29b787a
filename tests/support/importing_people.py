"""Imports subscribers without a file: rows as JSON objects, through the importer and its loop."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from subscribers.models import ImportRun, Workspace
from subscribers.rows.row import Row
from subscribers.services.consent.ledger import Circumstances
from subscribers.services.imports import loop, runs
from subscribers.services.imports.people import (
    Duplicates,
    ImportOptions,
    OptInMode,
    SubscriberImporter,
)
from subscribers.services.imports.runs import Counted, Rejected

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
ACTOR = "grace"


class KeptInMemory:
    """Rejects, for a test to look at."""

    def __init__(self) -> None:
        self.rejected: list[Rejected] = []

    def write(self, rejected: Sequence[Rejected], *, at: int) -> int:
        del self.rejected[at:]
        self.rejected += rejected
        return len(self.rejected)

    @property
    def faults(self) -> list[tuple[int, str, str]]:
        """Line, field and message of the first fault of each."""
        return [
            (each.row.line, each.faults[0].path, each.faults[0].message) for each in self.rejected
        ]


class Imported:
    """What an import came to."""

    def __init__(self, run: ImportRun, rejects: KeptInMemory, counted: Counted) -> None:
        self.run = run
        self.faults = rejects.faults
        self.counted = counted

    @property
    def came_to(self) -> tuple[int, int, int, int]:
        """Recorded, duplicates, rejected, subscribers created."""
        counted = self.counted
        return (
            counted.recorded,
            counted.duplicates,
            counted.rejected,
            counted.subscribers_created,
        )


def options_for(
    workspace: Workspace,
    *,
    duplicates: Duplicates = Duplicates.SKIP,
    mode: OptInMode = OptInMode.DEFAULT,
    creates_lists: bool = False,
) -> ImportOptions:
    """Return what an import was asked for."""
    return ImportOptions(
        workspace=workspace,
        circumstances=Circumstances(actor=ACTOR),
        attributes_bytes=1000,
        furthest_ahead=timedelta(minutes=5),
        duplicates=duplicates,
        opt_in_mode=mode,
        creates_lists=creates_lists,
    )


def rows_of(fields: Sequence[dict[str, Any]]) -> Iterator[Row]:
    """Yield rows as they are read from JSONL; a line has ten bytes."""
    for line, each in enumerate(fields, start=1):
        yield Row(file_index=0, line=line, fields=each, end_offset=10 * line, end_line=line + 1)


def import_rows(
    workspace: Workspace,
    *fields: dict[str, Any],
    batch_rows: int | None = None,
    is_dry_run: bool = False,
    **options: Any,
) -> Imported:
    """Import rows; `options` as those of `options_for`."""
    run = runs.begin(
        workspace=workspace,
        kind=ImportRun.Kind.SUBSCRIBERS,
        files=["people.jsonl"],
        options={},
        actor=ACTOR,
        now=NOW,
        is_dry_run=is_dry_run,
    )
    rejects, sums = KeptInMemory(), Counted()
    loop.run(
        run=run,
        rows=rows_of(fields),
        importer=SubscriberImporter(options=options_for(workspace, **options)),
        rejects=rejects,
        report=lambda counted, _: sums.add(counted),
        clock=lambda: NOW,
        batch_rows=batch_rows,
    )
    return Imported(run, rejects, sums)
