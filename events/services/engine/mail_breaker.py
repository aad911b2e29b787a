"""A process's own memory of a mail server that does not answer.

A server that accepts messages and never answers would make each mail unknown. After one such mail,
this process sends nothing for a while; the pause grows until a mail is sent.
"""

from dataclasses import dataclass
from datetime import datetime

from config import retries


@dataclass(slots=True)
class _Breaker:
    tripped_at: datetime | None = None
    held_until: datetime | None = None
    failures: int = 0
    reason: str = ""


_breaker = _Breaker()


def held_until(*, now: datetime) -> datetime | None:
    """Return when sending may resume; None when it may now, or the clock was set back meanwhile."""
    began, until = _breaker.tripped_at, _breaker.held_until
    return until if began and until and began <= now < until else None


def reason() -> str:
    """Return the word why mails wait."""
    return _breaker.reason


def trip(*, now: datetime, is_unknown: bool, reason: str = "mail_server_away") -> datetime:
    """Count a failure of the server itself, and return until when nothing is sent."""
    schedule = retries.SILENT_MAIL_SERVER if is_unknown else retries.NO_MAIL_SERVER
    _breaker.failures += 1
    _breaker.reason = reason
    _breaker.tripped_at = now
    _breaker.held_until = now + schedule.pause(failures=_breaker.failures)
    return _breaker.held_until


def reset() -> None:
    """Note that the server accepted or refused a mail."""
    _breaker.held_until = None
    _breaker.failures = 0
