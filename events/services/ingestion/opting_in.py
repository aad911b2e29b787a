"""Asks a pending person to confirm, once a request, after all of its events.

`confirmations` decides whether a mail is sent: limits, suppressions, test keys.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from events.services.ingestion.outcomes import Outcome, Recorded
from events.services.ingestion.request import IngestRequest
from subscribers.models import Subscriber
from subscribers.services.consent import confirmations


@dataclass(frozen=True, slots=True)
class OptIn:
    """The person has to confirm; whether this request queued a confirmation mail."""

    is_email_queued: bool


def follow_up(
    *, subscriber: Subscriber, is_created: bool, outcomes: Sequence[Outcome], request: IngestRequest
) -> OptIn | None:
    """Ask for confirmation if the request has a new live event; None if the person need not
    confirm.

    Historical events alone queue no mail, but a new person gets an open confirmation. The caller
    holds the subscriber's lock and has read the row under it. Locks: the count of the mailbox.
    """
    if subscriber.status != Subscriber.Status.PENDING:
        return None
    # As read with the key, which is read again after a change of settings.
    subscriber.workspace = request.workspace
    live_id = _first_new_live_event(outcomes)
    circumstances = replace(request.circumstances, event_id=live_id)
    if live_id is not None:
        asked = confirmations.ask(
            subscriber=subscriber,
            circumstances=circumstances,
            now=request.now,
            is_test=request.is_test,
        )
        return OptIn(is_email_queued=asked.is_queued)
    if not is_created:
        return None
    confirmations.open_question(subscriber=subscriber, circumstances=circumstances, now=request.now)
    return OptIn(is_email_queued=False)


def _first_new_live_event(outcomes: Sequence[Outcome]) -> UUID | None:
    recorded = (each for each in outcomes if isinstance(each, Recorded))
    return next((each.id for each in recorded if not each.is_historical | each.is_duplicate), None)
