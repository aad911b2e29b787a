"""Imports on PostgreSQL: COPY in its binary form, directly into the table.

If an event is stored already, the batch goes through a temporary table, and one statement inserts
only what is new. So do the next batches, since a repeat rarely comes alone.
"""

import struct
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from django.db import IntegrityError, connection, transaction

from events.intake.payloads import EventDraft
from events.services.history.importing.store import EventLine, Known, new_tokens
from subscribers.services.storage.sql_values import as_json
from subscribers.wire import profile

COLUMNS = (
    "id, workspace_id, subscriber_id, definition_id, event_id, occurred_at, received_at,"
    " is_historical, properties, effects"
)
COPY = f"COPY {{table}} ({COLUMNS}) FROM STDIN (FORMAT BINARY)"
STAGE = """
CREATE TEMPORARY TABLE IF NOT EXISTS import_staging (LIKE events_event) ON COMMIT DROP
"""
# Ids that repeat within the batch were removed before.
INSERT_NEW = f"""
INSERT INTO events_event ({COLUMNS}) SELECT {COLUMNS} FROM import_staging
ON CONFLICT (subscriber_id, definition_id, event_id) WHERE event_id IS NOT NULL DO NOTHING
"""  # noqa: S608 - the names of columns
FIND_EVENTS = """
SELECT id FROM events_event WHERE id = ANY(ARRAY(SELECT json_array_elements_text(%s::json)::uuid))
"""
TEXTS = ", ".join(profile.NAMES)
TEXTS_SET = ", ".join(f"{name} = given.{name}" for name in profile.NAMES)
TEXTS_TYPED = ", ".join(f"{name} text" for name in profile.NAMES)
PERSON = f"uuid_send(id), email_key, external_id, created_at, {TEXTS}"
# Many values are sent as one JSON text: the driver needs ten times as long for an array. Joined,
# since `= ANY` compares each with each where the table was empty when it was last analyzed.
FIND_PEOPLE = f"""
SELECT {PERSON} FROM json_array_elements_text(%(email_keys)s::json) AS given (text)
    JOIN subscribers_subscriber ON workspace_id = %(workspace)s AND email_key = given.text
UNION ALL
SELECT {PERSON} FROM json_array_elements_text(%(external_ids)s::json) AS given (text)
    JOIN subscribers_subscriber ON workspace_id = %(workspace)s AND external_id = given.text
"""  # noqa: S608 - as above
LOCK_PEOPLE = f"""
SELECT attributes::text, {PERSON} FROM subscribers_subscriber
WHERE id = ANY(ARRAY(SELECT json_array_elements_text(%s::json)::uuid))
ORDER BY id FOR NO KEY UPDATE
"""  # noqa: S608 - as above
MOVE_CREATION = """
UPDATE subscribers_subscriber AS s SET created_at = given.created_at
FROM json_to_recordset(%s::json) AS given (id uuid, created_at timestamptz) WHERE s.id = given.id
"""
CHANGE_PEOPLE = f"""
UPDATE subscribers_subscriber AS s
SET external_id = given.external_id, {TEXTS_SET},
    attributes = given.attributes, created_at = given.created_at, updated_at = %s
FROM json_to_recordset(%s::json) AS given (id uuid, external_id text, {TEXTS_TYPED},
    attributes jsonb, created_at timestamptz)
WHERE s.id = given.id
"""  # noqa: S608 - as above
COPY_PEOPLE = f"""
COPY subscribers_subscriber (id, workspace_id, email, email_key, external_id, {TEXTS},
    status, attributes, unsubscribe_token, created_at, updated_at, tags_version)
FROM STDIN (FORMAT BINARY)
"""
# The binary form of COPY: https://www.postgresql.org/docs/current/sql-copy.html
HEADER = b"PGCOPY\n\xff\r\n\0" + struct.pack("!ii", 0, 0)
TRAILER = struct.pack("!h", -1)
UUID_LENGTH = struct.pack("!i", 16)
ROW = struct.pack("!h", 10) + UUID_LENGTH
PERSON_ROW = struct.pack("!h", 11 + len(profile.NAMES)) + UUID_LENGTH
NO_TAGS_YET = struct.pack("!ii", 4, 0)
NULL = struct.pack("!i", -1)
EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
JSONB_VERSION = 1
pack_length = struct.Struct("!i").pack
pack_moment = struct.Struct("!iq").pack
pack_jsonb = struct.Struct("!iB").pack

ROWS_SENT_AT_ONCE = 500
# After a batch with repeated events, so many more are expected to have some.
BATCHES_WITH_REPEATS = 20


