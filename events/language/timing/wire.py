"""Delays and sending windows in the wire form."""

from typing import Any

from events.language.timing import delays
from events.language.timing.windows import OF_WORKSPACE, SendingWindow


def delay_as_wire(delay: delays.Delay) -> dict[str, Any]:
    """Return the fields of a `delay` step, without defaults."""
    match delay:
        case delays.Duration():
            return length_as_wire(delay.milliseconds)
        case delays.UntilWeekday():
            return {"mode": "until_weekday", **_hours_as_wire(delay)}
        case delays.UntilDate():
            parts: dict[str, Any] = {"mode": "until_date", "field": delay.field}
            if delay.source != "event":
                parts["source"] = delay.source
            if delay.offset_milliseconds:
                parts["offset"] = length_as_wire(abs(delay.offset_milliseconds))
                parts["direction"] = "before" if delay.offset_milliseconds < 0 else "after"
            if delay.missing_action != "continue":
                parts["missingAction"] = delay.missing_action
            if delay.past_action != "continue":
                parts["pastAction"] = delay.past_action
            return parts


def length_as_wire(milliseconds: int) -> dict[str, int]:
    """Return a length as days, hours and minutes; in milliseconds unless it is whole minutes."""
    if milliseconds % delays.MINUTE:
        return {"delayMs": milliseconds}
    parts = {
        "days": milliseconds // delays.DAY,
        "hours": milliseconds % delays.DAY // delays.HOUR,
        "minutes": milliseconds % delays.HOUR // delays.MINUTE,
    }
    return {name: number for name, number in parts.items() if number} or {"minutes": 0}


def window_as_wire(window: SendingWindow) -> dict[str, Any]:
    return {"enabled": True, **_hours_as_wire(window)}


def _hours_as_wire(hours: SendingWindow | delays.UntilWeekday) -> dict[str, Any]:
    parts: dict[str, Any] = {
        "days": list(hours.days),
        "startTime": hours.start,
        "endTime": hours.end,
    }
    if hours.timezone == OF_WORKSPACE:
        parts["timezoneSource"] = OF_WORKSPACE
    elif hours.timezone:
        parts["timezone"] = hours.timezone
    return parts
