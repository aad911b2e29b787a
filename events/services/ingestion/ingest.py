"""Records one request: many events for one person, in one transaction.

Order of locks: the workspace's row if names are new, then the subscriber. If the database aborts
the transaction in favor of another, the request starts again. If the connection breaks during the
commit, a new one looks for the events. No network but the database's.
See .github/decisions/savepoint-per-event.md.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from django.db import DatabaseError, InterfaceError, connection, transaction

from config.retries import REQUEST_ATTEMPTS
from events.intake.payloads import EventDraft, RejectedEvent
from events.models import Event
from events.services.database_faults import (
    REQUEST_FAULTS,
    OutcomeUnknown,
    Unavailable,
    brief,
    check_constraints_at_once,
)
from events.services.ingestion import definitions, fast_path, metrics, opting_in
from events.services.ingestion.opting_in import OptIn
from events.services.ingestion.outcomes import Notes, notes_of
from events.services.ingestion.recording import Failed, Outcome, Recorded, Recorder, reject
from events.services.ingestion.request import IngestRequest
from subscribers.models import Subscriber
from subscribers.services.audience import lists, subscribers
from subscribers.services.storage import connections

logger = logging.getLogger("cueline.ingest")

BROKEN_COMMIT = "The connection to the database broke during the commit; send the request again."


class NothingRecorded(ValueError):
    """Every event failed, so nothing was written; `outcomes` has the reasons, in order."""

    def __init__(self, outcomes: Sequence[Failed]) -> None:
        self.outcomes = outcomes
        super().__init__("Every event failed.")

    @property
    def is_our_fault(self) -> bool:
        return any(outcome.is_our_fault for outcome in self.outcomes)


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestResult:
    """The result of a request: the subscriber as stored, and one outcome an event, in order."""

    subscriber: Subscriber | subscribers.StoredIdentity
    is_created: bool
    outcomes: Sequence[Outcome]
    # None unless the person has to confirm, and is new or was due another confirmation mail.
    opt_in: OptIn | None = None
    notes: Notes | None = None

    @property
    def is_complete(self) -> bool:
        return not any(isinstance(outcome, Failed) for outcome in self.outcomes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """An attempt of the fast path that was given up, and the ids that it planned."""

    refusal: fast_path.Refusal
    planned: fast_path.PlannedIds

    @property
    def may_be_stored(self) -> Sequence[UUID]:
        return self.planned.events if self.refusal.may_have_written else ()


@dataclass(slots=True)
class _Transaction:
    """The progress of one transaction: a result without a commit may or may not be stored."""

    result: IngestResult | None = None
    backend: int | None = None


def record(
    request: IngestRequest,
    *,
    earlier: Attempt | None = None,
    before_commit: Callable[[IngestResult], None] | None = None,
) -> IngestResult:
    """Record the events; `before_commit` runs in the same transaction, once the outcome is known.

    `earlier` is what `record_fast` returned for this request. Raises `IdentityConflict`,
    `SubscriberNotFound`, `InvalidRequest`, `NothingRecorded` (nothing written), `Unavailable`
    (nothing written) and `OutcomeUnknown`. Safe to repeat where events have an `event_id`.
    """
    if earlier is None and before_commit is None:
        outcome = record_fast(request)
        if isinstance(outcome, IngestResult):
            return outcome
        earlier = outcome
    kept = fast_path.Refusal.KEPT_ANSWER
    attempt = earlier or Attempt(refusal=kept, planned=fast_path.plan_ids(request.events))
    metrics.note_reference_path(cause=attempt.refusal.name.lower())
    try:
        result = _record_by_reference(request, attempt, before_commit)
    except OutcomeUnknown:
        raise
    except NothingRecorded as error:
        metrics.note_outcomes(error.outcomes)
        raise
    except Unavailable as error:
        if attempt.may_be_stored:
            raise OutcomeUnknown(BROKEN_COMMIT) from error
        raise
    metrics.note_outcomes(result.outcomes)
    return result


def record_fast(request: IngestRequest) -> IngestResult | Attempt:
    """Record the events by the fast path, or return what `record` needs for the reference path."""
    planned = fast_path.plan_ids(request.events)
    outcome = fast_path.record(request, planned)
    if isinstance(outcome, fast_path.Refusal):
        if outcome is fast_path.Refusal.CONNECTION_LOST:
            connections.renew()
        return Attempt(refusal=outcome, planned=planned)
    result = _fast_result(request, outcome, planned)
    metrics.note_fast_path()
    failed = [event.code for event in request.events if isinstance(event, RejectedEvent)]
    metrics.note_recorded(recorded=len(request.events) - len(failed), failed=failed)
    return result


def _record_by_reference(
    request: IngestRequest, attempt: Attempt, before_commit: Callable[[IngestResult], None] | None
) -> IngestResult:
    for remaining in reversed(range(REQUEST_ATTEMPTS)):
        done = _Transaction()
        try:
            with transaction.atomic():
                done.backend = connections.backend()
                result = _take_in(request, attempt.planned, attempt.may_be_stored)
                if before_commit:
                    before_commit(result)
                done.result = result
        except REQUEST_FAULTS as error:
            if done.result and _was_committed(done.result, done.backend):
                return done.result
            if not (connections.is_passing(error) and remaining and not connection.in_atomic_block):
                logger.warning("The database failed a request: %s", brief(error))
                raise Unavailable("The database is not available; nothing was recorded.") from error
        else:
            return result
    raise AssertionError("The last attempt returns or raises.")


def preview(request: IngestRequest) -> IngestResult:
    """Return what `record` would, computed in a transaction that is rolled back."""
    try:
        with transaction.atomic():
            result = try_out(request)
            transaction.set_rollback(True)
    except REQUEST_FAULTS as error:
        raise Unavailable("The database is not available; nothing was recorded.") from error
    return result


def try_out(request: IngestRequest) -> IngestResult:
    """Do what `record` would inside the caller's transaction, which must be rolled back."""
    with transaction.atomic():
        return _take_in(request, fast_path.plan_ids(request.events), is_preview=True)


