"""The loop of all imports by command: rows are read ahead and written batch by batch.

A thread of its own reads and parses, without the database; at most two batches are ready, so memory
stays constant. Each batch is one transaction that ends with its checkpoint, so `kill -9` loses and
repeats nothing. A batch that the database gave up for another is repeated; a refused one is halved
until the bad row is found.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import islice
from typing import Generic, Protocol, TypeVar

import msgspec
from django.db import DatabaseError, InterfaceError, transaction

from config.retries import ROWS_ATTEMPTS
from subscribers.models import ImportRun
from subscribers.rows.row import Place, Row
from subscribers.services.imports import runs
from subscribers.services.imports.reading_ahead import read_ahead
from subscribers.services.imports.runs import Counted, KeepsRejects, Rejected
from subscribers.services.storage import connections
from subscribers.wire.payloads import Fault

logger = logging.getLogger("cueline.imports")

REFUSED = Fault("", "could not be written: the database refused it.")

Value = TypeVar("Value")


class Parsed(msgspec.Struct, Generic[Value], gc=False):
    """A row and its parsed value; or no value, and the faults."""

    row: Row
    value: Value | None
    faults: tuple[Fault, ...] = ()


class RowsOutcome(msgspec.Struct):
    """The result of some rows: `counted` has all, `rejected` those to correct, in their order."""

    counted: Counted
    rejected: list[Rejected] = []


class Importer(Protocol[Value]):
    """What one kind of import does with rows."""

    @property
    def rows_in_batch(self) -> int:
        """Rows in one transaction."""

    @property
    def is_read_ahead(self) -> bool:
        """Whether a parsing thread pays."""

    def parse(self, row: Row) -> Parsed[Value]:
        """Check and type a readable row, in the other thread, without the database."""

    def is_alone(self, value: Value) -> bool:
        """Tell whether `record_alone` must write the row in a transaction of its own."""

    def record(self, parsed: Sequence[Parsed[Value]], *, now: datetime) -> RowsOutcome:
        """Record rows, faulty ones among them, inside the caller's transaction."""

    def record_alone(
        self, parsed: Parsed[Value], *, now: datetime, before_commit: Callable[[RowsOutcome], None]
    ) -> None:
        """Record one row in a transaction ending with `before_commit`; raises `RejectedAlone`."""

    def forget(self) -> None:
        """Drop caches of the database, which may be wrong."""


class RejectedAlone(Exception):
    def __init__(self, *faults: Fault) -> None:
        self.faults = faults
        super().__init__(" ".join(fault.message for fault in faults))


class Ended(StrEnum):
    """Why the loop ended: all rows are read, a stop was requested, or a row was bad."""

    FINISHED = "finished"
    STOPPED = "stopped"
    ERROR = "error"


def run(  # noqa: PLR0913 - the loop's parts
    *,
    run: ImportRun,
    rows: Iterable[Row],
    importer: Importer[Value],
    rejects: KeepsRejects,
    report: Callable[[Counted, Sequence[Rejected]], None],
    clock: Callable[[], datetime],
    should_stop: Callable[[], bool] = lambda: False,
    batch_rows: int | None = None,
    stops_on_error: bool = False,
    may_read_ahead: bool = True,
) -> Ended:
    """Read and record all rows; stops between two batches when asked to.

    One transaction a batch, on this thread's connection; locks are the importer's. With
    `stops_on_error` the rows before the first bad one are recorded, and the checkpoint is before
    it. `may_read_ahead` is false for rows that come from the database. A dry run rolls every batch
    back, and stores its checkpoint afterwards. Raises what reading raises, such as `InvalidFile`,
    after recording the rows before it, and `TakenOver`.
    """
    writer = _Writer(
        run=run,
        importer=importer,
        rejects=rejects,
        report=report,
        clock=clock,
        stops_on_error=stops_on_error,
        rejects_bytes=run.rejects_bytes,
    )
    batches = _batches(rows, importer, batch_rows or importer.rows_in_batch)
    with read_ahead(batches, is_threaded=may_read_ahead and importer.is_read_ahead) as ready:
        for batch in ready:
            try:
                writer.write(batch)
            except _StoppedAtFault as stopped:
                report(Counted(), [stopped.rejected])
                return Ended.ERROR
            if should_stop():
                return Ended.STOPPED
    return Ended.FINISHED


def _batches(
    rows: Iterable[Row], importer: Importer[Value], batch_rows: int
) -> Iterator[list[Parsed[Value]]]:
    reading, parse = iter(rows), importer.parse
    while True:
        batch: list[Parsed[Value]] = []
        try:
            for row in islice(reading, batch_rows):
                parsed = parse(row) if row.fault is None else Parsed(row, None, (row.fault,))
                batch.append(parsed)
        except Exception:
            # Rows before the error are good.
            if batch:
                yield batch
            raise
        if not batch:
            return
        yield batch


