"""A request as both paths receive it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from events.intake.payloads import EventDraft, Limits, RejectedEvent
from subscribers.models import ApiKey, Workspace
from subscribers.services.consent.ledger import NOTHING_KNOWN, Circumstances
from subscribers.wire.payloads import Person


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
