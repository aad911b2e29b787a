"""What an import asks of a database, done in the fastest safe way of each."""

import os
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

import msgspec

from events.intake.payloads import EventDraft
from subscribers.wire.payloads import Person

TOKEN_BYTES = 16
# The 16 bytes of an id on PostgreSQL, its 32 digits on SQLite.
Key = Any


class Known(msgspec.Struct, gc=False):
    """A person as read or created; `attributes` are None unless read under the lock."""

    # The id in the form of the database's statements.
    key: Key
    email_key: str
    external_id: str | None
    created_at: datetime
    # In the order of `profile.NAMES`.
    texts: tuple[str, ...]
    attributes: dict[str, Any] | None = None
    # Set for new people.
    email: str = ""
    # More than the time of creation has to be written.
    is_touched: bool = False


class ReadyRow(msgspec.Struct, frozen=True, gc=False):
    """A valid row: who did what, and the event's columns as packed by `Store.pack`."""

    # The new event's id.
    id: UUID
    person: Person
    event: EventDraft
    packed: Any


class EventLine(msgspec.Struct, gc=False):
    """An event to be stored; the keys are ids in the form of the database's statements."""

    subscriber: Known
    definition_key: Key
    row: ReadyRow
    # JSON.
    effects: bytes


def new_tokens(count: int) -> list[str]:
    """Return unsubscribe tokens like `new_unsubscribe_token`, by one call to the system."""
    randomness = os.urandom(TOKEN_BYTES * count)
    return [
        randomness[TOKEN_BYTES * place : TOKEN_BYTES * (place + 1)].hex() for place in range(count)
    ]


class Store(Protocol):
    """One database; works in the caller's transaction."""

    rows_in_batch: int
    is_read_ahead: bool

    def key_of(self, row_id: UUID) -> Key:
        """Return an id in the form of the statements."""

    def id_of(self, key: Key) -> UUID:
        """Return the id of a key."""

    def find_people(
        self, workspace_id: UUID, email_keys: Collection[str], external_ids: Collection[str]
    ) -> Iterable[Known]:
        """Return the people with one of the addresses or external ids."""

    def lock_people(self, keys: Sequence[Key]) -> Iterable[Known]:
        """Lock people, keys ascending, and return them with their attributes."""

    def insert_people(
        self, people: Sequence[Known], *, workspace_id: UUID, status: str, now: datetime
    ) -> None:
        """Insert new people; raises `IntegrityError` if one was created elsewhere."""

    def update_people(
        self, *, older: Sequence[Known], touched: Sequence[Known], now: datetime
    ) -> None:
        """Write the time of creation of some locked people, and all columns of others."""

    def pack(self, row_id: UUID, event: EventDraft) -> Any:  # noqa: ANN401 - each database's own
        """Return what needs no look-up, as `insert_events` takes it; runs in the parsing thread."""

    def insert_events(
        self, lines: Sequence[EventLine], *, workspace_id: UUID, received_at: datetime
    ) -> int:
        """Insert historical events but repeated event ids; returns how many are new."""

    def stored_among(self, ids: Sequence[UUID]) -> set[UUID]:
        """Return those event ids that are stored."""
