"""Imports subscriber rows into a workspace, many at a time, each as if it came alone."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import NoReturn

from django.db import OperationalError, connection, transaction

from subscribers.rows.row import Row
from subscribers.services.audience.subscribers import ROUNDS, IdentityConflict, SubscriberNotFound
from subscribers.services.imports.loop import Parsed, RowsOutcome
from subscribers.services.imports.people import audience as audiences
from subscribers.services.imports.people.columns import RowReader
from subscribers.services.imports.people.drafts import SubscriberDraft
from subscribers.services.imports.people.options import ImportOptions
from subscribers.services.imports.people.plan import Taken
from subscribers.services.imports.people.planner import Planner
from subscribers.services.imports.people.writing import SomebodyWasFaster, write
from subscribers.services.imports.runs import Counted, Rejected
from subscribers.wire.payloads import Fault, InvalidRequest

# On SQLite nobody else can write meanwhile, so its transactions are shorter. With double opt-in
# each row makes a confirmation email.
ROWS = {"postgresql": 500, "sqlite": 200}
ROWS_THAT_ASK = {"postgresql": 50, "sqlite": 10}

ParsedRow = Parsed[SubscriberDraft]


class SubscriberImporter:
    """The importer of `loop` for subscribers.

    Locks of a batch: the workspace's row where lists are created, known subscribers by id, their
    enrollments, the rest. Imported tags and lists start no sequence.
    """

    def __init__(
        self,
        *,
        options: ImportOptions,
        renamed: Mapping[str, str] | None = None,
        are_cells_text: bool = False,
    ) -> None:
        """`renamed` maps the file's names to ours; `are_cells_text`: no cell is JSON."""
        self.options = options
        self._reader = RowReader(
            renamed=renamed or {},
            attributes_bytes=options.attributes_bytes,
            are_cells_text=are_cells_text,
        )

    @property
    def rows_in_batch(self) -> int:
        return (ROWS_THAT_ASK if self.options.asks_people else ROWS)[connection.vendor]

    @property
    def is_read_ahead(self) -> bool:
        """SQLite works in this process, so a thread would not pay."""
        return connection.vendor == "postgresql"

    def parse(self, row: Row) -> ParsedRow:
        try:
            return Parsed(row, self._reader.read(row))
        except InvalidRequest as error:
            return Parsed(row, None, error.faults)

    def is_alone(self, value: SubscriberDraft) -> bool:  # noqa: ARG002 - the loop's protocol
        return False

    def record_alone(
        self, parsed: ParsedRow, *, now: datetime, before_commit: Callable[[RowsOutcome], None]
    ) -> NoReturn:
        raise NotImplementedError

    def forget(self) -> None:
        """There are no caches between batches."""

    def record(self, parsed: Sequence[ParsedRow], *, now: datetime) -> RowsOutcome:
        """Record rows in order, in the caller's transaction, with a few statements for many
        subscribers. A row about a subscriber of an earlier row waits until that one is written.
        """
        outcome = RowsOutcome(Counted(), [])
        drafts = [each.value for each in parsed if each.value is not None]
        if self.options.creates_lists:
            audiences.create_lists(options=self.options, drafts=drafts)
        waiting = parsed
        while waiting:
            done = self._record_first(waiting, now)
            outcome.counted.add(done.counted)
            outcome.rejected += done.rejected
            waiting = waiting[done.counted.rows :]
        return outcome

    def _record_first(self, waiting: Sequence[ParsedRow], now: datetime) -> RowsOutcome:
        """Record rows up to the first that must wait. When another request creates one of the new
        subscribers first, half as many rows are tried, or a large batch could lose forever.
        """
        for _ in range(ROUNDS):
            drafts = [each.value for each in waiting if each.value is not None]
            try:
                with transaction.atomic():
                    audience = audiences.read(options=self.options, drafts=drafts)
                    planner = Planner(options=self.options, audience=audience, now=now)
                    outcome = _take_all(planner, waiting)
                    outcome.counted.confirmations_queued = write(
                        plan=planner.plan, options=self.options, now=now
                    )
            except SomebodyWasFaster:
                waiting = waiting[: max(1, len(waiting) // 2)]
                continue
            return outcome
        raise OperationalError("The subscribers' rows kept changing.")


def _take_all(planner: Planner, waiting: Sequence[ParsedRow]) -> RowsOutcome:
    """Plan rows until one must wait, and count them."""
    outcome = RowsOutcome(Counted(), [])
    counted = outcome.counted
    for each in waiting:
        faults = each.faults
        taken = None
        if each.value is not None:
            try:
                taken = planner.take(each.value)
            except InvalidRequest as error:
                faults = error.faults
            except (IdentityConflict, SubscriberNotFound) as error:
                faults = (Fault("", str(error)),)
        if taken is Taken.LATER:
            break
        if taken is None:
            refused = Rejected(each.row, faults)
            outcome.rejected.append(refused)
            counted.reject(refused)
            continue
        counted.rows += 1
        counted.duplicates += taken is Taken.DUPLICATE
        counted.recorded += taken is not Taken.DUPLICATE
        counted.subscribers_created += taken is Taken.CREATED
    return outcome
