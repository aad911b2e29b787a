"""Delays and sending windows in the wire form."""

from typing import Any

from events.language.timing import delays
from events.language.timing.windows import OF_WORKSPACE, SendingWindow


def delay_as_wire(delay: delays.Delay) -> dict[str, Any]:
    """Return the fields of a `delay` step, without defaults."""
    match delay:
        case delays.Duration():
            return length_as_wire(delay)
        case delays.UntilWeekday():
            return {"mode": "until_weekday", **_hours_as_wire(delay)}
        case delays.UntilDate():
            parts: dict[str, Any] = {"mode": "until_date", "field": delay.field}
            if delay.source != "event":
                parts["source"] = delay.source
            days, milliseconds = delay.offset_days, delay.offset_milliseconds
            if days or milliseconds:
                parts["offset"] = length_as_wire(delays.Duration(abs(milliseconds), abs(days)))
                parts["direction"] = "before" if (days or milliseconds) < 0 else "after"
            if delay.missing_action != "continue":
                parts["missingAction"] = delay.missing_action
            if delay.past_action != "continue":
                parts["pastAction"] = delay.past_action
            if delay.anniversary:
                parts["anniversary"] = True
            return parts


def length_as_wire(length: delays.Duration) -> dict[str, int]:
    """Return a length as days, hours and minutes; in milliseconds unless it is whole minutes."""
    parts = {"days": length.days}
    if length.milliseconds % delays.MINUTE:
        parts["delayMs"] = length.milliseconds
    else:
        parts["hours"] = length.milliseconds // delays.HOUR
        parts["minutes"] = length.milliseconds % delays.HOUR // delays.MINUTE
    return {name: number for name, number in parts.items() if number} or {"minutes": 0}


def window_as_wire(window: SendingWindow) -> dict[str, Any]:
    return {"enabled": True, **_hours_as_wire(window)}


def _hours_as_wire(hours: SendingWindow | delays.UntilWeekday) -> dict[str, Any]:
    parts: dict[str, Any] = {
        "days": list(hours.days),
        "startTime": hours.start,
    }
    if hours.end:
        parts["endTime"] = hours.end
    if hours.timezone == OF_WORKSPACE:
        parts["timezoneSource"] = OF_WORKSPACE
    elif hours.timezone:
        parts["timezone"] = hours.timezone
    return parts
