"""A request as both paths receive it, and the limits it is checked against."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache

from django.conf import settings

from events.intake.payloads import EventDraft, Limits, RejectedEvent
from subscribers.models import ApiKey, Workspace
from subscribers.services.consent.ledger import NOTHING_KNOWN, Circumstances
from subscribers.wire.payloads import Person


@cache
def current_limits() -> Limits:
    """Return the contract's limits, as this installation sets them; settings do not change."""
    return Limits(
        events=settings.MAX_EVENTS_PER_REQUEST,
        properties_bytes=settings.MAX_PROPERTIES_BYTES,
        attributes_bytes=settings.MAX_ATTRIBUTES_BYTES,
        definitions=settings.MAX_DEFINITIONS,
        history_after=settings.HISTORY_AFTER,
        oldest=settings.MAX_EVENT_AGE,
        furthest_ahead=settings.MAX_EVENT_LEAD,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestRequest:
    workspace: Workspace
    person: Person
    events: Sequence[EventDraft | RejectedEvent]
    limits: Limits
    now: datetime
    # Given if only the fast path's statement can check whether the key is still valid.
    unverified_key: ApiKey | None = None
    # Made with a test key: its enrollments send no mail.
    is_test: bool = False
    # For the consent ledger, if the request asks the person to confirm.
    circumstances: Circumstances = NOTHING_KNOWN

    @property
    def is_history(self) -> bool:
        """Tell whether all events that can be read are history, so that the request says nothing
        of the person's present.
        """
        return all(event.is_historical for event in self.events if isinstance(event, EventDraft))
