"""The Liquid filters that a mail's template may use, each with a bounded result.

They are our own: python-liquid's build results of any size, read the clock and mark text as safe. A
missing value counts as blank text, an empty list or zero.
"""

import html
import math
import re
from collections.abc import Callable, Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from urllib.parse import quote_plus

from babel import numbers

from subscribers.templating import dates
from subscribers.templating.reader import Reader
from subscribers.templating.values import (
    MOST_ITEMS,
    MOST_TEXT,
    Escaped,
    FilterRefused,
    NoNumber,
    items_of,
    needed_number,
    number_of,
    text_of,
)

MOST_DECIMALS = 10
_CURRENCY = re.compile("[A-Z]{3}")
_TAG = re.compile(r"(<[^<>]*>)")
_HIDDEN = re.compile(r"<\s*(script|style)\b", re.IGNORECASE)


def _whole(value: object) -> int:
    return int(number_of(value))


def _fits(length: int) -> None:
    if length > MOST_TEXT:
        raise FilterRefused(f"a text would have more than {MOST_TEXT:,} characters.")


def _fields(value: object, key: object) -> list[tuple[Any, Any]]:
    """Return each item with its field of that name; without a name, with itself."""
    name = None if key is None else text_of(key)
    return [
        (item, item if name is None else item.get(name) if isinstance(item, dict) else None)
        for item in items_of(value)
    ]


def _replace(value: object, old: object, new: object = "") -> str:
    text, sought, put = text_of(value), text_of(old), text_of(new)
    _fits(len(text) + text.count(sought) * (len(put) - len(sought)))
    return text.replace(sought, put)


def _split(value: object, separator: object = "") -> list[str]:
    text, mark = text_of(value), text_of(separator)
    if (text.count(mark) if mark else len(text)) >= MOST_ITEMS:
        raise FilterRefused(f"a list would have more than {MOST_ITEMS:,} items.")
    if not mark:
        return list(text)
    return [] if text in ("", mark) else text.split(None if mark == " " else mark)


def _join(value: object, separator: object = " ") -> str:
    parts, mark = [text_of(item) for item in items_of(value)], text_of(separator)
    _fits(sum(map(len, parts)) + len(mark) * len(parts))
    return mark.join(parts)


def _truncate(value: object, length: object = 50, end: object = "...") -> str:
    text, most, tail = text_of(value), _whole(length), text_of(end)
    return text if len(text) <= most else text[: max(0, most - len(tail))] + tail


def _slice(value: object, start: object, length: object = 1) -> object:
    parts = items_of(value) if isinstance(value, (list, tuple, range)) else text_of(value)
    begin, most = _whole(start), max(0, _whole(length))
    begin = max(0, begin + len(parts)) if begin < 0 else begin
    return parts[begin : begin + most]


def _strip_html(value: object) -> str:
    kept, hidden_by = [], ""
    for part in _TAG.split(text_of(value)):
        if hidden_by:
            hidden_by = "" if part.lower().startswith(f"</{hidden_by}") else hidden_by
        elif opening := _HIDDEN.match(part):
            hidden_by = opening.group(1).lower()
        elif not _TAG.fullmatch(part):
            kept.append(part)
    return "".join(kept)


def _escape(value: object) -> Escaped:
    return value if isinstance(value, Escaped) else Escaped(html.escape(text_of(value)))


def _newline_to_br(value: object) -> Escaped:
    return Escaped(re.sub(r"\r?\n", "<br>\n", _escape(value)))


def _url_encode(value: object) -> str:
    text = text_of(value)
    _fits(len(text))
    return quote_plus(text)


def _default(value: object, other: object = "", *, allow_false: object = False) -> object:
    if value is False:
        return value if allow_false is True else other
    is_empty = isinstance(value, (str, list, tuple, dict)) and not value
    is_known = isinstance(value, (str, int, float, list, tuple, dict, range))
    return value if is_known and not is_empty else other


def _size(value: object) -> int:
    return len(value) if isinstance(value, (str, list, tuple, dict)) else len(items_of(value))


def _first(value: object) -> object:
    return next(iter(items_of(value)), None) if not isinstance(value, str) else None


def _last(value: object) -> object:
    return next(reversed(items_of(value)), None) if not isinstance(value, str) else None


def _sort(value: object, key: object = None) -> list[Any]:
    def place(pair: tuple[object, object]) -> tuple[int, float, str]:
        by = pair[1]
        if isinstance(by, (int, float)):
            return (0, number_of(by), "")
        return (1, 0, by) if isinstance(by, str) else (2, 0, "")

    return [item for item, _ in sorted(_fields(value, key), key=place)]


