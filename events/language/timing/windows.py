"""Sending windows: days and hours in a time zone, correct across clock changes.

A window opens once for each of its days and closes once. A time that the clock leaps over is the
first moment after the leap; a time that comes twice is the first of them.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

Day = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
DAYS: tuple[Day, ...] = (
    "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday",
)  # fmt: skip
MIDNIGHT = "00:00"
# In place of a zone's name: the workspace's, even if the subscriber has one.
OF_WORKSPACE = "workspace"
# A window opens within these days: a week, a second for an opening that the clock leapt over, and
# the day that a zone lost when it crossed the date line.
_DAYS_AHEAD = 16


class SendingWindow(msgspec.Struct, frozen=True, omit_defaults=True):
    """The hours from `start` to `end` ("HH:MM") of the days, each day's own.

    An end that is not after the start is on the next day, so equal ones are the whole day.
    `timezone` is an IANA name, `workspace`, or empty: the subscriber's, else the workspace's.
    """

    days: tuple[Day, ...] = DAYS
    start: str = MIDNIGHT
    end: str = MIDNIGHT
    timezone: str = ""


def next_open(window: SendingWindow, *, at: datetime, zone: ZoneInfo) -> datetime:
    """Return `at` itself when the window is open then, else when it opens next, in UTC.

    `zone` is for a window that names none. Raises `OverflowError` at the end of the calendar.
    """
    own = own_zone(window.timezone, zone)
    day = at.astimezone(own).date() - timedelta(days=1)
    for _ in range(_DAYS_AHEAD):
        if DAYS[day.weekday()] in window.days:
            opens, closes = _hours_of(window, day, own)
            if max(at, opens) < closes:
                return max(at, opens)
        day += timedelta(days=1)
    # Only for a window without days, which no parser returns.
    return at


def next_start(window: SendingWindow, *, at: datetime, zone: ZoneInfo) -> datetime:
    """Return when the window opens next, at `at` or later, even while it is open."""
    own = own_zone(window.timezone, zone)
    day = at.astimezone(own).date()
    for _ in range(_DAYS_AHEAD):
        opens = _hours_of(window, day, own)[0]
        if DAYS[day.weekday()] in window.days and opens >= at:
            return opens
        day += timedelta(days=1)
    return at


def zone_of(*names: str | None) -> ZoneInfo:
    """Return the first zone whose name this machine knows, else UTC."""
    known = (known_zone(name) for name in names if name)
    return next((zone for zone in known if zone), ZoneInfo("UTC"))


def zone_for(timezone: str, *, subscriber: str, workspace: str) -> ZoneInfo:
    """Return the zone that a window or delay with this `timezone` means for a person."""
    own = "" if timezone == OF_WORKSPACE else timezone
    return zone_of(own, "" if timezone == OF_WORKSPACE else subscriber, workspace)


def own_zone(timezone: str, zone: ZoneInfo) -> ZoneInfo:
    """Return the named zone, else the given one."""
    named = known_zone(timezone) if timezone not in {"", OF_WORKSPACE} else None
    return named or zone


def known_zone(name: str) -> ZoneInfo | None:
    """Return the zone, or None for a name that this machine does not know."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def moment_of(local: datetime, zone: ZoneInfo) -> datetime:
    """Return the moment, in UTC, at which clocks in the zone first show a time (or leap over it).

    `local` is naive. Raises `OverflowError` at the ends of the calendar.
    """
    moment = local.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if moment.astimezone(zone).replace(tzinfo=None, fold=0) == local:
        return moment
    # PEP 495: in a leap, fold=1 uses the offset after it, which gives a moment before the leap.
    before = local.replace(tzinfo=zone, fold=1).astimezone(UTC)
    return _first_after_leap(before, moment, zone)


def _first_after_leap(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """Return the change between two moments, to the second."""
    offset = before.astimezone(zone).utcoffset()
    low, high = 0, int((after - before).total_seconds()) + 1
    while high - low > 1:
        middle = (low + high) // 2
        is_before = (before + timedelta(seconds=middle)).astimezone(zone).utcoffset() == offset
        low, high = (middle, high) if is_before else (low, middle)
    return (before + timedelta(seconds=high)).replace(microsecond=0)


def _hours_of(window: SendingWindow, day: date, zone: ZoneInfo) -> Sequence[datetime]:
    start, end = time.fromisoformat(window.start), time.fromisoformat(window.end)
    last_day = day if end > start else day + timedelta(days=1)
    return [
        moment_of(datetime.combine(day, start), zone),
        moment_of(datetime.combine(last_day, end), zone),
    ]
