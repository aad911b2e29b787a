"""Names of tags or lists in one cell of a table: `vip;trial`, as people write them in a sheet.

The cell is a JSON array where that form is ambiguous: for no names at all (an empty cell means not
given), and for names with characters that the form needs.
"""

import json

from subscribers.wire import json_gate

SEPARATOR = ";"


class InvalidNames(ValueError):
    """The cell is invalid; the message follows the column's name."""

    code = "VALIDATION_ERROR"


def joined(names: list[str]) -> str:
    """Return the cell's text; `parted` reads every list of texts back."""
    text = SEPARATOR.join(names)
    is_plain = names and not text.startswith("[") and all(map(_is_plain, names))
    return text if is_plain else json.dumps(names, ensure_ascii=False)


def parted(text: str) -> list[str] | None:
    """Return the names of a cell, trimmed; None when it is empty. Raises `InvalidNames`."""
    trimmed = text.strip()
    if not trimmed:
        return None
    if not trimmed.startswith("["):
        return [name.strip() for name in trimmed.split(SEPARATOR) if name.strip()]
    try:
        names = json_gate.decode(trimmed.encode("utf-8", "surrogatepass"))
    except json_gate.InvalidJson as error:
        raise InvalidNames("begins with [ and is no JSON array of texts.") from error
    if not all(isinstance(name, str) for name in names):
        raise InvalidNames("begins with [ and is no JSON array of texts.")
    return list(names)


def _is_plain(name: str) -> bool:
    return name == name.strip() != "" and SEPARATOR not in name
