"""Delays: how long an enrollment waits, until a date, or until a day and hour; and when that is."""

from calendar import isleap
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any, Literal
from zoneinfo import ZoneInfo

import msgspec

from events.language.paths import ANY_ITEM, values_at
from events.language.scalars import number_of, plain_date
from events.language.timing.windows import (
    DAYS,
    MIDNIGHT,
    Day,
    SendingWindow,
    moment_of,
    next_open,
    next_start,
)
from subscribers.wire.payloads import InvalidField, read_moment

# For a date that is missing or past: go on at once, skip the next step, or end the enrollment.
Action = Literal["continue", "skip", "exit"]
Source = Literal["event", "subscriber"]
DAY = 86_400_000  # milliseconds, as the two below
HOUR = 3_600_000
MINUTE = 60_000
# A wait for a date that ends later than this, as after an outage, has missed it.
LATEST = timedelta(hours=1)
# Before the name of an attribute whose date an enrollment awaits; no event's name has it.
ATTRIBUTE_MARK = "\x1f"
_LONGEST_MARKED = 200
# Numbers as Unix time: seconds from 1973 on, and milliseconds.
_LEAST_SECONDS, _LEAST_MILLISECONDS, _MOST_MILLISECONDS = 10**8, 10**11, 10**13
_LEAP_DAY = (2, 29)


class Duration(msgspec.Struct, frozen=True, tag="duration", omit_defaults=True):
    """Days on the calendar of the person's zone, then elapsed milliseconds."""

    milliseconds: int = 0
    days: int = 0


class UntilDate(msgspec.Struct, frozen=True, tag="until_date", omit_defaults=True):
    """Until the time at a path of the event's properties or the subscriber's attributes.

    A negative offset is before it. `anniversary`: until the date's next return in a year.
    """

    field: str
    source: Source = "event"
    offset_milliseconds: int = 0
    missing_action: Action = "continue"
    past_action: Action = "continue"
    offset_days: int = 0
    anniversary: bool = False


class UntilWeekday(msgspec.Struct, frozen=True, tag="until_weekday", omit_defaults=True):
    """Until the hours of one of the days; at once within them. Fields as a `SendingWindow`'s.

    Without an `end`, until the next moment at which one of the days has its `start`.
    """

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
    is_unreadable: bool = False


def resolve(
    delay: Delay,
    *,
    since: datetime,
    zone: ZoneInfo,
    event_properties: Mapping[str, Any],
    attributes: Mapping[str, Any],
) -> Due | PastDue | Missing:
    """Return when a wait that began at `since` is over; never raises for odd data.

    `zone` is the person's: for days and plain dates, and where the delay names no zone.
    """
    match delay:
        case Duration():
            return Due(after(delay, since=since, zone=zone))
        case UntilWeekday():
            end = delay.end or delay.start
            window = SendingWindow(delay.days, delay.start, end, delay.timezone)
            opening = next_open if delay.end else next_start
            return Due(opening(window, at=since, zone=zone))
        case UntilDate():
            document = event_properties if delay.source == "event" else attributes
            values = values_at(delay.field, document)
            moments = (_moved(value, delay, since, zone) for value in values)
            at = next((moment for moment in moments if moment), None)
            if at is None:
                return Missing(delay.missing_action, is_unreadable=any(map(_is_given, values)))
            return Due(at) if at >= since else PastDue(delay.past_action)


def after(length: Duration, *, since: datetime, zone: ZoneInfo) -> datetime:
    """Return the moment a length later; whole days keep the time on the zone's clocks."""
    if length.days:
        local = since.astimezone(zone).replace(tzinfo=None)
        since = moment_of(local + timedelta(days=length.days), zone)
    return since + timedelta(milliseconds=length.milliseconds)


def awaited(delay: Delay) -> str:
    """Return the mark of the attribute whose change ends or moves the wait; "" for no such wait."""
    if isinstance(delay, UntilDate) and delay.source == "subscriber":
        return mark_of(attribute_of(delay.field))
    return ""


def mark_of(attribute: str) -> str:
    return f"{ATTRIBUTE_MARK}{attribute}"[:_LONGEST_MARKED]


def attribute_of(path: str) -> str:
    """Return the name of the attribute in which a path begins."""
    return path.split(".", maxsplit=1)[0].removesuffix(ANY_ITEM)


def _is_given(value: object) -> bool:
    return not isinstance(value, str) or bool(value.strip())


def _moved(value: object, delay: UntilDate, since: datetime, zone: ZoneInfo) -> datetime | None:
    """Return a moment in UTC, moved by the offset.

    A plain date and an anniversary are moved on the zone's clocks, so days stay days.
    """
    days, rest = timedelta(delay.offset_days), timedelta(milliseconds=delay.offset_milliseconds)
    try:
        day = plain_date(value)
        if day is None:
            moment = _moment(value)
            if not (days or delay.anniversary):
                return moment + rest
            local = moment.astimezone(zone).replace(tzinfo=None)
            if not delay.anniversary:
                return moment_of(local + days, zone) + rest
        else:
            local = datetime.combine(day, time())
        if delay.anniversary:
            return _next_return(local, days + rest, since, zone)
        return moment_of(local + days + rest, zone)
    except (InvalidField, OverflowError, ValueError):
        return None


def _moment(value: object) -> datetime:
    """Return an ISO 8601 time, or a number as Unix time; raises `InvalidField`."""
    number = number_of(value)
    if number is None or not _LEAST_SECONDS <= number < _MOST_MILLISECONDS:
        return read_moment(value).astimezone(UTC)
    seconds = number / 1000 if number >= _LEAST_MILLISECONDS else number
    return datetime.fromtimestamp(float(seconds), UTC)


def _next_return(
    local: datetime, offset: timedelta, since: datetime, zone: ZoneInfo
) -> datetime | None:
    """Return the first return of a date, moved by the offset, that is not over at `since`.

    29 February returns on the 28th in other years. No return is before the date itself.
    """
    first = max(local.year, (since - offset).year - 1)
    for year in range(first, first + 4):
        is_moved = (local.month, local.day) == _LEAP_DAY and not isleap(year)
        returned = local.replace(year=year, day=28 if is_moved else local.day)
        moment = moment_of(returned + offset, zone)
        if moment >= since:
            return moment
    return None
