"""Records many events for many people: one transaction for each stretch about one person, of live
events or of history.

Events keep the order of the request, even if two identities turn out to be the same person.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import groupby

from django.db import transaction

from events.intake.payloads import EventDraft, Limits, RejectedEvent
from events.services.database_faults import REQUEST_FAULTS, Unavailable
from events.services.ingestion import ingest, metrics
from events.services.ingestion.recording import Failed, Outcome, reject
from events.services.ingestion.request import IngestRequest
from subscribers.models import Workspace
from subscribers.services.audience import subscribers
from subscribers.services.audience.subscribers import IdentityConflict, SubscriberNotFound
from subscribers.services.consent.ledger import NOTHING_KNOWN, Circumstances
from subscribers.wire.payloads import InvalidRequest, Person


@dataclass(frozen=True, slots=True)
class PersonEvent:
    person: Person
    event: EventDraft


@dataclass(frozen=True, slots=True)
class ImportResult:
    """One outcome an event, in order; `identities` counts the distinct ones."""

    outcomes: Sequence[Outcome]
    identities: int
    # What was recorded, by the index of the first of one person's events.
    results: Mapping[int, ingest.IngestResult]
    # The failures that only this import knows of.
    not_tried: Sequence[Failed] = ()
    # By the index of an event: its attributes that an earlier event of history filled otherwise.
    kept_attributes: Mapping[int, Sequence[str]] = field(default_factory=dict)


RecordOne = Callable[[IngestRequest], ingest.IngestResult]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportRequest:
    workspace: Workspace
    events: Sequence[PersonEvent | RejectedEvent]
    limits: Limits
    now: datetime
    is_test: bool = False
    circumstances: Circumstances = NOTHING_KNOWN


def record(request: ImportRequest) -> ImportResult:
    """Record the events; a later failure does not undo the earlier ones.

    Safe to repeat: every event has an `event_id`. Raises `Unavailable` if the database did not
    answer before anything was recorded.
    """
    result = _record_all(request, ingest.record)
    metrics.note_outcomes(result.not_tried)
    return result


def preview(request: ImportRequest) -> ImportResult:
    """Return what `record` would, computed in one transaction that is rolled back.

    It locks the workspace and everybody named first: stretches follow the order of the request.
    """
    workspace = request.workspace
    people = [each.person for each in request.events if isinstance(each, PersonEvent)]
    try:
        with transaction.atomic():
            Workspace.objects.select_for_update(no_key=True).get(pk=workspace.pk)
            subscribers.lock_all(workspace=workspace, people=people)
            result = _record_all(request, ingest.try_out)
            transaction.set_rollback(True)
    except REQUEST_FAULTS as error:
        raise Unavailable("The database is not available; nothing was recorded.") from error
    return result


def _record_all(request: ImportRequest, record_one: RecordOne) -> ImportResult:
    outcomes: list[Outcome] = []
    not_tried: list[Failed] = []
    results: dict[int, ingest.IngestResult] = {}
    kept_attributes: dict[int, Sequence[str]] = {}
    identities: set[tuple[str | None, str | None]] = set()
    for _, group in groupby(request.events, key=_stretch):
        stretch = list(group)
        theirs = [each for each in stretch if isinstance(each, PersonEvent)]
        if not theirs:
            failed = [reject(each) for each in stretch if isinstance(each, RejectedEvent)]
            not_tried += failed
            outcomes += failed
            continue
        person = _merged(theirs)
        identities.add(person.identity)
        work = IngestRequest(
            workspace=request.workspace,
            person=person,
            events=[each.event for each in theirs],
            limits=request.limits,
            now=request.now,
            is_test=request.is_test,
            circumstances=request.circumstances,
        )
        try:
            recorded = record_one(work)
            results[len(outcomes)] = recorded
            if work.is_history:
                kept_attributes |= {
                    index: subscribers.kept_attributes(stored=person.attributes, person=each.person)
                    for index, each in enumerate(theirs, start=len(outcomes))
                }
            outcomes += recorded.outcomes
        except ingest.NothingRecorded as error:
            outcomes += error.outcomes
        except (Unavailable, IdentityConflict, SubscriberNotFound, InvalidRequest) as error:
            if isinstance(error, Unavailable) and not results:
                raise
            failed = [
                Failed(name=each.event.name, code=error.code, field="", message=str(error))
                for each in theirs
            ]
            not_tried += failed
            outcomes += failed
    return ImportResult(
        outcomes=tuple(outcomes),
        identities=len(identities),
        results=results,
        not_tried=not_tried,
        kept_attributes=kept_attributes,
    )


def _merged(stretch: Sequence[PersonEvent]) -> Person:
    """Return one person's fields of several events: the first text, and the last attribute, of
    history the first.
    """
    merged = stretch[0].person
    for each in stretch[1:]:
        earlier, later = merged.attributes, each.person.attributes
        if each.event.is_historical:
            later = {key: later[key] for key in later if earlier.get(key) is None}
        merged = replace(
            merged,
            texts={**each.person.texts, **merged.texts},
            attributes={**earlier, **later},
            resubscribes=merged.resubscribes or each.person.resubscribes,
        )
    return merged


def _stretch(each: PersonEvent | RejectedEvent) -> tuple[object, ...]:
    """Return what the events of a stretch have in common: history says nothing of the present."""
    if isinstance(each, RejectedEvent):
        return ()
    return (each.person.identity, each.event.is_historical)
