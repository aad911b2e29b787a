"""What a cell of a table means as JSON: `19.5`, `true`, `null`, `[1]` and `{"a": 1}`, or a text.

Only JSON's own spelling counts: `007`, `+1`, `1.`, `True` and `NaN` are texts.
"""

import re
from typing import Any

from subscribers.wire import json_gate

_WORDS: dict[str, bool | None] = {"true": True, "false": False, "null": None}
# JSON's own grammar; a longer one is an identifier rather than a number.
_NUMBER = re.compile(r"-?(?:0|[1-9]\d{0,29})(?:\.\d{1,30})?(?:[eE][+-]?\d{1,3})?", re.ASCII)
# A cell that begins otherwise is a text, as most are.
_BEGINNINGS = frozenset("-0123456789tfn{[")


def value_of(text: str) -> Any:  # noqa: ANN401 - any JSON value
    """Return the value of a cell that is not empty; the text itself when it is not JSON."""
    if text[0] not in _BEGINNINGS:
        return text
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in "{[" and not _NUMBER.fullmatch(text):
        return text
    try:
        return json_gate.decode(text.encode())
    except (json_gate.InvalidJson, UnicodeEncodeError):
        return text
