"""Imports subscriber rows into a workspace, many at a time, each as if it came alone."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NoReturn

import msgspec
from django.db import connection

from subscribers.rows.plans import NO_PLAN, ColumnPlan
from subscribers.rows.row import Row
from subscribers.services.imports.loop import Parsed, RowsOutcome
from subscribers.services.imports.people.columns import RowReader
from subscribers.services.imports.people.drafts import SubscriberDraft
from subscribers.services.imports.people.options import ImportOptions
from subscribers.services.imports.people.plan import Taken
from subscribers.services.imports.people.taking import take_in
from subscribers.services.imports.runs import Counted, Rejected
from subscribers.wire.payloads import InvalidRequest

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
        plan: ColumnPlan = NO_PLAN,
        lists: tuple[str, ...] | None = None,
    ) -> None:
        """`lists` are joined where a row names none."""
        self.options = options
        self._lists = lists
        self._reader = RowReader(plan=plan, attributes_bytes=options.attributes_bytes)

    @property
    def rows_in_batch(self) -> int:
        return (ROWS_THAT_ASK if self.options.asks_people else ROWS)[connection.vendor]

    @property
    def is_read_ahead(self) -> bool:
        """SQLite works in this process, so a thread would not pay."""
        return connection.vendor == "postgresql"

    def parse(self, row: Row) -> ParsedRow:
        try:
            draft = self._reader.read(row)
        except InvalidRequest as error:
            return Parsed(row, None, error.faults)
        if self._lists is not None and draft.lists is None:
            draft = msgspec.structs.replace(draft, lists=self._lists)
        return Parsed(row, draft)

    def is_alone(self, value: SubscriberDraft) -> bool:  # noqa: ARG002 - the loop's protocol
        return False

    def record_alone(
        self, parsed: ParsedRow, *, now: datetime, before_commit: Callable[[RowsOutcome], None]
    ) -> NoReturn:
        raise NotImplementedError

    def forget(self) -> None:
        """There are no caches between batches."""

    def record(self, parsed: Sequence[ParsedRow], *, now: datetime) -> RowsOutcome:
        """Record rows in order, in the caller's transaction."""
        given = [each.faults if each.value is None else each.value for each in parsed]
        done = take_in(options=self.options, given=given, now=now)
        outcome = RowsOutcome(Counted(confirmations_queued=done.confirmations_queued), [])
        counted = outcome.counted
        for each, result in zip(parsed, done.results, strict=True):
            if result.taken is None:
                refused = Rejected(each.row, result.faults)
                outcome.rejected.append(refused)
                counted.reject(refused)
                continue
            counted.rows += 1
            counted.duplicates += result.taken is Taken.DUPLICATE
            counted.recorded += result.taken is not Taken.DUPLICATE
            counted.subscribers_created += result.taken is Taken.CREATED
            counted.people_left += result.taken is Taken.LEFT
        return outcome
