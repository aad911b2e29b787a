"""Records many events for many people: one transaction for each stretch about one person.

Events keep the order of the request, even if two identities turn out to be the same person.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from events.intake.payloads import EventDraft, Limits, RejectedEvent
from events.services.database_faults import Unavailable
from events.services.ingestion import ingest, metrics
from events.services.ingestion.recording import Failed, Outcome, reject
from events.services.ingestion.request import IngestRequest
from subscribers.models import Workspace
from subscribers.services.audience.subscribers import IdentityConflict, SubscriberNotFound
from subscribers.services.consent.ledger import NOTHING_KNOWN, Circumstances
from subscribers.wire.payloads import InvalidRequest, Person


@dataclass(frozen=True, slots=True)
class PersonEvent:
    """One event and the person who did it."""

    person: Person
    event: EventDraft


@dataclass(frozen=True, slots=True)
class ImportResult:
    """One outcome an event, in order; `identities` counts the distinct ones."""

    outcomes: Sequence[Outcome]
    identities: int


def record(
    *,
    workspace: Workspace,
    events: Sequence[PersonEvent | RejectedEvent],
    limits: Limits,
    now: datetime,
    is_test: bool = False,
    circumstances: Circumstances = NOTHING_KNOWN,
) -> ImportResult:
    """Record the events; a later failure does not undo the earlier ones.

    Safe to repeat: every event has an `event_id`. Raises `Unavailable` if the database did not
    answer before anything was recorded.
    """
    outcomes: list[Outcome] = []
    identities: set[tuple[str | None, str | None]] = set()
    for _, group in groupby(events, key=_identity):
        stretch = list(group)
        first = stretch[0]
        if isinstance(first, RejectedEvent):
            rejected = [reject(each) for each in stretch if isinstance(each, RejectedEvent)]
            metrics.note_outcomes(rejected)
            outcomes += rejected
            continue
        identities.add(first.person.identity)
        drafts = [each.event for each in stretch if isinstance(each, PersonEvent)]
        request = IngestRequest(
            workspace=workspace,
            person=first.person,
            events=drafts,
            limits=limits,
            now=now,
            is_test=is_test,
            circumstances=circumstances,
        )
        outcomes += _record_stretch(request, is_first=not outcomes)
    return ImportResult(outcomes=tuple(outcomes), identities=len(identities))


def _identity(each: PersonEvent | RejectedEvent) -> tuple[str | None, str | None] | None:
    return each.person.identity if isinstance(each, PersonEvent) else None


def _record_stretch(request: IngestRequest, *, is_first: bool) -> Sequence[Outcome]:
    try:
        return ingest.record(request).outcomes
    except ingest.NothingRecorded as error:
        return error.outcomes
    except Unavailable as error:
        if is_first:
            raise
        return _all_failed(request, error.code, str(error))
    except (IdentityConflict, SubscriberNotFound, InvalidRequest) as error:
        return _all_failed(request, error.code, str(error))


def _all_failed(request: IngestRequest, code: str, message: str) -> Sequence[Outcome]:
    failed = [
        Failed(name=each.name, code=code, field="", message=message) for each in request.events
    ]
    metrics.note_outcomes(failed)
    return failed
