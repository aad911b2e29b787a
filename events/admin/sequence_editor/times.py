"""Lengths and hours as form fields, to the wire form and back.

A text that is no number is passed on, so that the wire's parser refuses it.
"""

from collections.abc import Mapping
from typing import Any

from events.admin.sequence_editor.fields import FieldFault
from events.language.timing.delays import HOUR, MINUTE
from events.language.timing.windows import MIDNIGHT

Wire = dict[str, Any]
# Far beyond every limit, and far below the digits that Python refuses.
MOST_DIGITS = 15
PARTS = ("days", "hours", "minutes")


# The field for each wire name of hours on days.
HOURS_NAMES = {"days": "weekdays", "startTime": "start", "endTime": "end", "timezone": "timezone"}


def wire_names(name: str) -> dict[str, str]:
    """Return the field for each wire path of a length of that name."""
    return {**{f"{name}.{part}": part for part in PARTS}, name: "days"}


def number_from(given: str) -> Any:  # noqa: ANN401 - what is no number goes on as it is
    """Return a whole number, None for a blank, or the text for the parser to refuse."""
    plain = given.strip()
    is_number = plain.isascii() and plain.removeprefix("-").isdigit() and len(plain) <= MOST_DIGITS
    return int(plain) if is_number else plain or None


def length_from(cleaned: Mapping[str, Any], *, prefix: str = "") -> Wire:
    """Return the parts of a length that were given; raises `FieldFault`."""
    parts = {name: number_from(cleaned[prefix + name]) for name in PARTS}
    seconds = cleaned.get(f"{prefix}seconds", "").strip()
    if seconds:
        try:
            parts["delayMs"] = round(float(seconds) * 1000)
        except (ValueError, OverflowError) as error:
            raise FieldFault(f"{prefix}seconds", "must be a number.") from error
    return {name: part for name, part in parts.items() if part is not None}


def length_parts(wire: Wire, *, prefix: str = "") -> Wire:
    """Return the parts of a length, with an odd rest in seconds; days only where it has days."""
    rest = wire.get("delayMs", 0)
    parts = {name: wire.get(name, 0) for name in PARTS}
    for name, size in (("hours", HOUR), ("minutes", MINUTE)):
        count, rest = divmod(rest, size)
        parts[name] += count
    shown = {f"{prefix}{name}": str(count) for name, count in parts.items() if count}
    return {**shown, f"{prefix}seconds": f"{rest / 1000:g}"} if rest else shown


def hours_from(cleaned: Mapping[str, Any], *, prefix: str = "") -> Wire:
    zone = cleaned[f"{prefix}timezone"].strip()
    found = {
        "days": cleaned[f"{prefix}weekdays"] or None,
        "startTime": cleaned[f"{prefix}start"] or None,
        "endTime": cleaned[f"{prefix}end"] or None,
    }
    if zone == "workspace":
        return {**found, "timezoneSource": "workspace"}
    return {**found, "timezone": zone or None}


def hours_initial(wire: Wire, *, prefix: str = "") -> Wire:
    return {
        f"{prefix}weekdays": wire.get("days", []),
        f"{prefix}start": _hour(wire.get("startTime", MIDNIGHT)),
        f"{prefix}end": _hour(wire.get("endTime", MIDNIGHT)),
        f"{prefix}timezone": wire.get("timezone", wire.get("timezoneSource", "")),
    }


def _hour(clock: str) -> str:
    """Return a time of the day; midnight is shown as a blank."""
    return "" if clock == MIDNIGHT else clock
