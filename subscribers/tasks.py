"""Background work on the audience; each task may run twice."""

from datetime import UTC, datetime

from subscribers.services import retention


def purge_expired() -> int:
    """Delete kept answers and rate windows that are over; returns how many rows went."""
    return retention.purge_expired(now=datetime.now(tz=UTC))
