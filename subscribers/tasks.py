"""Background work on the audience; each task may run twice."""

from datetime import UTC, datetime

from subscribers.services import retention
from subscribers.services.consent import deadlines


def purge_expired() -> int:
    """Delete kept answers and counts that are over; returns how many rows went."""
    return retention.purge_expired(now=datetime.now(tz=UTC))


def remind_unconfirmed() -> int:
    """Queue the reminders that are due to people who have not confirmed; returns how many."""
    return deadlines.remind_due(now=datetime.now(tz=UTC))


def give_up_unconfirmed() -> int:
    """Give up the questions that nobody answered in time; returns how many."""
    return deadlines.give_up_due(now=datetime.now(tz=UTC))
