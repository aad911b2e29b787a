"""Requests a minute per key. A process leases a twentieth of the limit at a time, at most 50."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid5

from subscribers.services.storage import leased_bucket

WINDOW_SECONDS = 60
LARGEST_LEASE = 50


@dataclass(frozen=True, slots=True)
class RateDecision:
    """Whether a request is allowed, and the values of its headers."""

    is_allowed: bool
    limit: int
    remaining: int
    reset_seconds: int


def take(*, api_key_id: UUID, limit: int, now: datetime, reads: bool = False) -> RateDecision:
    """Take one request from the key's minute; call it outside transactions. Requests that only read
    have a minute of their own.
    """
    bucket = uuid5(api_key_id, "reads") if reads else api_key_id
    taken = leased_bucket.take(
        bucket=bucket.hex,
        count=1,
        limit=limit,
        lease=max(1, min(limit // 20, LARGEST_LEASE)),
        window_seconds=WINDOW_SECONDS,
        now=now,
    )
    return RateDecision(
        is_allowed=taken.tokens > 0,
        limit=limit,
        remaining=taken.remaining,
        reset_seconds=taken.window_ends - int(now.timestamp()),
    )
