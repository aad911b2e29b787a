"""JSON scalars: as exact numbers, and as texts that are the same for equal numbers."""

import math
import re
from datetime import date
from decimal import Decimal

from events.language.paths import values_at

LONGEST_KEY = 255
_DAY_LENGTH = len("2026-01-31")
_NUMERAL = re.compile(r"\s*[+-]?\d{1,40}(?:\.\d{1,40})?\s*", re.ASCII)


def scalar_at(path: str, document: object) -> str | None:
    """Return the text of the one scalar at the path.

    Strings are trimmed, 1 and 1.0 are "1", booleans "true" and "false". None for nothing, a blank,
    an object, an array, several values, and texts of over 255 characters.
    """
    found = values_at(path, document)
    text = _canonical(found[0]) if len(found) == 1 else None
    return text if text and len(text) <= LONGEST_KEY else None


def number_of(value: object) -> Decimal | None:
    """Return a value as an exact number, or None; a double counts as its shortest form.

    A string is a number when it is plain digits with an optional sign and decimal point.
    """
    match value:
        case bool():
            return None
        case int():
            return Decimal(value)
        case float():
            return Decimal(repr(value)) if math.isfinite(value) else None
        case str():
            return Decimal(value.strip()) if _NUMERAL.fullmatch(value) else None
        case _:
            return None


def plain_date(value: object) -> date | None:
    """Return a date without a time, such as `2026-01-31`; None for anything else."""
    text = value.strip() if isinstance(value, str) else ""
    # `fromisoformat` takes 2026-W05 and 20260131 from Python 3.11 on.
    if len(text) != _DAY_LENGTH or not text.isascii() or text.count("-") != 2:  # noqa: PLR2004 - hyphens
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _canonical(value: object) -> str | None:
    match value:
        case str():
            return value.strip()
        case bool():
            return "true" if value else "false"
        case int() | float():
            number = number_of(value)
            # The number of digits first: a text of 10**100000 takes a second to write.
            if number is None or abs(number.adjusted()) > LONGEST_KEY:
                return None
            text = f"{number:f}" if number else "0"
            return text.rstrip("0").rstrip(".") if "." in text else text
        case _:
            return None
