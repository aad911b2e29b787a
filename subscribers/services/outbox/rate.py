"""MAIL_RATE: emails a second in all processes and hosts; a process leases a tenth at a time."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from django.conf import settings

from subscribers.services.storage import leased_bucket

BUCKET = "mails"


@dataclass(frozen=True, slots=True)
class Grant:
    """How many emails may be sent now; `wait_until` says when to ask again, if not all."""

    count: int
    wait_until: datetime | None = None


def take(*, count: int, now: datetime) -> Grant:
    """Take up to `count` emails from the second of `now`; call it outside transactions. Unused
    grants are lost. With MAIL_RATE 0 everything is granted.
    """
    if count < 0:
        raise ValueError("The count of mails is never below 0.")
    rate: int = settings.MAIL_RATE
    if not rate:
        return Grant(count)
    taken = leased_bucket.take(
        bucket=BUCKET, count=count, limit=rate, lease=rate // 10, window_seconds=1, now=now
    )
    if taken.tokens == count:
        return Grant(count)
    return Grant(taken.tokens, wait_until=datetime.fromtimestamp(taken.window_ends, tz=UTC))


def wait_for_turn(
    *, clock: Callable[[], datetime], before_waiting: Callable[[], None] | None = None
) -> bool:
    """Take one email, after waiting for the next second if needed; False: not now."""
    for _ in range(2):
        now = clock()
        grant = take(count=1, now=now)
        if grant.wait_until is None:
            return True
        if before_waiting:
            before_waiting()
        time.sleep(min(1.0, max(0.0, (grant.wait_until - now).total_seconds())))
    return False