def _take_in(
    request: IngestRequest,
    planned: fast_path.PlannedIds,
    may_be_stored: Sequence[UUID] = (),
    *,
    is_preview: bool = False,
) -> IngestResult:
    check_constraints_at_once()
    now, person, limits = request.now, request.person, request.limits
    known = definitions.ensure(
        workspace=request.workspace,
        names=[event.name for event in request.events if isinstance(event, EventDraft)],
        limit=limits.definitions,
        now=now,
    )
    located = subscribers.find_or_create(
        workspace=request.workspace, person=person, now=now, planned_id=planned.subscriber
    )
    subscriber = located.subscriber
    is_history = request.is_history
    if not located.is_created:
        if is_history:
            absent = subscribers.absent_attributes(subscriber.attributes, person.attributes)
            person = replace(person, attributes=absent)
        subscribers.complete(
            subscriber=subscriber, person=person, attributes_bytes=limits.attributes_bytes, now=now
        )
    recorder = Recorder(
        subscriber=subscriber,
        is_new=located.is_created,
        definitions=known,
        request=request,
        may_be_stored=may_be_stored,
        is_preview=is_preview,
    )
    if located.is_created:
        is_held = subscriber.status == Subscriber.Status.PENDING
        joined = [] if is_held else lists.join_default_lists(subscriber=subscriber, now=now)
        recorder.enter(list_ids=joined)
    outcomes = [
        recorder.record(event, planned_id=planned_id)
        for event, planned_id in zip(request.events, planned.events, strict=True)
    ]
    failures = [outcome for outcome in outcomes if isinstance(outcome, Failed)]
    if len(failures) == len(outcomes):
        raise NothingRecorded(failures)
    definitions.drop_unused(made=recorder.unused_definitions())
    if recorder.oldest_history is not None:
        subscriber.move_creation_back(to=recorder.oldest_history)
    # Also if an earlier attempt, whose answer was lost, created the row.
    is_created = subscriber.pk == planned.subscriber
    opt_in = opting_in.follow_up(
        subscriber=subscriber, is_created=is_created, outcomes=outcomes, request=request
    )
    return IngestResult(
        subscriber=subscriber,
        is_created=is_created,
        outcomes=tuple(outcomes),
        opt_in=opt_in,
        notes=notes_of(
            kept_fields=_kept_fields(subscriber, request),
            kept_attributes=subscribers.kept_attributes(
                stored=subscriber.attributes, person=request.person
            )
            if is_history
            else (),
            alike_names=definitions.alike(
                workspace=request.workspace, made=known.made.keys() - recorder.undefined_names
            ),
            left_on=opting_in.left_on(subscriber=subscriber, outcomes=outcomes, request=request),
        ),
    )


def _kept_fields(subscriber: Subscriber, request: IngestRequest) -> list[str]:
    person = request.person
    is_other = person.email is not None and person.email.key != subscriber.email_key
    return [
        *(["email"] if is_other else []),
        *subscribers.kept_fields(stored=vars(subscriber), person=person),
    ]


def _fast_result(
    request: IngestRequest, done: fast_path.StoredEvents, planned: fast_path.PlannedIds
) -> IngestResult:
    """Return the result of a request that the fast path recorded: all of its events are new."""
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
            effects=done.effects.get(planned_id, {}),
        )
        for event, planned_id in zip(request.events, planned.events, strict=True)
    ]
    return IngestResult(
        subscriber=done.subscriber,
        is_created=done.subscriber.id == planned.subscriber,
        outcomes=outcomes,
        notes=done.notes,
    )


def _was_committed(result: IngestResult, backend: int | None) -> bool:
    """Look for the request's first new event on a new connection; raises `OutcomeUnknown`."""
    new_ids = [
        outcome.id
        for outcome in result.outcomes
        if isinstance(outcome, Recorded) and not outcome.is_duplicate
    ]
    try:
        connections.renew()
        is_over = backend is None or connections.has_ended(backend)
        is_stored = bool(new_ids) and Event.objects.filter(pk=new_ids[0]).exists()
        if new_ids and (is_stored or is_over):
            return is_stored
    except (DatabaseError, InterfaceError) as error:
        raise OutcomeUnknown(BROKEN_COMMIT) from error
    raise OutcomeUnknown(BROKEN_COMMIT)
