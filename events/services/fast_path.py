"""The short way for most requests: a known person, known names, nothing that follows.

One guarded statement finds the person and inserts the events. The guard is in the statement itself:
the workspace's `config_version`, the identity, and that names and attributes would stay as they
are. When it finds nobody, or an event that is there already, or fails, the reference path
(`events.services.ingest`) does the request with the same planned ids, so that nothing is
written twice. No lock: what changes one person's tags or lists does not come this way.
"""

import json
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto
from typing import Any
from uuid import UUID

import msgspec
from django.db import DatabaseError, connection, transaction

from events.payloads import EventDraft, RejectedEvent
from events.services import remembered
from events.services.database_faults import REQUEST_FAULTS
from events.services.remembered import Remembered
from subscribers import json_gate
from subscribers.models import Subscriber, Workspace
from subscribers.payloads import Person
from subscribers.services.subscribers import merge_attributes

# `{guard}` is made of the conditions below. A repeat leaves a row out, which the caller counts.
INSERT_EVENTS_OF_KNOWN_PERSON = """
WITH person AS (
    SELECT s.id, s.email, s.external_id
    FROM subscribers_subscriber s
    JOIN subscribers_workspace w ON w.id = s.workspace_id
    WHERE w.id = %(workspace)s AND w.config_version = %(config_version)s AND {guard}
), inserted AS (
    INSERT INTO events_event (
        id, workspace_id, subscriber_id, definition_id, event_id, occurred_at, received_at,
        is_historical, properties, effects)
    SELECT e.id, %(workspace)s, person.id, e.definition, e.event_id, e.occurred_at, %(now)s,
        false, e.properties, '{{}}'::jsonb
    FROM person, jsonb_to_recordset(%(events)s::jsonb) AS e (
        id uuid, definition uuid, event_id text, occurred_at timestamptz, properties jsonb)
    ON CONFLICT (subscriber_id, definition_id, event_id) WHERE event_id IS NOT NULL DO NOTHING
    RETURNING 1
)
SELECT id, email, external_id, (SELECT count(*) FROM inserted) FROM person
"""
FIND_KNOWN_PERSON = """
SELECT s.id, s.email, s.external_id, s.attributes
FROM subscribers_subscriber s
JOIN subscribers_workspace w ON w.id = s.workspace_id
WHERE w.id = %(workspace)s AND w.config_version = %(config_version)s AND {guard}
"""
INSERT_EVENT = """
INSERT INTO events_event (
    id, workspace_id, subscriber_id, definition_id, event_id, occurred_at, received_at,
    is_historical, properties, effects)
VALUES (%s, %s, %s, %s, %s, %s, %s, false, %s, '{}')
ON CONFLICT (subscriber_id, definition_id, event_id) WHERE event_id IS NOT NULL DO NOTHING
"""
# Somebody pending may have to be asked again: the reference path knows when.
GUARD_STATUS = "s.status <> 'pending'"
GUARD_EMAIL = "s.email_key = %(email_key)s"
GUARD_EXTERNAL_ID = "s.external_id = %(external_id)s"
GUARD_FIRST_NAME = "s.first_name <> ''"
GUARD_LAST_NAME = "s.last_name <> ''"
GUARD_ATTRIBUTES = "s.attributes || %(attributes)s::jsonb = s.attributes"


class Refusal(Enum):
    """Why a request takes the long way."""

    NOT_PLAIN = auto()
    # The statement inserted nothing.
    NOT_FOUND = auto()
    # Some of the events, or all, may be stored under their planned ids.
    REPEATED = auto()
    FAILED = auto()
    CONNECTION_LOST = auto()

    @property
    def may_have_written(self) -> bool:
        """Whether events may be stored under their planned ids."""
        return self in {Refusal.REPEATED, Refusal.CONNECTION_LOST}


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainWork:
    """A request that nothing can follow from, as the statement takes it."""

    workspace: Workspace
    person: Person
    known: Remembered
    drafts: Sequence[tuple[UUID, EventDraft]]
    now: datetime


