"""Replays a stored event as a new one of now: rules and triggers run again.

The new event goes the way of every request, so what decides about starts, mail and confirmations
is what decided the first time. Enrollments and mails of the first event stay as they are.
"""

from datetime import datetime
from uuid import UUID

from events.intake.payloads import EventDraft
from events.models import Enrollment, Event
from events.services.ingestion import ingest
from events.services.ingestion.ingest import IngestResult
from events.services.ingestion.outcomes import Recorded
from events.services.ingestion.request import IngestRequest, current_limits
from events.services.planning import effects
from subscribers.ids import decode
from subscribers.wire.addresses import Address
from subscribers.wire.payloads import Person

MARK = "replay:"


def foresee(*, event: Event, now: datetime) -> IngestResult:
    """Return what a replay would do, computed in a transaction that is rolled back.

    Raises what `ingest.preview` does.
    """
    return ingest.preview(_request(event, token=None, now=now))


def replay(*, event: Event, token: UUID, now: datetime) -> Recorded:
    """Record the event again, as of now; a second call with the same token changes nothing.

    The new event's `event_id` names the replayed event. Raises what `ingest.record` does.
    """
    outcome = ingest.record(_request(event, token=token, now=now)).outcomes[0]
    assert isinstance(outcome, Recorded)  # noqa: S101 - a failed event alone raises
    return outcome


def original_of(event: Event) -> UUID | None:
    """Return the id of the event that this one replays, as its `event_id` has it."""
    mark, _, rest = (event.event_id or "").partition(":")
    return decode("evt", rest.partition(":")[0]) if f"{mark}:" == MARK else None


def _request(event: Event, *, token: UUID | None, now: datetime) -> IngestRequest:
    person = event.subscriber
    draft = EventDraft(
        name=event.definition.name,
        properties=event.properties,
        occurred_at=now,
        event_id=f"{MARK}{event.public_id}:{token.hex}" if token else None,
        is_historical=False,
    )
    return IngestRequest(
        workspace=event.workspace,
        person=Person(
            email=Address(text=person.email, key=person.email_key), external_id=None, attributes={}
        ),
        events=[draft],
        limits=current_limits(),
        now=now,
        is_test=_came_with_test_key(event),
    )


def _came_with_test_key(event: Event) -> bool:
    """Tell whether the event's own enrollments send no mail: then the replay's send none either."""
    started = Enrollment.objects.filter(started_by=event, is_test=True)
    return effects.is_of_test(event.effects) or started.exists()
