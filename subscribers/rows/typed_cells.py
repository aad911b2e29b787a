"""What a cell of a table means as JSON: `19.5`, `true`, `null`, `[1]` and `{"a": 1}`, or a text.

Only JSON's own spelling counts, and only a number that is written back as it came: `007`, `+1`,
`1.10`, `1e5` and `NaN` are texts. Where one cell of a column is a text, all of them are.
"""

import re
from collections.abc import Callable
from typing import Any

from subscribers.wire import json_gate
from subscribers.wire.payloads import InvalidField

# VERBATIM keeps each cell, TEXT each but `null`; JSON reads each cell by itself.
VERBATIM, TEXT, JSON, NUMBER, BOOLEAN = "verbatim", "text", "json", "number", "boolean"
# What `--types` takes.
TYPES = (TEXT, NUMBER, BOOLEAN, JSON)
_WORDS: dict[str, bool | None] = {"true": True, "false": False, "null": None}
NOT_AN_OBJECT = "must be a JSON object."
# JSON's own grammar; a longer one is an identifier rather than a number.
_NUMBER = re.compile(r"-?(?:0|[1-9]\d{0,29})(?:\.\d{1,30})?(?:[eE][+-]?\d{1,3})?", re.ASCII)
# A cell that begins otherwise is a text, as most are.
_BEGINNINGS = frozenset("-0123456789tfn{[")
_YES_OR_NO = {
    "true": True, "false": False, "yes": True, "no": False, "1": True, "0": False,
    # As PostgreSQL and Redshift write them.
    "t": True, "f": False,
}  # fmt: skip


def read_json(text: str) -> Any:  # noqa: ANN401 - any JSON value
    """Return the value of a JSON text as the API reads it; None for text that is no JSON."""
    try:
        return json_gate.decode(text.encode())
    except (json_gate.InvalidJson, UnicodeEncodeError):
        return None


def object_cell(text: str) -> dict[str, Any] | None:
    """Return the object in a cell; raises `InvalidField`."""
    if text.isspace():
        return None
    value = read_json(text.strip())
    if not isinstance(value, dict):
        raise InvalidField(NOT_AN_OBJECT)
    return value


def value_of(text: str) -> Any:  # noqa: ANN401 - any JSON value
    """Return the value of a cell that is not empty; the text itself when it is not JSON."""
    if text[0] not in _BEGINNINGS:
        return text
    if text in _WORDS:
        return _WORDS[text]
    is_number = text[0] not in "{["
    if is_number and not _NUMBER.fullmatch(text):
        return text
    try:
        value = json_gate.decode(text.encode())
    except (json_gate.InvalidJson, UnicodeEncodeError):
        return text
    return text if is_number and repr(value) != text else value


def type_of(text: str) -> str:
    """Return a cell's type for the decision about its column; empty for `null`."""
    if text == "null":
        return ""
    if text.casefold() in {"true", "false"}:
        return BOOLEAN
    value = value_of(text)
    if isinstance(value, str):
        return TEXT
    return NUMBER if isinstance(value, int | float) else JSON


def decide(types: set[str]) -> str:
    """Return the type of a column: a text anywhere makes it one of texts."""
    found = types - {""}
    if TEXT in found:
        return TEXT
    return found.pop() if len(found) == 1 else JSON


def reader(form: str) -> Callable[[str], Any]:
    """Return what reads the cells of a column of that type; empty: each cell by itself."""
    match form:
        case "verbatim":
            return str
        case "text":
            return _read_text
        case "boolean":
            return _read_boolean
        case "number":
            return _read_number
        case _:
            return value_of


def _read_text(text: str) -> str | None:
    return None if text == "null" else text


def _read_boolean(text: str) -> bool | None:
    word = text.strip().casefold()
    if word not in _YES_OR_NO and word != "null":
        raise InvalidField("is neither true nor false.")
    return _YES_OR_NO.get(word)


def _read_number(text: str) -> float | None:
    trimmed = text.strip()
    if trimmed == "null":
        return None
    if not _NUMBER.fullmatch(trimmed):
        raise InvalidField("is no number.")
    try:
        value = json_gate.decode(trimmed.encode())
    except json_gate.InvalidJson as error:
        raise InvalidField("is no number.") from error
    return value  # type: ignore[no-any-return] # the pattern allows numbers alone
