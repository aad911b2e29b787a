"""The profile of a subscriber: its texts, one entry a column.

Whatever reads, stores, compares, copies, exports or shows the profile derives from `TEXTS`; a test
compares it with the model's columns. A profile also has one JSON object, `attributes`, which is
merged key by key.
"""

import zoneinfo
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache


@lru_cache(maxsize=1000)
def _time_zone_fault(name: str) -> str | None:
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return "is not a time zone such as Europe/Berlin."
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """One text of a profile; empty where it was not given."""

    # The column, and the field in JSON and in files.
    name: str
    wire_name: str
    longest: int
    # Returns what is wrong with a trimmed text, as a sentence that follows the field's name.
    find_fault: Callable[[str], str | None] | None = None


LONGEST_NAME = 255
TEXTS = (
    Text(name="first_name", wire_name="firstName", longest=LONGEST_NAME),
    Text(name="last_name", wire_name="lastName", longest=LONGEST_NAME),
    Text(name="timezone", wire_name="timezone", longest=64, find_fault=_time_zone_fault),
)
NAMES = tuple(text.name for text in TEXTS)
# All columns of a profile, in the order of the statements.
COLUMNS = (*NAMES, "attributes")
EMPTY: Mapping[str, str] = dict.fromkeys(NAMES, "")


def wire_form(subscriber: object) -> dict[str, str]:
    """Return the texts of a subscriber's row by the names of their fields."""
    return {text.wire_name: getattr(subscriber, text.name) for text in TEXTS}
