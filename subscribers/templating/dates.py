"""The `date` filter of a mail's template: formats a time by a pattern."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from babel import dates as babel_dates

from subscribers.templating.reader import ENGLISH, Reader
from subscribers.templating.values import FilterRefused, number_of, text_of

LONGEST_DATE_FORMAT = 100
_DIRECTIVE = re.compile(r"%(-?)(.?)", re.DOTALL)
# What the C library does not have, or not the same everywhere.
_SPELLED: Mapping[str, Callable[[datetime], str]] = {
    "Y": lambda moment: f"{moment.year:04d}",
    "e": lambda moment: f"{moment.day:2d}",
    "P": lambda moment: moment.strftime("%p").lower(),
    "l": lambda moment: f"{moment.hour % 12 or 12:2d}",
    "F": lambda moment: moment.date().isoformat(),
    "%": lambda _: "%",
}
_DIRECTIVES = frozenset("aAbBdeHIjlmMpPSyYFTD%zZ")
# Names in other languages than English, as Babel's patterns.
_NAMES: Mapping[str, str] = {"a": "EEE", "A": "EEEE", "b": "MMM", "B": "MMMM"}


def spell(value: object, pattern: object, *, reader: Reader) -> str:
    """Return a time by a pattern of `%` and a letter, in the reader's time zone and language; any
    other value is returned as text. "now" is the moment when the mail is made.

    Raises `FilterRefused` for unknown letters and long patterns: the C library's own widths, as in
    `%1000000d`, would fill the memory.
    """
    wanted = text_of(pattern)
    if len(wanted) > LONGEST_DATE_FORMAT:
        raise FilterRefused(f"a date format may have {LONGEST_DATE_FORMAT} characters.")
    for dash, letter in _DIRECTIVE.findall(wanted):
        if letter not in _DIRECTIVES or not letter:
            raise FilterRefused(f"'%{dash}{letter}' is no part of a date format.")
    if text_of(value).strip().lower() in ("now", "today"):
        moment = reader.now
        if moment is None:
            return ""
    else:
        moment = _moment_of(value)
    if moment is None:
        return text_of(value)
    try:
        # A time without a zone is taken as the reader's own.
        local = moment.astimezone(reader.zone) if moment.tzinfo else _placed(moment, reader)
    except OverflowError:
        return text_of(value)
    return _DIRECTIVE.sub(lambda match: _formatted(local, match, reader.locale), wanted)


def _placed(moment: datetime, reader: Reader) -> datetime:
    return moment.replace(tzinfo=reader.zone)


def _moment_of(value: object) -> datetime | None:
    try:
        if isinstance(value, str):
            return datetime.fromisoformat(value.strip())
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        return datetime.fromtimestamp(number_of(value), UTC) if is_number else None
    except (ValueError, OverflowError, OSError):
        return None


def _formatted(moment: datetime, match: re.Match[str], locale: str) -> str:
    dash, letter = match.groups()
    if letter in _NAMES and locale != ENGLISH:
        return babel_dates.format_datetime(moment, _NAMES[letter], locale=locale)
    spell_out = _SPELLED.get(letter)
    spelled = spell_out(moment) if spell_out else moment.strftime(f"%{letter}")
    return (spelled.lstrip("0 ") or "0") if dash else spelled
