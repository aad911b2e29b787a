"""The attempt to record a request by the fast path.

`Write.plan` decides in memory what follows from the events; the statements store it. On PostgreSQL:

1. a known person, no possible effects: one guarded statement in autocommit;
2. a new person: one statement in autocommit that creates everything, or nothing;
3. a known person whose tags decide: read them, plan, and write in one statement if the tags are
   unchanged (`tags_version`);
4. otherwise, and where enrollments decide, a short transaction: lock the person, read their tags
   and enrollments, plan, write.

Each statement contains the guard: the workspace's `config_version` (rules, lists and settings are
as remembered), the API key, the identity. If it finds nobody or an event that exists already, or
fails, the reference path records the request with the same planned ids: nothing is written twice.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext

from django.db import DatabaseError, connection, transaction

from events.intake.payloads import EventDraft
from events.services.configuration import remembered
from events.services.database_faults import REQUEST_FAULTS
from events.services.ingestion.fast_path.postgresql import WriteToPostgreSQL
from events.services.ingestion.fast_path.sqlite import WriteToSQLite
from events.services.ingestion.fast_path.work import PlannedIds, Refusal, RolledBack, StoredEvents
from events.services.ingestion.request import IngestRequest


def record(request: IngestRequest, planned: PlannedIds) -> StoredEvents | Refusal:
    drafts = [
        (planned_id, event)
        for planned_id, event in zip(planned.events, request.events, strict=True)
        if isinstance(event, EventDraft)
    ]
    if not _is_ordinary([draft for _, draft in drafts]):
        return Refusal.NOT_PLAIN
    names = {draft.name for _, draft in drafts}
    try:
        known = remembered.of(request.workspace, names=names)
        if known is None:
            return Refusal.NOT_PLAIN
        write = WriteToPostgreSQL if connection.vendor == "postgresql" else WriteToSQLite
        is_plain = known.has_no_effects(names)
        with _savepoint_inside_a_transaction():
            return write(request, planned, drafts=drafts, known=known, is_plain=is_plain).record()
    except RolledBack as refused:
        return refused.refusal
    except REQUEST_FAULTS:
        return Refusal.CONNECTION_LOST
    except (DatabaseError, OverflowError):
        # For example a deleted definition: what is remembered may be wrong.
        remembered.forget(request.workspace.pk)
        return Refusal.FAILED


def _is_ordinary(drafts: Sequence[EventDraft]) -> bool:
    """Tell whether there is an event, none is historical, and none repeats another."""
    identified = [(draft.name, draft.event_id) for draft in drafts if draft.event_id is not None]
    return (
        bool(drafts)
        and len(identified) == len(set(identified))
        and not any([draft.is_historical for draft in drafts])  # noqa: C419 - a generator is slower
    )


def _savepoint_inside_a_transaction() -> AbstractContextManager[object]:
    """Keep a transaction that surrounds the request usable when a statement fails."""
    return transaction.atomic() if connection.in_atomic_block else nullcontext()
