"""A process's own memory of the webhook receivers that are away, by host and port.

While one is away nothing is called there, so that no enrollment uses up its patience; then one call
tries it, and the next pause is longer until one is answered. No other process needs to know: each
tries a receiver once a pause.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from config import retries

MOST_KEPT = 1000


@dataclass(frozen=True, slots=True)
class Away:
    tripped_at: datetime
    until: datetime
    failures: int
    error: str


_away_by_host: dict[str, Away] = {}


def away(host: str, *, now: datetime) -> Away | None:
    """Return why nothing is called there now; None when it may be, or the clock was set back."""
    known = _away_by_host.get(host)
    return known if known and known.tripped_at <= now < known.until else None


def trip(host: str, *, error: str, retry_after: timedelta | None, now: datetime) -> Away:
    """Count a failure of the receiver; `retry_after` is the pause that it asked for."""
    known = _away_by_host.pop(host, None)
    failures = known.failures + 1 if known else 1
    pause = retries.NO_RECEIVER.pause(failures=failures)
    if retry_after:
        pause = max(pause, min(retry_after, retries.LONGEST_RETRY_AFTER))
    if len(_away_by_host) >= MOST_KEPT:
        _away_by_host.pop(next(iter(_away_by_host)))
    _away_by_host[host] = Away(now, now + pause, failures, error)
    return _away_by_host[host]


def reset(host: str) -> int:
    """Note that the receiver answered; returns how often in a row it had not."""
    known = _away_by_host.pop(host, None)
    return known.failures if known else 0


def reset_all() -> None:
    _away_by_host.clear()
