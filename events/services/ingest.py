"""Takes in one request: many events for one person, in one transaction.

Order of locks: the workspace's row when names are new, then the subscriber. A request that the
database gave up for another is done again from its start; a connection that breaks during the
commit is looked up. No network but the database's.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import DatabaseError, InterfaceError, connection, transaction

from events.models import Event
from events.payloads import EventDraft, Limits, RejectedEvent
from events.services import definitions, fast_path, ingest_metrics
from events.services.database_faults import (
    REQUEST_FAULTS,
    OutcomeUnknown,
    Unavailable,
    brief,
    check_constraints_at_once,
    is_passing,
)
from events.services.recording import Failed, Outcome, Recorded, Recorder, reject
from subscribers.ids import new_id
from subscribers.models import Subscriber, Workspace
from subscribers.payloads import Person
from subscribers.services import connections, lists, subscribers

logger = logging.getLogger("cueline.ingest")

# Deadlocks pass when the work is done again; three in a row mean something else.
ATTEMPTS = 4
BROKEN_COMMIT = "The connection to the database broke during the commit; send the request again."


class NothingRecorded(ValueError):
    """Every event failed, so nothing at all was written; `outcomes` say why, in order."""

    def __init__(self, outcomes: Sequence[Failed]) -> None:
        self.outcomes = outcomes
        super().__init__("Every event failed.")

    @property
    def is_our_fault(self) -> bool:
        return any(outcome.is_our_fault for outcome in self.outcomes)


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestRequest:
    """What is to be recorded, for whom, by what limits."""

    workspace: Workspace
    person: Person
    events: Sequence[EventDraft | RejectedEvent]
    limits: Limits
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestResult:
    """What became of a request: the subscriber as stored, and one outcome an event, in order."""

    subscriber: Subscriber
    is_created: bool
    outcomes: Sequence[Outcome]

    @property
    def is_complete(self) -> bool:
        return not any(isinstance(outcome, Failed) for outcome in self.outcomes)


@dataclass(slots=True)
class _Attempt:
    """How far one attempt got: a result without a commit may or may not be stored."""

    result: IngestResult | None = None
    backend: int | None = None


def record(
    request: IngestRequest, *, before_commit: Callable[[IngestResult], None] | None = None
) -> IngestResult:
    """Record the events; `before_commit` runs in the same transaction, once the outcome is known.

    Raises `IdentityConflict`, `SubscriberNotFound`, `InvalidRequest`, `NothingRecorded` (nothing
    written), `Unavailable` (nothing written) and `OutcomeUnknown`. Safe to repeat where events have
    an `event_id`.
    """
    planned_ids = [new_id() for _ in request.events]
    may_be_stored: Sequence[UUID] = ()
    cause = "kept_answer"
    if before_commit is None:
        attempt = _record_fast(request, planned_ids)
        if isinstance(attempt, IngestResult):
            ingest_metrics.note_path("fast")
            ingest_metrics.note_outcomes(attempt.outcomes)
            return attempt
        cause = attempt.name.lower()
        may_be_stored = planned_ids if attempt.may_have_written else ()
    ingest_metrics.note_path("reference", cause=cause)
    try:
        result = _record_by_reference(request, planned_ids, may_be_stored, before_commit)
    except OutcomeUnknown:
        raise
    except Unavailable as error:
        if may_be_stored:
            raise OutcomeUnknown(BROKEN_COMMIT) from error
        raise
    ingest_metrics.note_outcomes(result.outcomes)
    return result


def _record_fast(
    request: IngestRequest, planned_ids: Sequence[UUID]
) -> IngestResult | fast_path.Refusal:
    outcome = fast_path.record(
        workspace=request.workspace,
        person=request.person,
        events=request.events,
        planned_ids=planned_ids,
        now=request.now,
    )
    if isinstance(outcome, Subscriber):
        return _plain_result(request, outcome, planned_ids)
    if outcome is fast_path.Refusal.CONNECTION_LOST:
        connections.renew()
    return outcome


def _record_by_reference(
    request: IngestRequest,
    planned_ids: Sequence[UUID],
    may_be_stored: Sequence[UUID],
    before_commit: Callable[[IngestResult], None] | None,
) -> IngestResult:
    for remaining in reversed(range(ATTEMPTS)):
        attempt = _Attempt()
        try:
            with transaction.atomic():
                attempt.backend = connections.backend()
                result = _take_in(request, planned_ids, may_be_stored)
                if before_commit:
                    before_commit(result)
                attempt.result = result
        except REQUEST_FAULTS as error:
            if attempt.result and _was_committed(attempt.result, attempt.backend):
                return attempt.result
            if not (is_passing(error) and remaining and not connection.in_atomic_block):
                logger.warning("The database failed a request: %s", brief(error))
                raise Unavailable("The database is not available; nothing was recorded.") from error
        else:
            return result
    raise AssertionError("The last attempt returns or raises.")


def preview(request: IngestRequest) -> IngestResult:
    """Return what `record` would, computed in a transaction that is rolled back."""
    try:
        with transaction.atomic():
            result = _take_in(request, [new_id() for _ in request.events])
            transaction.set_rollback(True)
    except REQUEST_FAULTS as error:
        raise Unavailable("The database is not available; nothing was recorded.") from error
    return result


def _take_in(
    request: IngestRequest, planned_ids: Sequence[UUID], may_be_stored: Sequence[UUID] = ()
) -> IngestResult:
    """Do what a request does, in the order that the contract gives."""
    check_constraints_at_once()
    drafts = [event for event in request.events if isinstance(event, EventDraft)]
    known = definitions.ensure(
        workspace=request.workspace,
        names=[draft.name for draft in drafts],
        limit=request.limits.definitions,
        now=request.now,
    )
    located = subscribers.find_or_create(
        workspace=request.workspace, person=request.person, now=request.now
    )
    subscriber = located.subscriber
    if located.is_created:
        if subscriber.status == Subscriber.Status.ACTIVE:
            lists.join_default_lists(subscriber=subscriber, now=request.now)
    else:
        subscribers.complete(
            subscriber=subscriber,
            person=request.person,
            attributes_bytes=request.limits.attributes_bytes,
            now=request.now,
        )
    recorder = Recorder(
        subscriber=subscriber,
        is_new=located.is_created,
        definitions=known,
        drafts=drafts,
        limit=request.limits.definitions,
        now=request.now,
        may_be_stored=may_be_stored,
    )
    outcomes = [
        recorder.record(event, planned_id=planned_id)
        for event, planned_id in zip(request.events, planned_ids, strict=True)
    ]
    failures = [outcome for outcome in outcomes if isinstance(outcome, Failed)]
    if len(failures) == len(outcomes):
        raise NothingRecorded(failures)
    definitions.drop_unused(made=recorder.unused_definitions())
    if recorder.oldest_history is not None:
        subscriber.move_creation_back(to=recorder.oldest_history)
    return IngestResult(
        subscriber=subscriber, is_created=located.is_created, outcomes=tuple(outcomes)
    )


def _plain_result(
    request: IngestRequest, subscriber: Subscriber, planned_ids: Sequence[UUID]
) -> IngestResult:
    """Return the result of a request that the fast path recorded: new events without effects."""
    outcomes: list[Outcome] = [
        reject(event)
        if isinstance(event, RejectedEvent)
        else Recorded(
            id=planned_id,
            name=event.name,
            occurred_at=event.occurred_at,
            is_duplicate=False,
            is_historical=False,
            is_definition_created=False,
            failed_stages=(),
            effects={},
        )
        for event, planned_id in zip(request.events, planned_ids, strict=True)
    ]
    return IngestResult(subscriber=subscriber, is_created=False, outcomes=outcomes)


def _was_committed(result: IngestResult, backend: int | None) -> bool:
    """Look the request's rows up on a new connection; raises `OutcomeUnknown` when that fails.

    Only a new event tells whether the transaction is there.
    """
    new_ids = [
        outcome.id
        for outcome in result.outcomes
        if isinstance(outcome, Recorded) and not outcome.is_duplicate
    ]
    try:
        connections.renew()
        is_over = backend is None or connections.has_ended(backend)
        if new_ids and is_over:
            return Event.objects.filter(pk=new_ids[0]).exists()
    except (DatabaseError, InterfaceError) as error:
        raise OutcomeUnknown(BROKEN_COMMIT) from error
    raise OutcomeUnknown(BROKEN_COMMIT)
