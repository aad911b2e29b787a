"""Values in a mail's template: what is a text, a list, a number, and how large it may be."""

import re
from typing import Any

MOST_TEXT = 512 * 1024  # characters of any one text
MOST_ITEMS = 10_000  # of a list that a template makes
LARGEST_NUMBER = 10**15  # whole numbers up to here are exact in a double
# What an item of a list or object costs beside a character of a text: some 0.3 µs against 6 ns.
WEIGHT_OF_ITEM = 50
_NUMBER = re.compile(r"\s*(-?\d{1,16})(\.\d{1,16})?\s*", re.ASCII)


_SIZED = (str, dict, list, tuple)


class FilterRefused(ValueError):
    """A filter's value or result is over a limit; the message says which."""

    code = "TEMPLATE_ERROR"


class NoNumber(Exception):
    """A calculation's value is missing or no number, so the filter gives nothing."""

    code = "TEMPLATE_ERROR"


class Escaped(str):
    """Text that is HTML already. Only `escape` and `newline_to_br` make it.

    The result of any other filter is plain text again, so that nothing marks text as safe.
    """

    __slots__ = ()


def weight_of(value: object, *, most: int) -> int:
    """Return what reading all of a value costs, in characters; counts no further than `most`."""
    weight, level = 0, [value]
    while level and weight <= most:
        each = level.pop()
        if isinstance(each, str):
            weight += len(each)
        elif isinstance(each, range):
            weight += WEIGHT_OF_ITEM * len(each)
        elif isinstance(each, dict):
            weight += WEIGHT_OF_ITEM * len(each) + sum(map(len, each))
            level.extend(part for part in each.values() if isinstance(part, _SIZED))
        elif isinstance(each, (list, tuple)):
            weight += WEIGHT_OF_ITEM * len(each)
            level.extend(part for part in each if isinstance(part, _SIZED))
    return weight + 1


def text_of(value: object) -> str:
    """Return a value as a template prints it; objects and missing values print nothing."""
    match value:
        case str():
            return str(value)
        case bool():
            return "true" if value else "false"
        case int() | float():
            return str(value)
        case range():
            return f"{value.start}..{value.stop - 1}"
        case list() | tuple():
            return "".join(map(text_of, value))
        case _:
            return ""


def items_of(value: object) -> list[Any]:
    """Return a value as a list: a single value as a list of one, a missing one as an empty list."""
    match value:
        case range():
            if value.stop - value.start > MOST_ITEMS:
                raise FilterRefused(f"a range may have at most {MOST_ITEMS:,} items.")
            return list(value)
        case list() | tuple():
            return list(value)
        case str() | int() | float() | dict():
            return [value]
        case _:
            return []


def number_of(value: object) -> int | float:
    """Return a value as a number; 0 when it is none."""
    return bounded(plain_number(value) or 0)


def needed_number(value: object) -> int | float:
    """Return a value as a number, as a calculation needs it; raises `NoNumber`."""
    number = plain_number(value)
    if number is None:
        kind = {str: "a text", bool: "true or false"}.get(type(value), "a value")
        raise NoNumber(f"{kind} is no number")
    if not abs(number) <= LARGEST_NUMBER:
        raise NoNumber("a number is beyond 1,000,000,000,000,000")
    return number


def plain_number(value: object) -> int | float | None:
    """Return a number, or a text of plain digits as one; None for anything else.

    The same rule as that of filters and conditions.
    """
    match value:
        case bool():
            return None
        case int() | float():
            return value
        case str():
            match = _NUMBER.fullmatch(value)
            if match is None:
                return None
            return float(value) if match.group(2) else int(value)
        case _:
            return None


def bounded(number: int | float) -> int | float:
    """Return the number, or raise `FilterRefused` beyond 10^15 either way."""
    # Written so that NaN, too, is refused.
    if not abs(number) <= LARGEST_NUMBER:
        raise FilterRefused("a number is beyond 1,000,000,000,000,000.")
    return number