def _uniq(value: object, key: object = None) -> list[Any]:
    first_by_text: dict[str, object] = {}
    for item, field in _fields(value, key):
        first_by_text.setdefault(repr(field), item)
    return list(first_by_text.values())


def _where(value: object, key: object, wanted: object = None) -> list[Any]:
    if not isinstance(wanted, (str, int, float)):
        return [item for item, field in _fields(value, text_of(key)) if field not in (None, False)]
    return [item for item, field in _fields(value, text_of(key)) if field == wanted]


def _calculated(
    whole: Callable[[int, int], int], exact: Callable[[Decimal, Decimal], Decimal]
) -> Callable[[object, object], int | float]:
    """Return a filter that calculates in integers or, as money needs it, in decimals."""

    def calculate(value: object, other: object) -> int | float:
        one, two = needed_number(value), needed_number(other)
        if isinstance(one, int) and isinstance(two, int):
            return needed_number(whole(one, two))
        return needed_number(float(exact(Decimal(str(one)), Decimal(str(two)))))

    return calculate


def _round(value: object, decimals: object = 0) -> int | float:
    """Round half away from zero, as Liquid does."""
    places = min(max(0, _whole(decimals)), MOST_DECIMALS)
    exact = _decimal(value).quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP)
    return float(exact) if places else int(exact)


def _decimal(value: object) -> Decimal:
    return Decimal(str(needed_number(value)))


def _number(value: object, decimals: object = None, *, reader: Reader) -> str:
    """Write a number as the reader's language does, with so many decimals where they are given."""
    number, pattern = _decimal(value), None
    if decimals is not None:
        places = min(max(0, _whole(decimals)), MOST_DECIMALS)
        number = _decimal(_round(value, places))
        pattern = "#,##0." + "0" * places if places else "#,##0"
    return numbers.format_decimal(number, format=pattern, locale=reader.locale)


def _money(value: object, currency: object = "USD", *, reader: Reader) -> str:
    """Write an amount with its currency's sign and decimals, as the reader's language does."""
    code = text_of(currency).strip().upper()
    if not _CURRENCY.fullmatch(code):
        raise NoNumber("a currency has three letters, such as EUR")
    places = numbers.get_currency_precision(code)
    return numbers.format_currency(_decimal(_round(value, places)), code, locale=reader.locale)


FILTERS: Mapping[str, Callable[..., Any]] = {
    "append": lambda value, other: text_of(value) + text_of(other),
    "capitalize": lambda value: text_of(value).capitalize(),
    "ceil": lambda value: math.ceil(needed_number(value)),
    "date": dates.spell,
    "default": _default,
    "divided_by": _calculated(lambda one, two: one // two, lambda one, two: one / two),
    "downcase": lambda value: text_of(value).lower(),
    "escape": _escape,
    "first": _first,
    "floor": lambda value: math.floor(needed_number(value)),
    "join": _join,
    "last": _last,
    "map": lambda value, key: [field for _, field in _fields(value, text_of(key))],
    "minus": _calculated(lambda one, two: one - two, lambda one, two: one - two),
    "modulo": _calculated(lambda one, two: one % two, lambda one, two: one % two),
    "money": _money,
    "newline_to_br": _newline_to_br,
    "number": _number,
    "plus": _calculated(lambda one, two: one + two, lambda one, two: one + two),
    "prepend": lambda value, other: text_of(other) + text_of(value),
    "replace": _replace,
    "reverse": lambda value: items_of(value)[::-1],
    "round": _round,
    "size": _size,
    "slice": _slice,
    "sort": _sort,
    "split": _split,
    "strip": lambda value: text_of(value).strip(),
    "strip_html": _strip_html,
    "times": _calculated(lambda one, two: one * two, lambda one, two: one * two),
    "truncate": _truncate,
    "uniq": _uniq,
    "upcase": lambda value: text_of(value).upper(),
    "url_encode": _url_encode,
    "where": _where,
}
# Their result depends on who reads it and when.
OF_READER = frozenset({"date", "money", "number"})
# What a character costs a filter, in characters that others handle (measured).
COSTS: Mapping[str, int] = {"date": 100, "money": 100, "number": 100, "strip_html": 16}
# Liquid's other filters: refused after a single pipe, where any other text is a fallback.
UNAVAILABLE = frozenset({
    "abs", "at_least", "at_most", "base64_decode", "base64_encode", "compact", "concat",
    "date_to_string", "escape_once", "escapejs", "find", "find_index", "has", "json", "lstrip",
    "reject", "remove", "remove_first", "remove_last", "replace_first", "replace_last", "rstrip",
    "safe", "sort_natural", "squish", "strip_newlines", "sum", "truncatewords", "url_decode",
})  # fmt: skip
