"""Times as other products write them, each column in one form.

A naive time is one of the plan's zone. A number is never guessed to be a year or a day.
"""

import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache, partial
from zoneinfo import ZoneInfo

from subscribers.wire.payloads import InvalidField

ISO, DAY_FIRST, MONTH_FIRST = "Y-m-d", "d/m/Y", "m/d/Y"
SECONDS, MILLISECONDS, MICROSECONDS, EXCEL = "seconds", "milliseconds", "microseconds", "excel"
FORMS = (ISO, DAY_FIRST, MONTH_FIRST, SECONDS, MILLISECONDS, MICROSECONDS, EXCEL)
# Day or month first: both fit.
EITHER = "d/m/Y or m/d/Y"
# As the API takes it: the cell goes on as it is.
STRICT = re.compile(
    r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(?::\d\d(?:[.,]\d{1,9})?)?(?:[Zz]|[+-]\d\d(?::?\d\d)?)", re.ASCII
)
_CLOCK = (
    r"(?:(?:[Tt]|,?\s+)(\d{1,2}):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?"
    r"(?:\s*([AaPp])\.?[Mm]\.?)?)?"
)
_ZONE = (
    r"\s*([Zz]|[+-]\d\d(?::?\d\d)?(?:\s+(?:[A-Z]{1,5}|[+-]\d{2,4}))?"
    r"|\s[A-Za-z_]{1,30}(?:/[A-Za-z_+\-0-9]{1,30}){0,2})?"
)
_YEAR_FIRST = re.compile(rf"(\d{{4}})([-/])(\d{{1,2}})\2(\d{{1,2}}){_CLOCK}{_ZONE}", re.ASCII)
_YEAR_LAST = re.compile(rf"(\d{{1,2}})([-/.])(\d{{1,2}})\2(\d{{4}}|\d\d){_CLOCK}{_ZONE}", re.ASCII)
_NUMBER = re.compile(r"\d{1,17}(?:\.\d{1,9})?", re.ASCII)
_MOST_MONTHS = 12
# 1973 to 5138, so that no year and no `20260131` is one.
_FEWEST_SECONDS, _FEWEST_MILLISECONDS, _FEWEST_MICROSECONDS = 10**8, 10**11, 10**14
_PARTS_OF_A_SECOND = {SECONDS: 1, MILLISECONDS: 1_000, MICROSECONDS: 1_000_000}
_EXCEL_EPOCH = datetime(1899, 12, 30)  # noqa: DTZ001 - days of a sheet are naive
# Two digits of a year, as spreadsheets read them.
_FIRST_YEAR_OF_1900 = 70
_MIDDAY = 12


def form_of(text: str) -> str:
    """Return the form that a cell has by itself; empty for a cell that is no time."""
    if _YEAR_FIRST.fullmatch(text):
        return ISO
    found = _YEAR_LAST.fullmatch(text)
    if found:
        first, second = int(found[1]), int(found[3])
        if first > _MOST_MONTHS or (found[2] == "." and second <= _MOST_MONTHS):
            return DAY_FIRST
        return MONTH_FIRST if second > _MOST_MONTHS else EITHER
    if _NUMBER.fullmatch(text):
        number = float(text)
        if number >= _FEWEST_MICROSECONDS:
            return MICROSECONDS
        if number >= _FEWEST_MILLISECONDS:
            return MILLISECONDS
        return SECONDS if number >= _FEWEST_SECONDS else ""
    return ""


class Undecided(ValueError):
    """The cells of a column do not have one form; the message follows the column's name."""


def decide(forms: Iterable[str]) -> str:
    """Return the form of a column by those of its cells; raises `Undecided`."""
    found = set(forms)
    if {DAY_FIRST, MONTH_FIRST} <= found:
        raise Undecided("has days before months and months before days.")
    if found == {EITHER}:
        raise Undecided("may be d/m/Y or m/d/Y: no day in it is above 12.")
    found.discard(EITHER)
    if len(found) > 1:
        raise Undecided(f"has times in several forms: {', '.join(sorted(found))}.")
    if not found:
        raise Undecided("has no time that can be read.")
    return found.pop()


def reader(*, form: str, zone: str) -> Callable[[str], str | None]:
    """Return what reads the cells of a column; `form` is of `FORMS`, or a pattern with `%`.

    A cell becomes an ISO 8601 time in UTC, a blank one None; `InvalidField` for any other.
    """
    return partial(_read, form=form, zone=zone)


def is_form(form: str) -> bool:
    return form in FORMS or "%" in form


def zone_of(name: str) -> ZoneInfo | None:
    """Return the time zone; None where there is no such name."""
    try:
        return _zone(name)
    except (KeyError, ValueError, OSError):
        return None


def _read(text: str, *, form: str, zone: str) -> str | None:
    trimmed = text.strip()
    if not trimmed:
        return None
    try:
        return _moment(trimmed, form, zone).astimezone(UTC).isoformat()
    except (ValueError, OverflowError, KeyError, OSError) as error:
        raise InvalidField(f"is no time in the form {form} of its column.") from error


def _moment(text: str, form: str, zone: str) -> datetime:
    match form:
        case "Y-m-d":
            found = _YEAR_FIRST.fullmatch(text)
            if found is None:
                raise ValueError(text)
            return _built(found[1], found[3], found[4], found.groups()[4:], zone)
        case "d/m/Y" | "m/d/Y":
            found = _YEAR_LAST.fullmatch(text)
            if found is None:
                raise ValueError(text)
            days = (found[3], found[1]) if form == DAY_FIRST else (found[1], found[3])
            return _built(_year(found[4]), *days, found.groups()[4:], zone)
        case "seconds" | "milliseconds" | "microseconds":
            return datetime.fromtimestamp(float(text) / _PARTS_OF_A_SECOND[form], tz=UTC)
        case "excel":
            day = _EXCEL_EPOCH + timedelta(seconds=round(float(text) * 86_400))
            return day.replace(tzinfo=_zone(zone))
        case _:
            moment = datetime.strptime(text, form)  # noqa: DTZ007 - its zone follows
            return moment if moment.tzinfo else moment.replace(tzinfo=_zone(zone))


def _built(year: str, month: str, day: str, clock: tuple[str | None, ...], zone: str) -> datetime:
    hours, minutes, seconds, fraction, half, named = clock
    hour = int(hours or 0)
    if half:
        hour = hour % _MIDDAY + (_MIDDAY if half in "pP" else 0)
    return datetime(
        int(year), int(month), int(day), hour, int(minutes or 0), int(seconds or 0),
        int((fraction or "0")[:6].ljust(6, "0")), tzinfo=_zone_in(named, zone),
    )  # fmt: skip


def _year(digits: str) -> str:
    if len(digits) > len("26"):
        return digits
    return f"{19 if int(digits) >= _FIRST_YEAR_OF_1900 else 20}{digits}"


def _zone_in(named: str | None, zone: str) -> timezone | ZoneInfo:
    """Return the zone that a time names; an offset counts before the letters after it."""
    text = (named or "").strip()
    if not text:
        return _zone(zone)
    if text in {"Z", "z", "UTC", "GMT"}:
        return UTC
    if text[0] in "+-":
        digits = text[1:].split()[0].replace(":", "").ljust(4, "0")
        offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
        return timezone(-offset if text[0] == "-" else offset)
    return _zone(text)


@lru_cache(maxsize=200)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)
