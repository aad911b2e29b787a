"""Names of tags or lists in one cell of a table: `vip;trial`, as people write them in a sheet.

Our own cells have `;` between names, or are a JSON array where that form is ambiguous: for no names
at all (an empty cell means not given), and for names with characters that some form needs. Other
products use `,` or `|`, and quotes around names: that is decided by the column as a whole.
"""

import csv
import json

from subscribers.wire import json_gate

SEPARATOR = ";"
# The first that any cell of a column has is the column's.
SEPARATORS = (SEPARATOR, ",", "|")
_QUOTE = '"'


class InvalidNames(ValueError):
    """The cell is invalid; the message follows the column's name."""

    code = "VALIDATION_ERROR"


def joined(names: list[str]) -> str:
    """Return the cell's text; `parted` reads every list of texts back."""
    text = SEPARATOR.join(names)
    is_plain = names and not text.startswith("[") and all(map(_is_plain, names))
    return text if is_plain else json.dumps(names, ensure_ascii=False)


def parted(text: str, *, separator: str = SEPARATOR) -> list[str] | None:
    """Return the names of a cell, trimmed; None when it is empty. Raises `InvalidNames`."""
    trimmed = text.strip()
    if not trimmed:
        return None
    if not trimmed.startswith("["):
        return [name.strip() for name in _split(trimmed, separator) if name.strip()]
    try:
        names = json_gate.decode(trimmed.encode("utf-8", "surrogatepass"))
    except json_gate.InvalidJson as error:
        raise InvalidNames("begins with [ and is no JSON array of texts.") from error
    if not all(isinstance(name, str) for name in names):
        raise InvalidNames("begins with [ and is no JSON array of texts.")
    return list(names)


def separators_in(text: str) -> set[str]:
    """Return the separators that a cell has outside quotes and JSON."""
    bare = text.strip()
    if bare.startswith("["):
        return set()
    if _QUOTE in bare:
        bare = "".join(bare.split(_QUOTE)[::2])
    return {each for each in SEPARATORS if each in bare}


def decide(found: set[str]) -> str:
    """Return the separator of a column that has these."""
    return next((each for each in SEPARATORS if each in found), SEPARATOR)


def _split(text: str, separator: str) -> list[str]:
    if _QUOTE not in text:
        return text.split(separator)
    try:
        return next(csv.reader([text], delimiter=separator, skipinitialspace=True))
    except (csv.Error, StopIteration) as error:
        raise InvalidNames("has a quote out of place.") from error


def _is_plain(name: str) -> bool:
    return name == name.strip() != "" and not any(each in name for each in (*SEPARATORS, _QUOTE))
