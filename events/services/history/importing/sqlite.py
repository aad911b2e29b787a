"""Imports on SQLite: few statements of many rows, in short transactions, so that others can write.

One statement of many rows, not many of one: each of those would release and take the interpreter.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import UUID

import msgspec
from django.db import connection

from events.intake.payloads import EventDraft
from events.services.history.importing.store import EventLine, Known, new_tokens
from subscribers.services.storage.sql_values import as_json, moment_in_sqlite
from subscribers.wire import profile

# Ten values each; far below what SQLite takes in one statement.
EVENTS_IN_STATEMENT = 250
KEYS_IN_STATEMENT = 900
INSERT_EVENTS = """
INSERT INTO events_event (id, workspace_id, subscriber_id, definition_id, event_id, occurred_at,
    received_at, is_historical, properties, effects)
VALUES {rows}
ON CONFLICT (subscriber_id, definition_id, event_id) WHERE event_id IS NOT NULL DO NOTHING
"""
TEXTS = ", ".join(profile.NAMES)
TEXTS_SET = ", ".join(f"{name} = ?" for name in profile.NAMES)
INSERT_PERSON = f"""
INSERT INTO subscribers_subscriber (id, workspace_id, email, email_key, external_id, {TEXTS},
    status, attributes, unsubscribe_token, created_at, updated_at, tags_version)
VALUES (?, ?, ?, ?, ?, {", ".join("?" * len(profile.NAMES))}, ?, ?, ?, ?, ?, 0)
"""  # noqa: S608 - the names of columns
MOVE_CREATION = "UPDATE subscribers_subscriber SET created_at = ? WHERE id = ?"
CHANGE_PERSON = f"""
UPDATE subscribers_subscriber SET external_id = ?, {TEXTS_SET}, attributes = ?,
    created_at = ?, updated_at = ? WHERE id = ?