def record(
    *,
    workspace: Workspace,
    person: Person,
    events: Sequence[EventDraft | RejectedEvent],
    planned_ids: Sequence[UUID],
    now: datetime,
) -> Subscriber | Refusal:
    """Insert the events under their planned ids and return the person, or say why not."""
    drafts = [
        (planned_id, event)
        for planned_id, event in zip(planned_ids, events, strict=True)
        if isinstance(event, EventDraft)
    ]
    if not _may_be_plain(person, [draft for _, draft in drafts]):
        return Refusal.NOT_PLAIN
    names = {draft.name for _, draft in drafts}
    try:
        known = remembered.of(workspace, names=names)
        if known is None or not known.has_no_effects(names):
            return Refusal.NOT_PLAIN
        work = PlainWork(workspace=workspace, person=person, known=known, drafts=drafts, now=now)
        with _savepoint_inside_a_transaction():
            return _insert_postgresql(work) if _is_postgresql() else _insert_sqlite(work)
    except REQUEST_FAULTS:
        return Refusal.CONNECTION_LOST
    except (DatabaseError, OverflowError):
        # Such as a definition that is gone: what is remembered may be wrong.
        remembered.forget(workspace.pk)
        return Refusal.FAILED


def _may_be_plain(person: Person, drafts: Sequence[EventDraft]) -> bool:
    if not drafts or any(draft.is_historical for draft in drafts):
        return False
    if any(value is None for value in person.attributes.values()):
        return False
    identified = [(draft.name, draft.event_id) for draft in drafts if draft.event_id is not None]
    return len(identified) == len(set(identified))


def _guard(person: Person) -> str:
    conditions = [GUARD_STATUS]
    if person.email:
        conditions.append(GUARD_EMAIL)
    if person.external_id is not None:
        conditions.append(GUARD_EXTERNAL_ID)
    if person.first_name:
        conditions.append(GUARD_FIRST_NAME)
    if person.last_name:
        conditions.append(GUARD_LAST_NAME)
    if person.attributes and _is_postgresql():
        conditions.append(GUARD_ATTRIBUTES)
    return " AND ".join(conditions)


def _who(work: PlainWork) -> dict[str, Any]:
    person = work.person
    return {
        "workspace": _adapted(work.workspace.pk),
        "config_version": work.known.config_version,
        "email_key": person.email.key if person.email else None,
        "external_id": person.external_id,
    }


def _insert_postgresql(work: PlainWork) -> Subscriber | Refusal:
    """One statement in autocommit: all of it is stored, or nothing."""
    events = [
        {
            "id": planned_id,
            "definition": work.known.definition_ids[draft.name],
            "event_id": draft.event_id,
            "occurred_at": draft.occurred_at,
            "properties": draft.properties,
        }
        for planned_id, draft in work.drafts
    ]
    parameters = {
        **_who(work),
        "attributes": msgspec.json.encode(work.person.attributes).decode(),
        "events": msgspec.json.encode(events).decode(),
        "now": work.now,
    }
    statement = INSERT_EVENTS_OF_KNOWN_PERSON.format(guard=_guard(work.person))
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        row = cursor.fetchone()
    if row is None:
        return Refusal.NOT_FOUND
    subscriber_id, email, external_id, inserted = row
    if inserted < len(events):
        return Refusal.REPEATED
    return Subscriber(id=subscriber_id, email=email, external_id=external_id)


def _insert_sqlite(work: PlainWork) -> Subscriber | Refusal:
    """A look and the inserts in one short transaction; nobody else writes meanwhile."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(FIND_KNOWN_PERSON.format(guard=_guard(work.person)), _who(work))
        row = cursor.fetchone()
        if row is None:
            return Refusal.NOT_FOUND
        subscriber_id, email, external_id, attributes = row
        stored = json.loads(attributes)
        if not json_gate.is_same(merge_attributes(stored, work.person.attributes), stored):
            return Refusal.NOT_FOUND
        workspace_id, received_at = _adapted(work.workspace.pk), _adapted_time(work.now)
        cursor.executemany(
            INSERT_EVENT,
            [
                (
                    planned_id.hex,
                    workspace_id,
                    subscriber_id,
                    work.known.definition_ids[draft.name].hex,
                    draft.event_id,
                    _adapted_time(draft.occurred_at),
                    received_at,
                    json.dumps(draft.properties),
                )
                for planned_id, draft in work.drafts
            ],
        )
        if cursor.rowcount < len(work.drafts):
            return Refusal.REPEATED
    return Subscriber(id=UUID(subscriber_id), email=email, external_id=external_id)


def _savepoint_inside_a_transaction() -> Any:  # noqa: ANN401 - one of two context managers
    """Keep a transaction that surrounds the request usable when the statement fails."""
    return transaction.atomic() if connection.in_atomic_block else nullcontext()


def _is_postgresql() -> bool:
    return connection.vendor == "postgresql"


def _adapted(row_id: UUID) -> UUID | str:
    return row_id if connection.features.has_native_uuid_field else row_id.hex


def _adapted_time(moment: datetime) -> Any:  # noqa: ANN401 - what the driver takes
    return connection.ops.adapt_datetimefield_value(moment)
