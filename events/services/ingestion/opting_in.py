"""Asks somebody pending to confirm, once a request, after all of its events.

Whether a mail is sent is for `confirmations` to say: limits, suppressions, test keys.
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
    """The person has to confirm; and whether this request queued a mail that asks them to."""

    is_email_queued: bool


def follow_up(
    *,
    subscriber: Subscriber,
    is_created: bool,
    outcomes: Sequence[Outcome],
    request: IngestRequest,
) -> OptIn | None:
    """Ask where the request has a new live event; None for who is not asked anything.

    History alone asks nobody, but somebody new has an open question then. The caller holds the
    subscriber's lock and has read the row under it. Locks: the count of the mailbox.
    """
    if subscriber.status != Subscriber.Status.PENDING:
        return None
    # As it was read with the key, which is read anew once a setting has changed.
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
    for outcome in outcomes:
        if not isinstance(outcome, Recorded):
            continue
        if not outcome.is_historical and not outcome.is_duplicate:
            return outcome.id
    return None
