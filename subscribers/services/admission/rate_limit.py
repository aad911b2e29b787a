"""Requests a minute per key, leased by each process in handfuls.

A process takes a twentieth of the limit at a time (50 at most) by one upsert in a transaction of
its own; the requests in between cost nothing. Together the processes never let more through than
the limit in a minute; what a process leased and did not use is lost for that minute.
"""

import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from django.db import connection

WINDOW_SECONDS = 60
LARGEST_LEASE = 50
MOST_KEYS = 10_000


@dataclass(slots=True)
class _Lease:
    window: int
    tokens: int = 0
    is_exhausted: bool = False
    # What nobody had taken when this process last asked.
    unclaimed: int = 0


@dataclass(frozen=True, slots=True)
class RateDecision:
    """Whether a request may pass, and what its headers say."""

    is_allowed: bool
    limit: int
    remaining: int
    reset_seconds: int


_lock = threading.Lock()
_leases: dict[UUID, _Lease] = {}


def take(*, api_key_id: UUID, limit: int, now: datetime) -> RateDecision:
    """Take one request from the key's minute; call it outside of transactions."""
    epoch_seconds = int(now.timestamp())
    window, elapsed = divmod(epoch_seconds, WINDOW_SECONDS)
    with _lock:
        lease = _current_lease(api_key_id, window)
        is_allowed = lease.tokens > 0
        lease.tokens -= is_allowed
        must_ask = not is_allowed and not lease.is_exhausted
    if must_ask:
        granted, unclaimed = _claim(api_key_id, window=window, limit=limit)
        is_allowed = granted > 0
        with _lock:
            lease.tokens += max(granted - 1, 0)
            lease.is_exhausted = granted == 0
            lease.unclaimed = unclaimed
    return RateDecision(
        is_allowed=is_allowed,
        limit=limit,
        remaining=lease.tokens + lease.unclaimed,
        reset_seconds=WINDOW_SECONDS - elapsed,
    )


def forget_leases() -> None:
    """Drop what this process holds; for tests, where keys and minutes come again."""
    with _lock:
        _leases.clear()


def _current_lease(api_key_id: UUID, window: int) -> _Lease:
    lease = _leases.get(api_key_id)
    if lease is None or lease.window != window:
        if len(_leases) >= MOST_KEYS:
            _leases.clear()
        lease = _leases[api_key_id] = _Lease(window=window)
    return lease


def _claim(api_key_id: UUID, *, window: int, limit: int) -> tuple[int, int]:
    """Return how many requests this process may let through, and how many are left for others.

    The stored number may pass the limit by one lease a process; what is granted never does.
    """
    wanted = max(1, min(limit // 20, LARGEST_LEASE))
    start = datetime.fromtimestamp(window * WINDOW_SECONDS, tz=UTC)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO subscribers_ratewindow (api_key_id, window_start, handed_out)"
            " VALUES (%s, %s, %s) ON CONFLICT (api_key_id, window_start) DO UPDATE"
            " SET handed_out = subscribers_ratewindow.handed_out + excluded.handed_out"
            " RETURNING handed_out",
            [_adapt(api_key_id), start, wanted],
        )
        (handed_out,) = cursor.fetchone()
    before = handed_out - wanted
    return max(0, min(wanted, limit - before)), max(0, limit - handed_out)


def _adapt(row_id: UUID) -> UUID | str:
    return row_id if connection.features.has_native_uuid_field else row_id.hex
