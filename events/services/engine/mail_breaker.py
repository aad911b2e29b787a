"""A process's own memory of a mail server that does not answer, so that it is not asked at once.

A server that takes messages and gives no answer would make each of them unknown: after one, this
process lets the server be for a while, longer each time until a mail leaves.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

AFTER_UNKNOWN = timedelta(seconds=30)
AFTER_NO_CONNECTION = timedelta(seconds=5)
LONGEST = timedelta(minutes=5)


@dataclass(slots=True)
class _Breaker:
    held_until: datetime | None = None
    failures: int = 0


_breaker = _Breaker()


def held_until(*, now: datetime) -> datetime | None:
    """Return until when the server is let be; None when it may be asked."""
    until = _breaker.held_until
    return until if until is not None and until > now else None


def trip(*, now: datetime, is_unknown: bool) -> datetime:
    """Note a failure of the server itself, and return until when it is let be."""
    pause = AFTER_UNKNOWN if is_unknown else AFTER_NO_CONNECTION
    _breaker.held_until = now + min(pause * 2 ** min(_breaker.failures, 10), LONGEST)
    _breaker.failures += 1
    return _breaker.held_until


def reset() -> None:
    """Note that the server took or refused a mail: it answers."""
    _breaker.held_until = None
    _breaker.failures = 0
