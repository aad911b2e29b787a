"""One filter of a segment: `{id, kind, field, operator, value}`; the value is always a text."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Literal, get_args

import msgspec

from events.intake.payloads import LONGEST_NAME
from events.language.fields import Fields, any_of, read_storable
from events.language.paths import ANY_ITEM, read_path
from events.language.segments import windows
from events.language.segments.attributes import is_comparable
from events.language.steps.rules import read_list_reference, read_tag
from subscribers.wire import addresses
from subscribers.wire.payloads import InvalidField, read_email, read_name, read_text

Field = Literal[
    "status", "tag", "list", "segment", "email", "emailProvider", "firstName", "lastName", "added",
    "attribute", "event", "emailSent", "emailDelivered", "emailOpened", "emailClicked",
    "emailBounced", "emailComplained",
]  # fmt: skip
Operator = Literal[
    "is", "is_not", "contains", "not_contains", "is_empty", "is_not_empty", "less_than",
    "more_than", "gt", "gte", "lt", "lte", "at_least", "less_than_count", "is_temporary_bounce",
    "is_permanent_bounce",
]  # fmt: skip
STATUSES: Final = ("active", "pending", "unsubscribed", "bounced", "complained")
MAIL_KINDS: Final = ("marketing", "transactional")
# What is asked of mails: sent, and what became of them.
MAIL_FIELDS: Final[tuple[Field, ...]] = (
    "emailSent", "emailDelivered", "emailOpened", "emailClicked", "emailBounced", "emailComplained",
)  # fmt: skip
EMPTINESS: Final = ("is_empty", "is_not_empty")
COMPARISONS: Final = ("gt", "gte", "lt", "lte")
COUNTS: Final = ("at_least", "less_than_count")
NEGATIONS: Final = ("is_not", "not_contains", "is_empty", "less_than_count")
MOST_TIMES = 1000
LONGEST_TEXT = 255
LONGEST_ID = 64
PARTS_OF_COUNT = 3


class SegmentFilter(msgspec.Struct, frozen=True, kw_only=True):
    """A filter with its value taken apart; `name` is what it is about, by its field.

    A tag, an event or an attribute by name, a list or segment by id, a status, an address or a part
    of one, a provider's domain, a part of a name.
    """

    id: str
    field: Field
    operator: Operator
    name: str = ""
    # An attribute's value.
    text: str = ""
    # How often, and how far back: None is ever.
    count: int = 1
    hours: int | None = None


Parts = Mapping[str, Any]


def parse_filter(fields: Fields, *, filter_id: str) -> SegmentFilter | None:
    """Return the filter, or None and a fault in `fields`."""
    field = _read_field(fields)
    if not field:
        return None
    operators = OPERATORS[field]
    operator = fields.read_choice("operator", operators, "")
    if not fields.is_given("operator"):
        fields.fault("operator", f"is missing: {any_of(operators)}.")
    if not operator:
        return None
    try:
        value = read_storable("" if fields.get("value") is None else fields.get("value"))
        parts = _READERS[field](value.strip(), operator)
    except InvalidField as error:
        fields.fault("value", str(error))
        return None
    return SegmentFilter(id=filter_id, field=field, operator=operator, **parts)


def filter_as_wire(one: SegmentFilter) -> dict[str, str]:
    value = _value(one)
    parts = {"id": one.id, "kind": "filter", "field": one.field, "operator": one.operator}
    return {**parts, "value": value}


def _read_field(fields: Fields) -> Any:  # noqa: ANN401 - a `Field`, or ""
    if not fields.is_given("field"):
        fields.fault("field", f"is missing: {any_of(get_args(Field))}.")
    return fields.read_choice("field", get_args(Field), "")


def _value(one: SegmentFilter) -> str:
    if one.operator in EMPTINESS and one.field != "attribute":
        return ""
    match one.field:
        case "attribute":
            return one.name if one.operator in EMPTINESS else f"{one.name}:{one.text}"
        case "event":
            count = f":{one.count}" if one.operator in COUNTS else ""
            return f"{one.name}{count}:{windows.write_window(one.hours)}"
        case "added":
            return windows.age_in_words(one.hours or 0)
        case _ if one.field in MAIL_FIELDS:
            first = str(one.count) if one.operator in COUNTS else one.name
            return f"{first}:{windows.write_window(one.hours)}".removeprefix(":")
        case _:
            return one.name


def _read_status(value: str, operator: str) -> Parts:  # noqa: ARG001 - as the other readers
    if value not in STATUSES:
        raise InvalidField(f"must be {any_of(STATUSES)}.")
    return {"name": value}


def _unless_emptiness(read: Callable[[str], str]) -> Callable[[str, str], Parts]:
    """Return a reader of a name, which the operators about emptiness do not have."""
    return lambda value, operator: {} if operator in EMPTINESS else {"name": read(value)}


def _read_part(value: str) -> str:
    return read_text(value, longest=LONGEST_TEXT)


def _read_email(value: str, operator: str) -> Parts:
    if operator in {"is", "is_not"}:
        return {"name": read_email(value).key}
    return {"name": _read_part(value)}


def _read_provider(value: str) -> str:
    """Return the domain as keys of addresses have it."""
    try:
        return addresses.parse(f"a@{value.removeprefix('@')}").key.removeprefix("a@")
    except addresses.InvalidAddress as error:
        raise InvalidField("must be the domain of addresses, such as gmail.com.") from error


def _read_added(value: str, operator: str) -> Parts:  # noqa: ARG001 - as the other readers
    return {"hours": windows.read_age(value)}


def _read_attribute(value: str, operator: str) -> Parts:
    """Read `name:value`; a name has no colon, a value may."""
    given, colon, text = value.partition(":")
    name = read_path(given)
    if ANY_ITEM in name:
        raise InvalidField("names items of a list by []; use contains with the list's name.")
    if operator in EMPTINESS:
        return {"name": name}
    text = text.strip()
    if not colon or not text:
        raise InvalidField("must be an attribute's name and a value, such as plan:pro.")
    if len(text) > LONGEST_TEXT:
        raise InvalidField(f"has a value of {len(text)} characters; at most {LONGEST_TEXT}.")
    if operator in COMPARISONS and not is_comparable(text):
        raise InvalidField("must compare with a number, or a day such as 2026-01-31.")
    return {"name": name, "text": text}


def _read_event(value: str, operator: str) -> Parts:
    """Read `name:30d` or `name:5:30d` from its end: names may have colons."""
    is_count = operator in COUNTS
    parts = value.rsplit(":", 2 if is_count else 1)
    if len(parts) != (PARTS_OF_COUNT if is_count else PARTS_OF_COUNT - 1):
        form = "name:5:30d" if is_count else "name:30d or name:all"
        raise InvalidField(f"must be an event's name and how far back, as {form}.")
    times = {"count": _read_times(parts[1])} if is_count else {}
    name = read_name(parts[0], longest=LONGEST_NAME)
    return {"name": name, "hours": windows.read_window(parts[-1].strip()), **times}


def _read_mail(value: str, operator: str) -> Parts:
    first, colon, last = value.rpartition(":")
    hours = windows.read_window(last)
    if operator in COUNTS:
        if not colon:
            raise InvalidField("must be how often and how far back, as 10:30d.")
        return {"count": _read_times(first), "hours": hours}
    if first and first not in MAIL_KINDS:
        raise InvalidField(f"must begin with {any_of(MAIL_KINDS)}, or be a time such as 30d.")
    return {"name": first, "hours": hours}


def _read_times(text: str) -> int:
    number = text.strip()
    is_number = number.isascii() and number.isdigit() and len(number) <= len(str(MOST_TIMES))
    if not is_number or not 1 <= int(number) <= MOST_TIMES:
        raise InvalidField(f"must say how often: a whole number from 1 to {MOST_TIMES}.")
    return int(number)


_OF_MAIL: tuple[Operator, ...] = ("is", "is_not", *COUNTS)
OPERATORS: Mapping[Field, Sequence[Operator]] = {
    "status": ("is", "is_not"),
    "tag": ("contains", "not_contains", *EMPTINESS),
    "list": ("is", "is_not", *EMPTINESS),
    "segment": ("is", "is_not"),
    "email": ("contains", "not_contains", "is", "is_not"),
    "emailProvider": ("is", "is_not", *EMPTINESS),
    "firstName": ("contains", "not_contains", *EMPTINESS),
    "lastName": ("contains", "not_contains", *EMPTINESS),
    "added": ("less_than", "more_than"),
    "attribute": ("is", "is_not", *EMPTINESS, "contains", "not_contains", *COMPARISONS),
    "event": ("is", "is_not", *COUNTS),
    **dict.fromkeys(MAIL_FIELDS, _OF_MAIL),
    "emailBounced": (*_OF_MAIL, "is_temporary_bounce", "is_permanent_bounce"),
}
_READERS: Mapping[Field, Callable[[str, str], Parts]] = {
    "status": _read_status,
    "tag": _unless_emptiness(read_tag),
    "list": _unless_emptiness(read_list_reference),
    "segment": _unless_emptiness(read_list_reference),
    "email": _read_email,
    "emailProvider": _unless_emptiness(_read_provider),
    "firstName": _unless_emptiness(_read_part),
    "lastName": _unless_emptiness(_read_part),
    "added": _read_added,
    "attribute": _read_attribute,
    "event": _read_event,
    **dict.fromkeys(MAIL_FIELDS, _read_mail),
}
