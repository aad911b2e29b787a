"""Background tasks for subscribers; each may run twice."""

from datetime import UTC, datetime

from events.services.history.importing import FILE_KINDS
from subscribers.services import retention
from subscribers.services.consent import deadlines
from subscribers.services.imports import people, stored


def purge_expired() -> int:
    """Delete expired answers, counts and files of imports; returns how many rows."""
    now = _clock()
    return retention.purge_expired(now=now) + stored.purge(now=now)


def remind_unconfirmed() -> int:
    """Queue the reminders that are due; returns how many."""
    return deadlines.remind_due(now=_clock())


def give_up_unconfirmed() -> int:
    """Close the confirmations that have expired; returns how many."""
    return deadlines.give_up_due(now=_clock())


def carry_on_imports() -> bool:
    """Work for some seconds on a stored import; returns whether there was one."""
    return stored.carry_on(kinds=FILE_KINDS, make_importer=people.importer_of, clock=_clock)


def _clock() -> datetime:
    return datetime.now(tz=UTC)
