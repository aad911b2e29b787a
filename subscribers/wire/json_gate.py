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
# What decides where a text stops being JSON; a string without its end goes on to the text's end.
_TOKEN = re.compile(
    r'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)|[\[\]{}]|NaN|-?Infinity'
    r"|-?\d++(?:\.\d++)?[eE][+-]?\d++|-?\d{309,}+(?:\.\d++)?",
    re.DOTALL,
)
# The standard library's own limit for integers.
_MOST_DIGITS = 4300
# The depth of an element's brackets is one more: of the body, then of its array.
_IN_ARRAY = 2
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
        value = None
    else:
        if not _is_deeper_than(value, DEEPEST):
            return value
    text = _text_of(body)
    try:
        return _decode_strictly(text, levels=DEEPEST)
    except _Flaw as flaw:
        raise InvalidJson(f"The body {flaw.words} ({_place(text, flaw.position)}).") from flaw


def decode_apart(body: bytes, *, array: str) -> Any:  # noqa: ANN401 - any JSON value
    """Return what `decode` does, but an object in an array of the body that is not JSON is an
    `InvalidJson` in its place. Raises `InvalidJson` where it cannot be told apart from the rest.
    """
    try:
        return decode(body)
    except InvalidJson:
        text = _text_of(body)
        spans = _spans_in(text, array)
        rest = _without(text, spans)
        try:
            value = _decode_strictly(rest, levels=DEEPEST)
        except _Flaw:
            value = None
        if not isinstance(value, dict) or not isinstance(value.get(array), list):
            raise
    parts = [_decode_part(text, start, end) for start, end in spans]
    value[array] = [parts[each[0]] if isinstance(each, list) else each for each in value[array]]
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


class _Flaw(ValueError):
    def __init__(self, position: int, words: str) -> None:
        self.position = position
        self.words = words


def _text_of(body: bytes) -> str:
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError as error:
        place = _place(body[: error.start].decode("utf-8"), error.start)
        raise InvalidJson(f"The body is not UTF-8 ({place}).") from error


def _decode_strictly(text: str, *, levels: int) -> Any:  # noqa: ANN401 - any JSON value
    """Return the value; raises `_Flaw` with its position in the text."""
    try:
        value = json.loads(text, parse_constant=_refuse, parse_float=_parse_float)
    except json.JSONDecodeError as error:
        raise _Flaw(error.pos, f"is not JSON: {error.msg}") from error
    except (RecursionError, ValueError) as error:
        raise _find_flaw(text, levels) from error
    if _is_deeper_than(value, levels):
        raise _find_flaw(text, levels)
    return value


def _find_flaw(text: str, levels: int) -> _Flaw:
    """Return the first place in a text that keeps it from being JSON for us."""
    depth = 0
    for token in _TOKEN.finditer(text):
        word = token[0]
        if word[0] in "[{":
            depth += 1
            if depth > levels:
                return _Flaw(token.start(), f"nests deeper than {DEEPEST} levels")
        elif word[0] in "]}":
            depth -= 1
        elif word[-1] in "Ny":
            return _Flaw(token.start(), f"holds {word}, which is not JSON")
        elif word[0] != '"' and (len(word) > _MOST_DIGITS or not math.isfinite(float(word))):
            return _Flaw(token.start(), "holds a number beyond the range of a double")
    return _Flaw(0, "is not JSON")


def _spans_in(text: str, array: str) -> list[tuple[int, int]]:
    """Return where the objects and arrays in one array of the top object begin and end."""
    spans: list[tuple[int, int]] = []
    depth, start, key, is_inside = 0, 0, "", False
    for token in _TOKEN.finditer(text):
        word = token[0]
        if word[0] in "[{":
            depth += 1
            if depth == _IN_ARRAY:
                is_inside = word == "[" and key == f'"{array}"'
            elif depth == _IN_ARRAY + 1:
                start = token.start()
        elif word[0] in "]}":
            if is_inside and depth == _IN_ARRAY + 1:
                spans.append((start, token.end()))
            depth -= 1
        elif depth == _IN_ARRAY - 1:
            key = word
    return spans


def _without(text: str, spans: list[tuple[int, int]]) -> str:
    """Return the text with each span's number, in an array, in the span's place."""
    kept: list[str] = []
    last = 0
    for number, (start, end) in enumerate(spans):
        kept += (text[last:start], f"[{number}]")
        last = end
    return "".join([*kept, text[last:]])


def _decode_part(text: str, start: int, end: int) -> Any:  # noqa: ANN401 - any JSON value
    try:
        return _decode_strictly(text[start:end], levels=DEEPEST - _IN_ARRAY)
    except _Flaw as flaw:
        return InvalidJson(f"{flaw.words} ({_place(text, start + flaw.position)}).")


def _place(text: str, position: int) -> str:
    line = text.count("\n", 0, position) + 1
    column = position - text.rfind("\n", 0, position)
    return f"line {line}, column {column}"


def _refuse(name: str) -> NoReturn:
    raise ValueError(name)


def _parse_float(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
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
