"""What a filter on an attribute means; SQLite calls this, and PostgreSQL has it in SQL.

A name leads through objects by its dots; where it leads nowhere, the whole name may be one key.
`is` compares numbers as numbers ("5", 5 and 5.0 are equal, but for two texts), texts exactly, and
true and false by their words. `contains` finds a part of a text in any case, or an equal item of a
list. The others compare numbers, or days by their first ten signs.
"""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Literal, TypeVar

from events.language.paths import values_at
from events.language.scalars import number_of, plain_date
from events.language.segments.folding import fold

Value = TypeVar("Value", Decimal, str)
Test = Literal["is", "contains", "is_not_empty", "gt", "gte", "lt", "lte"]
# Also how a text begins whose day is compared.
DAY = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}([T ]|$)"
_DAY = re.compile(DAY)
_DAY_LENGTH = 10
EMPTY: tuple[object, ...] = ("", [], {})


def meets(attributes: Mapping[str, Any], name: str, test: Test, wanted: str) -> bool:
    """Return whether the value of an attribute passes a test; a missing one passes none."""
    found = next(iter(values_at(name, attributes)), None)
    if found is None:
        return False
    match test:
        case "is":
            return _is_equal(found, wanted)
        case "contains":
            return _contains(found, wanted)
        case "is_not_empty":
            return found not in EMPTY
        case "gt" | "gte" | "lt" | "lte":
            return _compares(found, test, wanted)


def is_comparable(wanted: str) -> bool:
    return number_of(wanted) is not None or plain_date(wanted) is not None


def _is_equal(found: object, wanted: str) -> bool:
    match found:
        case str():
            return found == wanted
        case bool():
            return wanted == str(found).lower()
        case int() | float():
            return number_of(wanted) is not None and number_of(found) == number_of(wanted)
        case _:
            return False


def _contains(found: object, wanted: str) -> bool:
    if isinstance(found, str):
        return fold(wanted) in fold(found)
    return isinstance(found, list) and any(_is_equal(item, wanted) for item in found)


def _compares(found: object, test: Test, wanted: str) -> bool:
    limit = number_of(wanted)
    if limit is None:
        is_day = isinstance(found, str) and _DAY.match(found)
        return bool(is_day) and _passes(str(found)[:_DAY_LENGTH], test, wanted)
    number = number_of(found)
    return number is not None and _passes(number, test, limit)


def _passes(found: Value, test: Test, limit: Value) -> bool:
    sign = (found > limit) - (found < limit)
    return sign in {"gt": (1,), "gte": (0, 1), "lt": (-1,), "lte": (-1, 0)}[test]
