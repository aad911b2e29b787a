"""Limits per time window, for all processes and hosts together.

A process leases several tokens at a time by one upsert in a transaction of its own; taking a leased
token costs nothing. Together the processes never exceed the limit in a window; unused tokens are
lost with the window. Hosts' clocks must agree.
"""

import os
import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

from django.db import connection

from subscribers.models import LeasedWindow
from subscribers.services.storage.sql_values import adapted

MOST_BUCKETS = 10_000
_CLAIM = """
INSERT INTO subscribers_leasedwindow (bucket, starts_at, handed_out) VALUES (%s, %s, %s)
ON CONFLICT (bucket, starts_at) DO UPDATE
SET handed_out = subscribers_leasedwindow.handed_out + excluded.handed_out
RETURNING handed_out
"""


@dataclass(slots=True)
class _Lease:
    window: int
    # A forked child inherits the memory but not the tokens, which are the parent's.
    process_id: int
    tokens: int = 0
    # Tokens unleased when this process last asked; None before.
    unclaimed: int | None = None


class TakenTokens(NamedTuple):
    """The tokens taken, those still available, and when the window ends."""

    tokens: int
    remaining: int
    window_ends: int


_lock = threading.Lock()
_leases: dict[str, _Lease] = {}


def take(
    *, bucket: str, count: int, limit: int, lease: int, window_seconds: int, now: datetime
) -> TakenTokens:
    """Take up to `count` tokens from the bucket's window; call it outside transactions. Leases at
    least `lease` tokens when this process has too few. `window_ends` is in seconds since 1970.
    """
    window = int(now.timestamp()) // window_seconds
    with _lock:
        own = _lease_of(bucket, window)
        granted = min(count, own.tokens)
        own.tokens -= granted
        must_ask = granted < count and own.unclaimed != 0
    if must_ask:
        wanted = max(count - granted, lease)
        start = datetime.fromtimestamp(window * window_seconds, tz=UTC)
        leased, unclaimed = _claim(bucket, start, wanted=wanted, limit=limit)
        used = min(leased, count - granted)
        granted += used
        with _lock:
            own.tokens += leased - used
            own.unclaimed = unclaimed
    return TakenTokens(granted, own.tokens + (own.unclaimed or 0), (window + 1) * window_seconds)


def purge(*, before: datetime) -> int:
    """Delete windows that began before a moment; returns how many. Idempotent."""
    deleted, _ = LeasedWindow.objects.filter(starts_at__lt=before).delete()
    return deleted


def forget_leases() -> None:
    """Drop this process's leases; for tests, where buckets and windows repeat."""
    with _lock:
        _leases.clear()


def _lease_of(bucket: str, window: int) -> _Lease:
    own, process_id = _leases.get(bucket), os.getpid()
    if own is None or (own.window, own.process_id) != (window, process_id):
        if len(_leases) >= MOST_BUCKETS:
            _leases.clear()
        own = _leases[bucket] = _Lease(window, process_id)
    return own


def _claim(bucket: str, start: datetime, *, wanted: int, limit: int) -> tuple[int, int]:
    """Return how many tokens this process gets, and how many are left for others. The stored number
    may exceed the limit by one lease a process; granted tokens never do.
    """
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM, adapted(bucket, start, wanted))
        handed_out: int = cursor.fetchone()[0]
    return max(0, min(wanted, limit - handed_out + wanted)), max(0, limit - handed_out)