class PostgreSQL:
    # More rows gain little and hold locks for longer (measured).
    rows_in_batch = 5_000
    is_read_ahead = True

    def __init__(self) -> None:
        self.batches_with_repeats = 0

    def key_of(self, row_id: UUID) -> bytes:
        return row_id.bytes

    def id_of(self, key: bytes) -> UUID:
        return UUID(bytes=key)

    def find_people(
        self, workspace_id: UUID, email_keys: Collection[str], external_ids: Collection[str]
    ) -> Iterable[Known]:
        parameters: dict[str, Any] = {
            "workspace": workspace_id,
            "email_keys": as_json(list(email_keys)),
            "external_ids": as_json(list(external_ids)),
        }
        with connection.cursor() as cursor:
            cursor.execute(FIND_PEOPLE, parameters)
            return [_known(row) for row in cursor.fetchall()]

    def lock_people(self, keys: Sequence[bytes]) -> Iterable[Known]:
        with connection.cursor() as cursor:
            cursor.execute(LOCK_PEOPLE, [as_json([key.hex() for key in keys])])
            rows = cursor.fetchall()
        return [_known(row, msgspec.json.decode(attributes)) for attributes, *row in rows]

    def update_people(
        self, *, older: Sequence[Known], touched: Sequence[Known], now: datetime
    ) -> None:
        moved = [{"id": known.key.hex(), "created_at": known.created_at} for known in older]
        changed = [
            {
                "id": known.key.hex(),
                "external_id": known.external_id,
                **dict(zip(profile.NAMES, known.texts, strict=True)),
                "attributes": known.attributes,
                "created_at": known.created_at,
            }
            for known in touched
        ]
        with connection.cursor() as cursor:
            if moved:
                cursor.execute(MOVE_CREATION, [as_json(moved)])
            if changed:
                cursor.execute(CHANGE_PEOPLE, [now, as_json(changed)])

    def insert_people(
        self, people: Sequence[Known], *, workspace_id: UUID, status: str, now: datetime
    ) -> None:
        before_email = UUID_LENGTH + workspace_id.bytes
        updated = _moment(now)
        parts = [HEADER]
        for known, token in zip(people, new_tokens(len(people)), strict=True):
            attributes = msgspec.json.encode(known.attributes)
            parts += (
                PERSON_ROW, known.key, before_email, _text(known.email), _text(known.email_key),
                NULL if known.external_id is None else _text(known.external_id),
                *map(_text, known.texts), _text(status),
                pack_jsonb(len(attributes) + 1, JSONB_VERSION), attributes,
                _text(token), _moment(known.created_at), updated, NO_TAGS_YET,
            )  # fmt: skip
        parts.append(TRAILER)
        with connection.cursor() as cursor:
            _copy(cursor, COPY_PEOPLE, [b"".join(parts)])

    def pack(self, row_id: UUID, event: EventDraft) -> tuple[bytes, bytes, bytes]:
        properties = msgspec.json.encode(event.properties)
        event_id = NULL if event.event_id is None else _text(event.event_id)
        return (
            ROW + row_id.bytes,
            event_id + _moment(event.occurred_at),
            pack_jsonb(len(properties) + 1, JSONB_VERSION) + properties,
        )

    def insert_events(
        self, lines: Sequence[EventLine], *, workspace_id: UUID, received_at: datetime
    ) -> int:
        if not lines:
            return 0
        # The indexes and a foreign key look up the person: sorted rows touch fewer pages.
        ordered = sorted(lines, key=lambda line: line.subscriber.key)
        if self.batches_with_repeats > 0:
            self.batches_with_repeats -= 1
            return _insert_new(_encode(ordered, workspace_id, received_at))
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                encoded = _encode(ordered, workspace_id, received_at)
                _copy(cursor, COPY.format(table="events_event"), encoded)
        except IntegrityError:
            # Foreign keys are checked at the commit, so it is a repeated event; more will follow.
            self.batches_with_repeats = BATCHES_WITH_REPEATS
            return _insert_new(_encode(ordered, workspace_id, received_at))
        return len(lines)

    def stored_among(self, ids: Sequence[UUID]) -> set[UUID]:
        with connection.cursor() as cursor:
            cursor.execute(FIND_EVENTS, [as_json(ids)])
            return {row_id for (row_id,) in cursor.fetchall()}


def _insert_new(encoded: Iterable[bytes]) -> int:
    """Insert the rows that are not stored yet; returns how many."""
    with connection.cursor() as cursor:
        cursor.execute(STAGE)
        _copy(cursor, COPY.format(table="import_staging"), encoded)
        cursor.execute(INSERT_NEW)
        inserted = int(cursor.rowcount)
        if connection.savepoint_ids:
            # In tests, and in a command that is called within a transaction.
            cursor.execute("DELETE FROM import_staging")
        return inserted


def _copy(cursor: Any, statement: str, encoded: Iterable[bytes]) -> None:  # noqa: ANN401 - Django's cursor has no public type
    with connection.wrap_database_errors, cursor.copy(statement) as copy:
        for some in encoded:
            copy.write(some)


def _encode(
    lines: Sequence[EventLine], workspace_id: UUID, received_at: datetime
) -> Iterator[bytes]:
    """Yield the rows in the binary form of COPY, in parts: the server works meanwhile."""
    before_subscriber = UUID_LENGTH + workspace_id.bytes + UUID_LENGTH
    after_occurred = _moment(received_at) + pack_length(1) + b"\1"
    yield HEADER
    for begin in range(0, len(lines), ROWS_SENT_AT_ONCE):
        parts: list[bytes] = []
        for line in lines[begin : begin + ROWS_SENT_AT_ONCE]:
            row_id, until_occurred, properties = line.row.packed
            parts += (
                row_id, before_subscriber, line.subscriber.key, UUID_LENGTH, line.definition_key,
                until_occurred, after_occurred, properties,
                pack_jsonb(len(line.effects) + 1, JSONB_VERSION), line.effects,
            )  # fmt: skip
        yield b"".join(parts)
    yield TRAILER


def _known(row: Sequence[Any], attributes: dict[str, Any] | None = None) -> Known:
    key, email_key, external_id, created_at, *texts = row
    return Known(bytes(key), email_key, external_id, created_at, tuple(texts), attributes)


def _text(text: str) -> bytes:
    encoded = text.encode()
    return pack_length(len(encoded)) + encoded


def _moment(moment: datetime) -> bytes:
    return pack_moment(8, (moment - EPOCH) // MICROSECOND)
