"""The one gate for JSON from outside: what is JSON, and what can be stored.

PostgreSQL refuses NUL and lone surrogates, SQLite takes them; both must give the same answer, so
this gate decides first. msgspec decodes; it takes NUL and numbers of 400 digits, and refuses lone
surrogates, so what it refuses is decoded again by the standard library.
"""

import json
import math
import re
from typing import Any, NoReturn

import msgspec

DEEPEST = 20
_BAD_TEXT = re.compile("[\x00\ud800-\udfff]")
_SUSPECT = re.compile(rb"\\u0000|\d{309}")
# Times the quick encoder's length: `compact` writes 1e+16 for its 1e16.
COMPACT_GROWS_AT_MOST = 2
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


class InvalidJson(ValueError):
    """The body is not JSON as RFC 8259 defines it, or nests too deeply."""

    code = "INVALID_JSON"


def decode(body: bytes) -> Any:  # noqa: ANN401 - any JSON value
    """Return the value; a repeated key's last value counts. Raises `InvalidJson`.

    Refused: bytes that are not UTF-8 or begin with a byte order mark, NaN and Infinity, numbers
    that overflow a double (1e999) or have thousands of digits, more than 20 levels of nesting.
    """
    try:
        value = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        value = _decode_strictly(body)
    if _is_deeper_than(value, DEEPEST):
        raise InvalidJson(f"The body nests deeper than {DEEPEST} levels.")
    return value


def encode_plain(value: object) -> bytes | None:
    """Return a decoded value as JSON, or None when `find_unstorable` must check it.

    Takes a quarter of that check's time (measured). Unstorable are NUL, which JSON must escape, a
    lone surrogate, which the encoder refuses, and numbers with at least 309 digits.
    """
    try:
        encoded = msgspec.json.encode(value)
    except UnicodeEncodeError:
        return None
    return None if _SUSPECT.search(encoded) else encoded


def find_unstorable(value: object) -> str | None:
    """Return what in a JSON value not every database can store, or None."""
    match value:
        case str():
            return "a NUL or half of a surrogate pair" if _BAD_TEXT.search(value) else None
        case bool() | None:
            return None
        case int():
            return None if _fits_double(value) else "a number beyond the range of a double"
        case float():
            return None if math.isfinite(value) else "a number that is not finite"
        case dict():
            parts = [*value.keys(), *value.values()]
        case list():
            parts = value
        case _:
            return f"a {type(value).__name__}"
    return next((fault for part in parts if (fault := find_unstorable(part))), None)


def has_control(text: str) -> bool:
    """Tell whether a text holds control characters, line separators or half surrogates."""
    # Printable text holds none of them, and `isprintable` is much faster.
    return not text.isprintable() and _CONTROL.search(text) is not None


def compact(value: object) -> bytes:
    """Return a storable JSON value as compact UTF-8, whose size the limits count."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def is_same(one: object, other: object) -> bool:
    """Tell whether two stored JSON values are equal: 1 and 1.0 are, 1 and true are not."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(is_same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(is_same, one, other))
    return one == other


def printable(text: str) -> str:
    """Return outside text in a form that every encoder takes, cut to 200 characters."""
    return text[:200].encode("utf-8", "replace").decode()


def _decode_strictly(body: bytes) -> Any:  # noqa: ANN401 - any JSON value
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InvalidJson("The body is not UTF-8.") from error
    try:
        value = json.loads(text, parse_constant=_refuse_constant, parse_float=_parse_float)
    except RecursionError as error:
        raise InvalidJson(f"The body nests deeper than {DEEPEST} levels.") from error
    except InvalidJson:
        raise
    except ValueError as error:
        raise InvalidJson(f"The body is not JSON: {_sentence(error)}") from error
    return value


def _sentence(error: ValueError) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} (line {error.lineno}, column {error.colno})."
    return "a number has too many digits."


def _refuse_constant(name: str) -> NoReturn:
    raise InvalidJson(f"{name} is not JSON.")


def _parse_float(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise InvalidJson("A number is beyond the range of a double.")
    return number


def _fits_double(number: int) -> bool:
    try:
        float(number)
    except OverflowError:
        return False
    return True


def _is_deeper_than(value: object, levels: int) -> bool:
    """Go down level by level, without recursion, so that deep input does no harm.

    Takes as long as decoding. A decoder with a bounded type would be faster, but msgspec needs 13 s
    to make one of 20 levels (measured).
    """
    level = [value]
    for _ in range(levels):
        below: list[object] = []
        for each in level:
            if type(each) is dict:
                below.extend(each.values())
            elif type(each) is list:
                below.extend(each)
        if not below:
            return False
        level = below
    return any(isinstance(each, (dict, list)) for each in level)
