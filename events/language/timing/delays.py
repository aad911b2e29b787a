"""Delays: how long an enrollment waits, until a date, or until a day and hour; and when that is."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Literal
from zoneinfo import ZoneInfo

import msgspec

from events.language.paths import values_at
from events.language.timing.windows import DAYS, MIDNIGHT, Day, SendingWindow, moment_of, next_open
from subscribers.wire.payloads import InvalidField, read_moment

# For a date that is missing or past: go on at once, skip the next step, or end the enrollment.
Action = Literal["continue", "skip", "exit"]
Source = Literal["event", "subscriber"]
DAY = 86_400_000  # milliseconds, as the two below
HOUR = 3_600_000
MINUTE = 60_000
_DAY_LENGTH = len("2026-01-31")


class Duration(msgspec.Struct, frozen=True, tag="duration"):
    """A length of time in elapsed hours: a day is always 24."""

    milliseconds: int


class UntilDate(msgspec.Struct, frozen=True, tag="until_date", omit_defaults=True):
    """Until the time at a path of the event's properties or the subscriber's attributes.

    A negative offset is before it.
    """

    field: str
    source: Source = "event"
    offset_milliseconds: int = 0
    missing_action: Action = "continue"
    past_action: Action = "continue"


class UntilWeekday(msgspec.Struct, frozen=True, tag="until_weekday", omit_defaults=True):
    """Until the hours of one of the days; at once within them. Fields as a `SendingWindow`'s."""

    days: tuple[Day, ...] = DAYS
    start: str = MIDNIGHT
    end: str = MIDNIGHT
    timezone: str = ""


Delay = Duration | UntilDate | UntilWeekday


@dataclass(frozen=True, slots=True)
class Due:
    """The enrollment goes on at this moment, in UTC unless it is the moment that was passed in."""

    at: datetime


@dataclass(frozen=True, slots=True)
class PastDue:
    """The moment was over when the wait began."""

    action: Action


@dataclass(frozen=True, slots=True)
class Missing:
    """There is no date at the path, or none that can be read."""

    action: Action


def resolve(
    delay: Delay,
    *,
    since: datetime,
    zone: ZoneInfo,
    event_properties: Mapping[str, Any],
    attributes: Mapping[str, Any],
) -> Due | PastDue | Missing:
    """Return when a wait that began at `since` is over; never raises for odd data.

    `zone` is the person's: for plain dates, and where the delay names no zone.
    """
    match delay:
        case Duration():
            return Due(since + timedelta(milliseconds=delay.milliseconds))
        case UntilWeekday():
            window = SendingWindow(delay.days, delay.start, delay.end, delay.timezone)
            return Due(next_open(window, at=since, zone=zone))
        case UntilDate():
            document = event_properties if delay.source == "event" else attributes
            at = _date_at(delay, document, zone)
            if at is None:
                return Missing(delay.missing_action)
            return Due(at) if at >= since else PastDue(delay.past_action)


def _date_at(delay: UntilDate, document: Mapping[str, Any], zone: ZoneInfo) -> datetime | None:
    """Return the first value at the path that is a time or a date, moved by the offset."""
    offset = timedelta(milliseconds=delay.offset_milliseconds)
    moments = (_moved(value, offset, zone) for value in values_at(delay.field, document))
    return next((moment for moment in moments if moment), None)


def _moved(value: object, offset: timedelta, zone: ZoneInfo) -> datetime | None:
    """Return a moment in UTC; a plain date is moved on its zone's clocks, so days stay days."""
    try:
        day = _plain_date(value)
        if day is not None:
            return moment_of(datetime.combine(day, time()) + offset, zone)
        return read_moment(value).astimezone(UTC) + offset
    except (InvalidField, OverflowError):
        return None


def _plain_date(value: object) -> date | None:
    text = value.strip() if isinstance(value, str) else ""
    # `fromisoformat` takes 2026-W05 and 20260131 from Python 3.11 on.
    if len(text) != _DAY_LENGTH or not text.isascii() or text.count("-") != 2:  # noqa: PLR2004
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
