"""Delays and sending windows from the wire, in all their spellings.

A delay comes as `days`, `hours`, `minutes` or `delayMs` with or without a `mode`, at the top of a
step or in its `delay`, as `waitUntil`, or as `waitUntilWeekday`.
"""

import re
from collections.abc import Mapping
from typing import Any

from events.language.fields import Fields, any_of, read_flag, whole_number_reader
from events.language.paths import read_path
from events.language.timing import delays, windows
from events.language.timing.delays import Delay, Duration, UntilDate, UntilWeekday
from events.language.timing.windows import DAYS, MIDNIGHT, SendingWindow
from subscribers.wire.payloads import Fault, InvalidField, InvalidRequest, read_text, type_name

MOST_DAYS = 365
LONGEST_ZONE = 64
MOST_MILLISECONDS = MOST_DAYS * delays.DAY
UNITS = {"days": delays.DAY, "hours": delays.HOUR, "minutes": delays.MINUTE, "delayMs": 1}
MODES = ("duration", "until_date", "until_weekday")
ACTIONS = ("continue", "skip", "exit")
# `attribute` and `fixed` are the typed clients' words.
SOURCES = ("event", "subscriber", "attribute")
ZONE_SOURCES = ("subscriber", "workspace", "custom", "fixed")
# The fields of a step that contain a whole delay.
HOLDERS = ("delay", "delayMs", "waitUntil", "waitUntilWeekday")
# The words of a delay, which a delay step has at its top.
WORDS = (
    *UNITS, "mode", "field", "source", "direction", "offset", "missingAction", "pastAction",
    "anniversary", "startTime", "endTime", "timezone", "timezoneSource",
)  # fmt: skip
_TIME = re.compile(r"(\d{1,2}):(\d{2})(?::00)?", re.ASCII)


def has_own_delay(raw: Mapping[str, Any]) -> bool:
    """Return whether a step of another kind also has a delay."""
    return any(raw.get(name) is not None for name in HOLDERS)


def parse_delay(raw: Mapping[str, Any], *, path: str) -> Delay:
    given = [name for name in HOLDERS if raw.get(name) is not None]
    if len(given) > 1:
        # One of them is too many, but none is unknown.
        for name in given:
            Fields(raw, path=path).get(name)
        raise InvalidRequest(Fault(path, f"has {' and '.join(given)}: give one of them."))
    holder = given[0] if given else ""
    if holder in {"", "delayMs"}:
        return _parse_any(Fields(raw, path=path))
    step = Fields(raw, path=path)
    fields = Fields(step.get(holder), path=step.path_of(holder))
    if holder == "delay":
        return _parse_any(fields)
    delay = _read_until_date(fields) if holder == "waitUntil" else _read_until_weekday(fields)
    fields.raise_faults()
    return delay


def parse_length(raw: object, *, path: str) -> Duration:
    """Return the length of `{days, hours, minutes, delayMs}`, at most 365 days."""
    fields = Fields(raw, path=path)
    length = _read_needed_length(fields)
    fields.raise_faults()
    return length


def parse_sending_window(raw: object, *, path: str) -> SendingWindow | None:
    """Return the window, None for null and for one that is not enabled."""
    if raw is None or (isinstance(raw, Mapping) and raw.get("enabled") is False):
        return None
    fields = Fields(raw, path=path)
    if (enabled := fields.get("enabled")) is not None and enabled is not True:
        fields.fault("enabled", f"must be true or false, not {type_name(enabled)}.")
    days, start, end, timezone = _read_hours(fields)
    fields.raise_faults()
    return SendingWindow(days=days, start=start, end=end, timezone=timezone)


def _parse_any(fields: Fields) -> Delay:
    """Read a delay by its mode, or by its fields when no mode is given."""
    delay: Delay
    mode = fields.read_choice("mode", MODES, _mode_of(fields))
    if mode == "until_date":
        delay = _read_until_date(fields)
    elif mode == "until_weekday":
        delay = _read_until_weekday(fields)
    else:
        delay = _read_needed_length(fields)
    fields.raise_faults()
    return delay


def _mode_of(fields: Fields) -> str:
    if fields.is_given("field") or fields.is_given("untilDateField"):
        return "until_date"
    if fields.is_given("untilDays") or isinstance(fields.raw.get("days"), list):
        return "until_weekday"
    return "duration"


def _read_until_date(fields: Fields) -> UntilDate:
    field = fields.read_needed(fields.first_given("field", "untilDateField"), read_path, "")
    source = fields.first_given("source", "untilDateSource")
    missing = fields.first_given("missingAction", "untilMissingAction")
    past = fields.first_given("pastAction", "untilPastAction")
    chosen = fields.read_choice(source, SOURCES, "event")
    offset, sign = _read_offset(fields)
    return UntilDate(
        field=field,
        source="subscriber" if chosen == "attribute" else chosen,
        offset_milliseconds=sign * offset.milliseconds,
        offset_days=sign * offset.days,
        anniversary=fields.read("anniversary", read_flag, default=False),
        missing_action=fields.read_choice(missing, ACTIONS, "continue"),
        past_action=fields.read_choice(past, ACTIONS, "continue"),
    )


