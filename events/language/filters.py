"""Property filters: conditions on an event's properties or a person's attributes.

Equality: 1, 1.0 and the string "1" are equal; 1 and true are not; two strings must match exactly. A
string counts as a number when it is plain digits with an optional sign and decimal point, so "1e5"
is a name. A path that reaches several values meets a filter when one of them does; `not_equals` and
`not_exists` are the complements, met when the path reaches nothing.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, time
from enum import StrEnum
from functools import partial
from typing import Any, Literal

import msgspec
from msgspec.structs import replace

from events.language.fields import Fields, any_of, parse_each
from events.language.paths import read_path, values_at
from events.language.scalars import number_of, plain_date, scalar_at
from subscribers.wire import json_gate
from subscribers.wire.payloads import InvalidField, read_moment, type_name

__all__ = [
    "Filter", "Match", "Operator", "are_met", "as_wire", "bound", "is_met", "parse_filter",
    "parse_filters", "read_path", "scalar_at", "unmet", "values_at",
]  # fmt: skip

MOST_FILTERS = 20
MOST_CHOICES = 50
LONGEST_VALUE = 1000

Scalar = str | int | float | bool
Match = Literal["all", "any"]


class Operator(StrEnum):
    EXISTS = "exists"
    NOT_EXISTS = "not_exists"
    EQUALS = "equals"
    NOT_EQUALS = "not_equals"
    ONE_OF = "one_of"
    CONTAINS = "contains"
    GREATER_THAN = "greater_than"
    LESS_THAN = "less_than"


WITHOUT_VALUE = frozenset({Operator.EXISTS, Operator.NOT_EXISTS})


class Filter(msgspec.Struct, frozen=True, omit_defaults=True):
    """One filter; `value` is a tuple for `one_of`, None for `exists` and `not_exists`.

    With an `entry_path` the value is that of the event that began the enrollment: see `bound`.
    """

    path: str
    operator: Operator
    value: Scalar | tuple[Scalar, ...] | None = None
    entry_path: str = ""


def is_met(wanted: Filter, document: object) -> bool:
    """Return whether a document meets the filter; never raises, whatever the document holds."""
    found = values_at(wanted.path, document)
    if (test := _TESTS.get(wanted.operator)) is not None:
        for each in found:  # noqa: SIM110 - a generator takes as long as the test
            if test(each, wanted.value):
                return True
        return False
    match wanted.operator:
        case Operator.EXISTS:
            return bool(found)
        case Operator.NOT_EXISTS:
            return not found
        case _:
            return not any(_is_equal(each, wanted.value) for each in found)


def are_met(filters: Iterable[Filter], document: object) -> bool:
    return unmet(filters, document) is None


def unmet(filters: Iterable[Filter], document: object) -> Filter | None:
    """Return the first filter that the document does not meet, or None."""
    return next((each for each in filters if not is_met(each, document)), None)


def bound(filters: Iterable[Filter], entry: object) -> tuple[Filter, ...]:
    """Return the filters with the values of the event that began the enrollment.

    `entry` are that event's properties. Where an entry path does not lead to one scalar there is
    nothing to compare with, and the filter is never met.
    """
    return tuple(_bound(each, entry) if each.entry_path else each for each in filters)


def parse_filters(raw: object, *, path: str, may_use_entry: bool = False) -> tuple[Filter, ...]:
    """Return up to 20 filters, () for null; raises `InvalidRequest` with every fault."""
    parser = partial(parse_filter, may_use_entry=may_use_entry)
    return parse_each(raw, path=path, parser=parser, most=MOST_FILTERS)


def parse_filter(raw: object, *, path: str, may_use_entry: bool = False) -> Filter:
    """Return one filter `{path, operator, value}`; raises `InvalidRequest` with every fault.

    If it `may_use_entry`, `entryPath` may stand in place of `value`.
    """
    fields = Fields(raw, path=path)
    where = fields.read_needed("path", read_path, "")
    if not fields.is_given("operator"):
        fields.fault("operator", f"is missing: {any_of(Operator)}.")
    operator = Operator(fields.read_choice("operator", tuple(Operator), Operator.EXISTS))
    entry_path = _read_entry_path(fields, operator, may_use_entry=may_use_entry)
    fields.know("value", reason=f"is not used with {operator}.")
    value = None if fields.is_given("entryPath") else _read_value(fields, operator)
    fields.raise_faults()
    return Filter(path=where, operator=operator, value=value, entry_path=entry_path)


def as_wire(filters: Iterable[Filter]) -> list[dict[str, Any]]:
    return [filter_as_wire(each) for each in filters]


def filter_as_wire(wanted: Filter) -> dict[str, Any]:
    value = list(wanted.value) if isinstance(wanted.value, tuple) else wanted.value
    parts = {"path": wanted.path, "operator": wanted.operator.value}
    if wanted.entry_path:
        return {**parts, "entryPath": wanted.entry_path}
    return parts if value is None else {**parts, "value": value}


def _bound(wanted: Filter, entry: object) -> Filter:
    found = values_at(wanted.entry_path, entry)
    value = found[0] if len(found) == 1 else None
    if isinstance(value, str | int | float):
        return replace(wanted, value=value, entry_path="")
    return replace(wanted, operator=Operator.ONE_OF, value=(), entry_path="")


def _read_value(fields: Fields, operator: Operator) -> Scalar | tuple[Scalar, ...] | None:
    if operator is Operator.ONE_OF:
        choices = fields.read_items("value", _read_scalar, most=MOST_CHOICES)
        if not choices and not fields.faults:
            fields.fault("value", f"is missing: an array of 1 to {MOST_CHOICES} values.")
        return choices
    if operator in WITHOUT_VALUE:
        return None
    return fields.read_needed("value", _READERS.get(operator, _read_scalar), None)


def _read_entry_path(fields: Fields, operator: Operator, *, may_use_entry: bool) -> str:
    if not fields.is_given("entryPath"):
        return ""
    if not may_use_entry:
        fields.fault("entryPath", "has no meaning here: no enrollment has begun yet.")
    elif operator in WITHOUT_VALUE or operator is Operator.ONE_OF:
        fields.fault("entryPath", f"does not go with the operator {operator.value}.")
    elif fields.is_given("value"):
        fields.fault("entryPath", "and value are both given: give one of them.")
    return fields.read("entryPath", read_path, "")


def _read_scalar(value: object) -> Scalar:
    if not isinstance(value, str | int | float):
        raise InvalidField(f"must be a string, a number or a boolean, not {type_name(value)}.")
    fault = json_gate.find_unstorable(value)
    if fault:
        raise InvalidField(f"cannot be stored: it holds {fault}.")
    if isinstance(value, str) and len(value) > LONGEST_VALUE:
        raise InvalidField(f"has {len(value)} characters; at most {LONGEST_VALUE} are allowed.")
    return value


def _read_part(value: object) -> Scalar:
    part = _read_scalar(value)
    if isinstance(part, str) and not part:
        raise InvalidField(f"must not be empty: 1-{LONGEST_VALUE} characters.")
    return part


def _read_bound(value: object) -> Scalar:
    bound = _read_scalar(value)
    if number_of(bound) is None and _moment(bound) is None:
        raise InvalidField(
            "must be a number, an ISO 8601 time with an offset, or a date such as 2026-01-31."
        )
    return bound


def _is_equal(found: object, wanted: object) -> bool:
    if isinstance(wanted, bool):
        return found is wanted
    if isinstance(found, str) and isinstance(wanted, str):
        return found == wanted
    one, other = number_of(found), number_of(wanted)
    return one is not None and one == other


def _is_one_of(found: object, wanted: object) -> bool:
    return isinstance(wanted, tuple) and any(_is_equal(found, each) for each in wanted)


def _contains(found: object, wanted: object) -> bool:
    """Return whether a text has a part, ignoring case, or a list has an equal item."""
    if isinstance(found, str):
        return isinstance(wanted, str) and wanted.casefold() in found.casefold()
    return isinstance(found, list) and any(_is_equal(item, wanted) for item in found)


def _sign(found: object, bound: object) -> int:
    """Return -1 or 1 for less or greater; 0 when they are equal or cannot be compared."""
    number, limit = number_of(found), number_of(bound)
    if number is not None and limit is not None:
        return (number > limit) - (number < limit)
    moment, border = _moment(found), _moment(bound)
    if moment is not None and border is not None:
        return (moment > border) - (moment < border)
    return 0


def _moment(value: object) -> datetime | None:
    try:
        day = plain_date(value)
        # A filter knows no person, so a day begins in UTC.
        return datetime.combine(day, time(), UTC) if day else read_moment(value)
    except InvalidField:
        return None


_TESTS: Mapping[Operator, Callable[[object, object], bool]] = {
    Operator.EQUALS: _is_equal,
    Operator.ONE_OF: _is_one_of,
    Operator.CONTAINS: _contains,
    Operator.GREATER_THAN: lambda found, bound: _sign(found, bound) > 0,
    Operator.LESS_THAN: lambda found, bound: _sign(found, bound) < 0,
}
_READERS: Mapping[Operator, Callable[[object], Scalar]] = {
    Operator.CONTAINS: _read_part,
    Operator.GREATER_THAN: _read_bound,
    Operator.LESS_THAN: _read_bound,
}
