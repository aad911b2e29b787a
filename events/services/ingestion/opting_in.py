"""Asks a person who is pending, or left and is to be asked again, to confirm: once a request, after
all of its events.

`confirmations` decides whether a mail is sent: limits, suppressions, test keys.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from events.services.ingestion.outcomes import Outcome, Recorded
from events.services.ingestion.request import IngestRequest
from subscribers.models import Subscriber
from subscribers.services.consent import confirmations
from subscribers.services.outbox import brakes

HISTORICAL = "historical"
Status = Subscriber.Status


@dataclass(frozen=True, slots=True)
class OptIn:
    """The person has to confirm; whether this request queued a confirmation mail.

    `reason` says why no mail was queued, or why a queued one waits (`mail_paused`) or is skipped
    (`not_in_allow_list`); `retry_at` is when another request can queue one.
    """

    is_email_queued: bool
    reason: str = ""
    retry_at: datetime | None = None
    # The request asked for it, with `resubscribe`.
    is_coming_back: bool = False


def follow_up(
    *, subscriber: Subscriber, is_created: bool, outcomes: Sequence[Outcome], request: IngestRequest
) -> OptIn | None:
    """Ask for confirmation if the request has a new live event; None if the person need not
    confirm.

    Historical events alone queue no mail, but a new person gets an open confirmation. The caller
    holds the subscriber's lock and has read the row under it. Locks: the count of the mailbox.
    """
    is_pending = subscriber.status == Status.PENDING
    is_coming_back = request.person.resubscribes and subscriber.status != Status.ACTIVE
    if not (is_pending or is_coming_back):
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
        reason = asked.reason or _brake(subscriber)
        return OptIn(
            is_email_queued=asked.is_queued,
            reason=reason,
            retry_at=asked.retry_at,
            is_coming_back=is_coming_back,
        )
    if is_created:
        confirmations.open_question(
            subscriber=subscriber, circumstances=circumstances, now=request.now
        )
    elif is_pending or not _is_any_new(outcomes):
        return None
    return OptIn(is_email_queued=False, reason=HISTORICAL, is_coming_back=is_coming_back)


def left_on(
    *, subscriber: Subscriber, outcomes: Sequence[Outcome], request: IngestRequest
) -> str | None:
    """Return the day, as ISO text, on which a person left who did a new live event and is not asked
    to come back; empty if it is unknown, None for others.
    """
    is_silent = subscriber.status != Status.UNSUBSCRIBED or request.person.resubscribes
    if is_silent or _first_new_live_event(outcomes) is None:
        return None
    return day_of(subscriber.unsubscribed_at)


def day_of(moment: object) -> str:
    """Return the day of a moment in UTC, or of its text in the database; empty for None."""
    return str(moment or "")[:10]


def _brake(subscriber: Subscriber) -> str:
    """Return what keeps a queued mail from leaving now, or nothing."""
    return brakes.verdict(
        workspace=subscriber.workspace, recipient=subscriber.email, is_test=False
    ).reason


def _is_any_new(outcomes: Sequence[Outcome]) -> bool:
    return any(isinstance(each, Recorded) and not each.is_duplicate for each in outcomes)


def _first_new_live_event(outcomes: Sequence[Outcome]) -> UUID | None:
    recorded = (each for each in outcomes if isinstance(each, Recorded))
    return next((each.id for each in recorded if not each.is_historical | each.is_duplicate), None)
