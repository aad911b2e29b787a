"""How far back a filter looks: `24h`, `30d` or `all`, in hours; None is all."""

import re

from subscribers.wire.payloads import InvalidField

HOURS_A_DAY = 24
MOST_HOURS = 365 * HOURS_A_DAY
MOST_DAYS_SINCE_ADDED = 3650
_WINDOW = re.compile(r"([1-9]\d{0,3})([hd])", re.ASCII)
_AGE = re.compile(r"([1-9]\d{0,4}) ?(hour|day)s?", re.ASCII)


def read_window(text: str) -> int | None:
    if text == "all":
        return None
    match = _WINDOW.fullmatch(text)
    hours = _hours(int(match[1]), is_days=match[2] == "d") if match else 0
    if not 0 < hours <= MOST_HOURS:
        raise InvalidField("must say how far back: 1h to 8760h, 1d to 365d, or all.")
    return hours


def write_window(hours: int | None) -> str:
    if hours is None:
        return "all"
    is_days = hours % HOURS_A_DAY == 0 and hours > HOURS_A_DAY
    return f"{hours // HOURS_A_DAY}d" if is_days else f"{hours}h"


def read_age(text: str) -> int:
    match = _AGE.fullmatch(text)
    hours = _hours(int(match[1]), is_days=match[2] == "day") if match else 0
    if not 0 < hours <= MOST_DAYS_SINCE_ADDED * HOURS_A_DAY:
        most = f"{MOST_DAYS_SINCE_ADDED} days"
        raise InvalidField(f"must be an age such as 7 days or 12 hours, at most {most}.")
    return hours


def age_in_words(hours: int) -> str:
    """Return the age as it is written: `7 days`, `1 hour`."""
    days, rest = divmod(hours, HOURS_A_DAY)
    number, unit = (hours, "hour") if rest else (days, "day")
    return f"{number} {unit}{'' if number == 1 else 's'}"


def _hours(number: int, *, is_days: bool) -> int:
    return number * HOURS_A_DAY if is_days else number
