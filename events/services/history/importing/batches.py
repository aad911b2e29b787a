"""The rows of one transaction, and the outcome of each."""

from collections.abc import Container, Sequence
from datetime import datetime

from events.services.history.importing.store import EventLine, Key, Known, ReadyRow
from subscribers.services.imports.loop import Parsed
from subscribers.services.imports.runs import Rejected
from subscribers.wire.payloads import Fault


class ImportBatch:
    def __init__(self, parsed: Sequence[Parsed[ReadyRow]], *, now: datetime) -> None:
        self.parsed = parsed
        self.now = now
        # The person of each row that changes nobody.
        self.plain: list[Known | None] = []
        self.taken: list[tuple[Known, ReadyRow]] = []
        self.rejected: dict[int, tuple[Fault, ...]] = {}
        self.names_used: set[str] = set()
        self.oldest_by_key: dict[Key, datetime] = {}
        self.definitions_made = 0
        # Rows that are recorded for the address, whose external id is another person's.
        self.conflicts = 0
        self._event_ids: set[tuple[Key, str, str]] = set()

    def rejected_in_order(self) -> list[Rejected]:
        return [Rejected(self.parsed[place].row, faults) for place, faults in self.rejected.items()]

    def is_new(self, known: Known, name: str, event_id: str) -> bool:
        before = len(self._event_ids)
        self._event_ids.add((known.key, name, event_id))
        return len(self._event_ids) > before

    def add(self, known: Known, value: ReadyRow) -> None:
        self.taken.append((known, value))
        self.names_used.add(value.event.name)
        occurred_at = value.event.occurred_at
        oldest_at = self.oldest_by_key.get(known.key)
        if oldest_at is None or occurred_at < oldest_at:
            self.oldest_by_key[known.key] = occurred_at


def oldest_of(lines: Sequence[EventLine], *, keys: Container[Key]) -> dict[Key, datetime]:
    oldest_by_key: dict[Key, datetime] = {}
    for line in lines:
        key, occurred_at = line.subscriber.key, line.row.event.occurred_at
        if key in keys:
            oldest_by_key[key] = min(oldest_by_key.get(key, occurred_at), occurred_at)
    return oldest_by_key
