"""The short way for most requests: known names, nothing out of the ordinary, few statements.

`record` looks at the request and at what the process remembers; `Write.plan` decides in memory what
follows from the events; the statements store it, on PostgreSQL by one of three ways:

1. a known person, and nothing that can follow: one guarded statement in autocommit;
2. a person who is new: one statement in autocommit that creates everything, or nothing;
3. otherwise a short transaction: lock the person, read their tags, plan, write.

The guard is in the statement itself: the workspace's `config_version` (rules, lists, settings are
as remembered), the API key, the identity. When it finds nobody, or an event that is there already,
or fails, the reference path (`events.services.ingest`) does the request with the same planned ids,
so that nothing is written twice.
"""

from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any

from django.db import DatabaseError, connection, transaction

from events.payloads import EventDraft
from events.services import remembered
from events.services.database_faults import REQUEST_FAULTS
from events.services.fast_path.postgresql import WriteToPostgreSQL
from events.services.fast_path.sqlite import WriteToSQLite
from events.services.fast_path.work import Done, PlannedIds, Refusal, Refused, Work, plan_ids

__all__ = ["Done", "PlannedIds", "Refusal", "Work", "plan_ids", "record"]


def record(work: Work) -> Done | Refusal:
    """Store the request, or say why not."""
    drafts = work.drafts()
    if not _is_ordinary([draft for _, draft in drafts]):
        return Refusal.NOT_PLAIN
    names = {draft.name for _, draft in drafts}
    try:
        known = remembered.of(work.workspace, names=names)
        if known is None:
            return Refusal.NOT_PLAIN
        write = WriteToPostgreSQL if connection.vendor == "postgresql" else WriteToSQLite
        with _savepoint_inside_a_transaction():
            return write(work, known, drafts).record(is_plain=known.has_no_effects(names))
    except Refused as refused:
        return refused.refusal
    except REQUEST_FAULTS:
        return Refusal.CONNECTION_LOST
    except (DatabaseError, OverflowError):
        # Such as a definition that is gone: what is remembered may be wrong.
        remembered.forget(work.workspace.pk)
        return Refusal.FAILED


def _is_ordinary(drafts: Sequence[EventDraft]) -> bool:
    """Tell whether there is an event, none is history, and none repeats another."""
    if not drafts or any(draft.is_historical for draft in drafts):
        return False
    identified = [(draft.name, draft.event_id) for draft in drafts if draft.event_id is not None]
    return len(identified) == len(set(identified))


def _savepoint_inside_a_transaction() -> Any:  # noqa: ANN401 - one of two context managers
    """Keep a transaction that surrounds the request usable when a statement fails."""
    return transaction.atomic() if connection.in_atomic_block else nullcontext()
