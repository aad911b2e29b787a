"""A process's own memory of a mail server that does not answer, so that it is not asked at once.

A server that takes messages and gives no answer would make each of them unknown: after one, this
process lets the server be for a while, longer each time until a mail leaves.
"""

from dataclasses import dataclass
from datetime import datetime

from config import retries


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
    schedule = retries.SILENT_MAIL_SERVER if is_unknown else retries.NO_MAIL_SERVER
    _breaker.failures += 1
    _breaker.held_until = now + schedule.pause(failures=_breaker.failures)
    return _breaker.held_until


def reset() -> None:
    """Note that the server took or refused a mail: it answers."""
    _breaker.held_until = None
    _breaker.failures = 0
