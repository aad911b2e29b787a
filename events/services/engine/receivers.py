"""A process's own memory of the webhook receivers that are away, by host and port.

While one is away nothing is called there, so that no enrollment uses up its patience; then one call
tries it, and the next pause is longer until one is answered. No other process needs to know: each
tries a receiver once a pause.
"""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from config import retries

logger = logging.getLogger("cueline.webhooks")

MOST_KEPT = 1000


@dataclass(frozen=True, slots=True)
class Away:
    tripped_at: datetime
    until: datetime
    failures: int
    error: str
    # The log says so.
    is_told: bool


_away_by_host: dict[str, Away] = {}


def away(host: str, *, now: datetime) -> Away | None:
    """Return why nothing is called there now; None when it may be, or the clock was set back."""
    known = _away_by_host.get(host)
    return known if known and known.tripped_at <= now < known.until else None


def trip(
    host: str, *, error: str, retry_after: timedelta | None, is_repeated: bool, now: datetime
) -> Away:
    """Count a failure of the receiver; `retry_after` is the pause that it asked for.

    `is_repeated`: the same call failed before, maybe in another process. The log names a receiver
    then, once a process: one bad answer is no news.
    """
    known = _away_by_host.pop(host, None)
    failures = known.failures + 1 if known else 1
    pause = retries.NO_RECEIVER.pause(failures=failures)
    if retry_after:
        pause = max(pause, min(retry_after, retries.LONGEST_RETRY_AFTER))
    if len(_away_by_host) >= MOST_KEPT:
        _away_by_host.pop(next(iter(_away_by_host)))
    is_told = known is not None and known.is_told
    if is_repeated and not is_told:
        logger.warning("Webhooks to %s wait and are tried again: %s", host, error)
        is_told = True
    _away_by_host[host] = Away(now, now + pause, failures, error, is_told)
    return _away_by_host[host]


def reset(host: str) -> None:
    """Note that the receiver answered."""
    known = _away_by_host.pop(host, None)
    if known and known.is_told:
        logger.info("Webhooks to %s work again.", host)


def reset_all() -> None:
    _away_by_host.clear()
