"""Mails a second, all processes and hosts together, leased by each process in handfuls.

A process takes a tenth of MAIL_RATE at a time by one upsert in a transaction of its own; the mails
in between cost nothing. Together the processes never send more than the rate in a second of the
clock; what a process leased and did not use is lost with its second. Hosts' clocks must agree.
"""

import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from django.conf import settings
from django.db import connection

from subscribers.models import SendingSecond


@dataclass(slots=True)
class _Lease:
    second: int
    # A forked child has the memory of its parent, but not the mails: those were handed out once.
    process_id: int
    mails: int = 0
    is_exhausted: bool = False


@dataclass(frozen=True, slots=True)
class Grant:
    """How many mails may leave now, and when to ask again for those that may not.

    `wait_until` is None when all that were asked for may leave.
    """

    count: int
    wait_until: datetime | None = None


_lock = threading.Lock()
_leases: list[_Lease] = []


def take(*, count: int, now: datetime) -> Grant:
    """Take up to `count` mails from the second of `now`; call it outside of transactions.

    What is granted and not sent is lost. With MAIL_RATE 0 everything is granted and nothing asked.
    """
    if count < 0:
        raise ValueError("The count of mails is never below 0.")
    rate: int = settings.MAIL_RATE
    if not rate:
        return Grant(count)
    second = int(now.timestamp())
    with _lock:
        lease = _lease_of(second)
        granted = min(count, lease.mails)
        lease.mails -= granted
        must_ask = granted < count and not lease.is_exhausted
    if must_ask:
        wanted = max(count - granted, rate // 10)
        leased = _claim(second, wanted=wanted, rate=rate)
        used = min(leased, count - granted)
        granted += used
        with _lock:
            lease.mails += leased - used
            lease.is_exhausted = leased < wanted
    if granted == count:
        return Grant(count)
    return Grant(granted, wait_until=datetime.fromtimestamp(second + 1, tz=UTC))


def wait_for_turn(
    *, clock: Callable[[], datetime], before_waiting: Callable[[], None] | None = None
) -> bool:
    """Take one mail, after waiting for the next second where that is needed; False: not now."""
    for _ in range(2):
        now = clock()
        grant = take(count=1, now=now)
        if grant.wait_until is None:
            return True
        if before_waiting:
            before_waiting()
        time.sleep(min(1.0, max(0.0, (grant.wait_until - now).total_seconds())))
    return False


def purge(*, before: datetime) -> int:
    """Delete the seconds before a moment; returns how many. Idempotent."""
    deleted, _ = SendingSecond.objects.filter(starts_at__lt=before).delete()
    return deleted


def forget_lease() -> None:
    """Drop what this process holds; for tests, where seconds come again."""
    with _lock:
        _leases.clear()


def _lease_of(second: int) -> _Lease:
    process_id = os.getpid()
    if not _leases or (_leases[0].second, _leases[0].process_id) != (second, process_id):
        _leases[:] = [_Lease(second, process_id)]
    return _leases[0]


def _claim(second: int, *, wanted: int, rate: int) -> int:
    """Return how many mails this process may send.

    The stored number may pass the rate by one lease a process; what is granted never does.
    """
    start = datetime.fromtimestamp(second, tz=UTC)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO subscribers_sendingsecond (starts_at, handed_out) VALUES (%s, %s)"
            " ON CONFLICT (starts_at) DO UPDATE"
            " SET handed_out = subscribers_sendingsecond.handed_out + excluded.handed_out"
            " RETURNING handed_out",
            [connection.ops.adapt_datetimefield_value(start), wanted],
        )
        handed_out: int = cursor.fetchone()[0]
    return max(0, min(wanted, rate - (handed_out - wanted)))
