"""What an import asks of a database, by the fastest safe way that each has."""

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
    """A person as they were read, or made. `attributes` are None unless read under the lock."""

    # The id as the database's statements take it.
    key: Key
    email_key: str
    external_id: str | None
    created_at: datetime
    # The profile's, in the order of `profile.NAMES`.
    texts: tuple[str, ...]
    attributes: dict[str, Any] | None = None
    # As it is to be stored, of somebody new.
    email: str = ""
    # Something but the time of creation is to be written.
    is_touched: bool = False


class ReadyRow(msgspec.Struct, frozen=True, gc=False):
    """A row that is good: who did what, and the event's columns as `Store.pack` has them."""

    # What the event is to be called.
    id: UUID
    person: Person
    event: EventDraft
    packed: Any


class EventLine(msgspec.Struct, gc=False):
    """An event as it is to be stored; the keys are ids as the database's statements take them."""

    subscriber: Known
    definition_key: Key
    row: ReadyRow
    # JSON.
    effects: bytes


def new_tokens(count: int) -> list[str]:
    """Return tokens for unsubscribing, as `new_unsubscribe_token` makes them, for many people.

    The system is asked for randomness once.
    """
    randomness = os.urandom(TOKEN_BYTES * count)
    return [
        randomness[TOKEN_BYTES * place : TOKEN_BYTES * (place + 1)].hex() for place in range(count)
    ]


class Store(Protocol):
    """One database. All of it happens in the caller's transaction."""

    rows_in_batch: int
    is_read_ahead: bool

    def key_of(self, row_id: UUID) -> Key:
        """Return an id as the statements take it."""
        ...

    def id_of(self, key: Key) -> UUID:
        """Return the id of a key."""
        ...

    def find_people(
        self, workspace_id: UUID, email_keys: Collection[str], external_ids: Collection[str]
    ) -> Iterable[Known]:
        """Return who bears one of the addresses or external ids."""
        ...

    def lock_people(self, keys: Sequence[Key]) -> Iterable[Known]:
        """Lock people, keys ascending, and return them with their attributes."""
        ...

    def insert_people(
        self, people: Sequence[Known], *, workspace_id: UUID, status: str, now: datetime
    ) -> None:
        """Insert new people; raises `IntegrityError` when somebody else made one of them."""
        ...

    def update_people(
        self, *, older: Sequence[Known], touched: Sequence[Known], now: datetime
    ) -> None:
        """Write the time of creation of some people who are locked, and all columns of others."""
        ...

    def pack(self, row_id: UUID, event: EventDraft) -> Any:  # noqa: ANN401 - each database's own
        """Return what of an event needs no look-up in the form that `insert_events` takes.

        For the thread that parses: the less the other one does, the sooner the database goes on.
        """
        ...

    def insert_events(
        self, lines: Sequence[EventLine], *, workspace_id: UUID, received_at: datetime
    ) -> int:
        """Insert history; what repeats an event id is left out. Returns how many are new."""
        ...

    def stored_among(self, ids: Sequence[UUID]) -> set[UUID]:
        """Return those ids of events that are stored."""
        ...