"""  # noqa: S608 - as above
# `|| ''` avoids Django's converter of times, which is slow.
SELECT_PEOPLE = f"""
SELECT id, email_key, external_id, created_at || '', {TEXTS}, attributes
FROM subscribers_subscriber WHERE """  # noqa: S608 - as above
# In KiB. The default of two MiB holds too little of the indexes, which are written everywhere.
CACHE = "PRAGMA cache_size = -32768"
# In pages: the same page changes many times, and is copied back once.
CHECKPOINT = "PRAGMA wal_autocheckpoint = 8000"
Item = TypeVar("Item")


class SQLite:
    """The store of imports on SQLite."""

    # A transaction of about 150 ms; others write while the next rows are parsed. 2,000 rows write
    # the same pages of the indexes so often that an import takes a quarter longer (measured).
    rows_in_batch = 5_000
    is_read_ahead = False

    def key_of(self, row_id: UUID) -> str:
        return row_id.hex

    def id_of(self, key: str) -> UUID:
        return UUID(hex=key)

    def find_people(
        self, workspace_id: UUID, email_keys: Collection[str], external_ids: Collection[str]
    ) -> Iterable[Known]:
        with connection.wrap_database_errors:
            cursor = _cursor()
            for column, keys in (("email_key", email_keys), ("external_id", external_ids)):
                for some in _chunks(sorted(keys), KEYS_IN_STATEMENT):
                    found = f"workspace_id = ? AND {column} IN ({_marks(some)})"
                    cursor.execute(SELECT_PEOPLE + found, [workspace_id.hex, *some])
                    yield from map(_known, cursor.fetchall())

    def lock_people(self, keys: Sequence[str]) -> Iterable[Known]:
        # A transaction that writes locks the whole database.
        with connection.wrap_database_errors:
            cursor = _cursor()
            for some in _chunks(keys, KEYS_IN_STATEMENT):
                cursor.execute(f"{SELECT_PEOPLE}id IN ({_marks(some)})", some)
                for row in cursor.fetchall():
                    known = _known(row)
                    known.attributes = msgspec.json.decode(row[-1])
                    yield known

    def insert_people(
        self, people: Sequence[Known], *, workspace_id: UUID, status: str, now: datetime
    ) -> None:
        workspace_key, updated = workspace_id.hex, moment_in_sqlite(now)
        tokens = new_tokens(len(people))
        with connection.wrap_database_errors:
            _cursor().executemany(
                INSERT_PERSON,
                [
                    (
                        known.key,
                        workspace_key,
                        known.email,
                        known.email_key,
                        known.external_id,
                        *known.texts,
                        status,
                        as_json(known.attributes),
                        token,
                        moment_in_sqlite(known.created_at),
                        updated,
                    )
                    for known, token in zip(people, tokens, strict=True)
                ],
            )

    def update_people(
        self, *, older: Sequence[Known], touched: Sequence[Known], now: datetime
    ) -> None:
        with connection.wrap_database_errors:
            cursor = _cursor()
            cursor.executemany(
                MOVE_CREATION, [(moment_in_sqlite(each.created_at), each.key) for each in older]
            )
            cursor.executemany(
                CHANGE_PERSON,
                [
                    (
                        each.external_id,
                        *each.texts,
                        as_json(each.attributes),
                        moment_in_sqlite(each.created_at),
                        moment_in_sqlite(now),
                        each.key,
                    )
                    for each in touched
                ],
            )

    def pack(self, row_id: UUID, event: EventDraft) -> tuple[str, str | None, str, str]:
        occurred_at = moment_in_sqlite(event.occurred_at)
        return row_id.hex, event.event_id, occurred_at, as_json(event.properties)

    def insert_events(
        self, lines: Sequence[EventLine], *, workspace_id: UUID, received_at: datetime
    ) -> int:
        workspace_key, received, inserted = workspace_id.hex, moment_in_sqlite(received_at), 0
        # The indexes begin with the person: sorted rows touch fewer pages.
        ordered = sorted(lines, key=lambda line: line.subscriber.key)
        with connection.wrap_database_errors:
            cursor = _cursor()
            cursor.execute(CACHE)
            cursor.execute(CHECKPOINT)
            for some in _chunks(ordered, EVENTS_IN_STATEMENT):
                values: list[Any] = []
                for line in some:
                    row_id, event_id, occurred_at, properties = line.row.packed
                    values += (
                        row_id, workspace_key, line.subscriber.key, line.definition_key, event_id,
                        occurred_at, received, True, properties, line.effects.decode(),
                    )  # fmt: skip
                row = "(?,?,?,?,?,?,?,?,?,?)"
                cursor.execute(INSERT_EVENTS.format(rows=",".join([row] * len(some))), values)
                inserted += cursor.rowcount
        return inserted

    def stored_among(self, ids: Sequence[UUID]) -> set[UUID]:
        found: set[UUID] = set()
        with connection.wrap_database_errors:
            cursor = _cursor()
            for some in _chunks(ids, KEYS_IN_STATEMENT):
                statement = f"SELECT id FROM events_event WHERE id IN ({_marks(some)})"  # noqa: S608
                cursor.execute(statement, [each.hex for each in some])
                found.update(UUID(row_id) for (row_id,) in cursor.fetchall())
        return found


def _cursor() -> Any:  # noqa: ANN401 - the driver's
    """Return the driver's own cursor: Django's converts every statement."""
    connection.ensure_connection()
    return connection.connection.cursor()


def _known(row: tuple[Any, ...]) -> Known:
    key, email_key, external_id, created_at, *texts, _ = row
    created = datetime.fromisoformat(created_at).replace(tzinfo=UTC)
    return Known(key, email_key, external_id, created, tuple(texts))


def _marks(values: Sequence[object]) -> str:
    return ",".join("?" * len(values))


def _chunks(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    for place in range(0, len(items), size):
        yield items[place : place + size]
