"""Background tasks for subscribers; each may run twice."""

from datetime import UTC, datetime

from subscribers.services import retention
from subscribers.services.consent import deadlines


def purge_expired() -> int:
    """Delete expired answers and counts; returns how many rows."""
    return retention.purge_expired(now=datetime.now(tz=UTC))


def remind_unconfirmed() -> int:
    """Queue the reminders that are due; returns how many."""
    return deadlines.remind_due(now=datetime.now(tz=UTC))


def give_up_unconfirmed() -> int:
    """Close the confirmations that have expired; returns how many."""
    return deadlines.give_up_due(now=datetime.now(tz=UTC))