def _read_offset(fields: Fields) -> tuple[Duration, int]:
    """Return a length and its sign: `offset`, else the days, hours and minutes beside it."""
    name = fields.first_given("direction", "untilOffsetDirection")
    direction = fields.read_choice(name, ("before", "after"), "")
    given = fields.get("offset")
    if given is None:
        length = _read_length(fields) or Duration()
    elif isinstance(given, Mapping):
        length = fields.read_nested("offset", _parse_offset, Duration())
    else:
        # With a direction, a sign would give the direction twice.
        least = 0 if direction else -MOST_MILLISECONDS
        reader = whole_number_reader(least, MOST_MILLISECONDS)
        length = Duration(fields.read("offset", reader, 0))
    return length, -1 if direction == "before" else 1


def _parse_offset(raw: object, *, path: str) -> Duration:
    fields = Fields(raw, path=path)
    length = _read_length(fields) or Duration()
    fields.raise_faults()
    return length


def _read_needed_length(fields: Fields) -> Duration:
    length = _read_length(fields)
    if length is None and not fields.faults:
        fields.faults.append(Fault(fields.path, f"gives no time: {any_of(UNITS)}."))
    return length or Duration()


def _read_length(fields: Fields) -> Duration | None:
    """Return the sum of a length's parts, or None without any."""
    given = [name for name in UNITS if fields.is_given(name)]
    days = milliseconds = 0
    for name in given:
        number = fields.read(name, whole_number_reader(0, MOST_MILLISECONDS // UNITS[name]), 0)
        if name == "days":
            days = number
        else:
            milliseconds += number * UNITS[name]
    if days * delays.DAY + milliseconds > MOST_MILLISECONDS:
        fields.faults.append(Fault(fields.path, f"lasts longer than {MOST_DAYS} days."))
    return Duration(milliseconds, days) if given else None


def _read_until_weekday(fields: Fields) -> UntilWeekday:
    days, start, end, timezone = _read_hours(fields)
    if not any(map(fields.is_given, ("endTime", "untilEndTime"))) and any(
        map(fields.is_given, ("startTime", "untilStartTime"))
    ):
        end = ""
    return UntilWeekday(days=days, start=start, end=end, timezone=timezone)


def _read_hours(fields: Fields) -> tuple[tuple[windows.Day, ...], str, str, str]:
    """Return days in the order of the week, start, end and time zone."""
    name = fields.first_given("days", "untilDays")
    chosen = fields.read_items(name, _read_day, most=len(DAYS))
    if fields.raw.get(name) == []:
        fields.fault(name, "must name at least one day.")
    start = fields.first_given("startTime", "untilStartTime")
    end = fields.first_given("endTime", "untilEndTime")
    return (
        tuple(day for day in DAYS if not chosen or day in chosen),
        fields.read(start, _read_time, MIDNIGHT),
        fields.read(end, _read_time, MIDNIGHT),
        _read_zone(fields),
    )


def _read_day(value: object) -> str:
    day = value.strip().lower() if isinstance(value, str) else value
    if day not in DAYS:
        raise InvalidField(f"must be {any_of(DAYS)}.")
    return day


def _read_time(value: object) -> str:
    """Return "HH:MM"; 24:00 is midnight."""
    match = _TIME.fullmatch(value.strip()) if isinstance(value, str) else None
    hour, minute = (int(match[1]), int(match[2])) if match else (99, 99)
    if (hour, minute) == (24, 0):
        return MIDNIGHT
    if hour > 23 or minute > 59:  # noqa: PLR2004 - a clock's
        raise InvalidField("must be a time of the day from 00:00 to 24:00, as 09:30.")
    return f"{hour:02}:{minute:02}"


def _read_zone(fields: Fields) -> str:
    """Return a zone's name, `workspace`, or "" for the subscriber's."""
    name = fields.first_given("timezone", "untilTimezone")
    origin = fields.first_given("timezoneSource", "untilTimezoneSource")
    own = "custom" if fields.is_given(name) else "subscriber"
    source = fields.read_choice(origin, ZONE_SOURCES, own)
    if source == "workspace":
        return windows.OF_WORKSPACE
    if source == "subscriber":
        return ""
    return fields.read_needed(name, _read_zone_name, "")


def _read_zone_name(value: object) -> str:
    name = read_text(value, longest=LONGEST_ZONE)
    if windows.known_zone(name) is None:
        raise InvalidField("must be the name of a time zone, as Europe/Berlin.")
    return name