class _StoppedAtFault(Exception):
    def __init__(self, rejected: Rejected) -> None:
        self.rejected = rejected


@dataclass(kw_only=True)
class _Writer(Generic[Value]):
    """Writes batches: in one transaction where possible, else in parts."""

    run: ImportRun
    importer: Importer[Value]
    rejects: KeepsRejects
    report: Callable[[Counted, Sequence[Rejected]], None]
    clock: Callable[[], datetime]
    stops_on_error: bool
    # The length of the file of rejects at the last committed checkpoint.
    rejects_bytes: int

    def write(self, batch: Sequence[Parsed[Value]]) -> None:
        """Write rows in order; rows written alone split the others."""
        together: list[Parsed[Value]] = []
        for each in batch:
            if each.value is not None and self.importer.is_alone(each.value):
                self._write_together(together)
                together = []
                self._write_alone(each)
            else:
                together.append(each)
        self._write_together(together)

    def _write_together(self, parsed: Sequence[Parsed[Value]]) -> None:
        if not parsed:
            return
        try:
            self._repeat_while_it_passes(lambda: self._record(parsed))
        except _StoppedAtFault as stopped:
            places = [(each.row.file_index, each.row.line) for each in parsed]
            row = stopped.rejected.row
            # Rolled back, so caches may be wrong.
            self.importer.forget()
            self._write_together(parsed[: places.index((row.file_index, row.line))])
            raise
        except connections.LOST:
            # The database is away or full: no row is bad.
            raise
        except DatabaseError as error:
            words = str(error).partition("\n")[0][:300]
            logger.warning("The database refused %d rows: %s", len(parsed), words)
            self._write_in_parts(parsed)

    def _write_in_parts(self, parsed: Sequence[Parsed[Value]]) -> None:
        if len(parsed) == 1:
            self._refuse(parsed[0], (REFUSED,))
            return
        middle = len(parsed) // 2
        self._write_together(parsed[:middle])
        self._write_together(parsed[middle:])

    def _record(self, parsed: Sequence[Parsed[Value]]) -> None:
        now, place = self.clock(), parsed[-1].row.after
        with transaction.atomic():
            outcome = self.importer.record(parsed, now=now)
            if self.stops_on_error and outcome.rejected:
                raise _StoppedAtFault(outcome.rejected[0])
            if self.run.is_dry_run:
                transaction.set_rollback(True)
            else:
                rejects_bytes = self._keep(outcome, place, now)
        if self.run.is_dry_run:
            with transaction.atomic():
                rejects_bytes = self._keep(outcome, place, now)
        self._kept(outcome, rejects_bytes)

    def _write_alone(self, each: Parsed[Value]) -> None:
        now, place = self.clock(), each.row.after
        kept: list[tuple[RowsOutcome, int]] = []

        def before_commit(outcome: RowsOutcome) -> None:
            kept[:] = [(outcome, self._keep(outcome, place, now))]

        try:
            self.importer.record_alone(each, now=now, before_commit=before_commit)
        except RejectedAlone as rejected:
            self._refuse(each, rejected.faults)
        else:
            self._kept(*kept[0])

    def _refuse(self, each: Parsed[Value], faults: tuple[Fault, ...]) -> None:
        refused = Parsed[Value](each.row, None, faults)
        self._repeat_while_it_passes(lambda: self._record([refused]))

    def _keep(self, outcome: RowsOutcome, place: Place, now: datetime) -> int:
        """Write rejects and checkpoint, last in the rows' transaction."""
        rejects_bytes = self.rejects_bytes
        if outcome.rejected:
            rejects_bytes = self.rejects.write(outcome.rejected, at=rejects_bytes)
        runs.checkpoint(
            run=self.run,
            counted=outcome.counted,
            place=place,
            rejects=outcome.rejected,
            rejects_bytes=rejects_bytes,
            now=now,
        )
        return rejects_bytes

    def _kept(self, outcome: RowsOutcome, rejects_bytes: int) -> None:
        self.rejects_bytes = rejects_bytes
        self.report(outcome.counted, outcome.rejected)

    def _repeat_while_it_passes(self, work: Callable[[], None]) -> None:
        """Repeat work that the database gave up for another, or that failed because of caches. A
        connection lost during COMMIT is not repeated: the checkpoint tells the next run whether it
        is stored.
        """
        for attempt in range(1, ROWS_ATTEMPTS + 1):
            try:
                work()
            except (DatabaseError, InterfaceError) as error:
                self.importer.forget()
                is_away = isinstance(error, connections.LOST)
                # Caches may be the reason, once.
                is_worth_it = connections.is_passing(error) or (attempt == 1 and not is_away)
                if attempt == ROWS_ATTEMPTS or not is_worth_it:
                    if is_away:
                        connections.renew()
                    raise
            else:
                return
