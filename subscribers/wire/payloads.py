"""What a caller sends about a person, checked and typed.

A fault names the field and the limit. Nothing here knows rows: services find identities.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any

from subscribers.wire import addresses, json_gate, names, profile

LONGEST_EXTERNAL_ID = 255
# RFC 3339, and ISO 8601's offset in hours or without a colon. A fixed grammar, because
# `fromisoformat` differs between versions of Python.
_MOMENT = re.compile(
    r"(\d{4}-\d{2}-\d{2})[Tt ]((?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d)?)(?:[.,](\d{1,9}))?"
    r"(Z|z|[+-](?:[01]\d|2[0-3])(?::?[0-5]\d)?)",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with a request: the field's path (`events[3].name`) and a sentence."""

    path: str
    message: str


class InvalidRequest(ValueError):
    """The request itself is wrong; nothing of it was done."""

    code = "VALIDATION_ERROR"

    def __init__(self, *faults: Fault) -> None:
        self.faults = faults
        super().__init__(" ".join(f"{fault.path} {fault.message}" for fault in faults[:3]))


class InvalidField(ValueError):
    """One field is wrong; the message follows the field's name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Who a request is about, and what it says about them; at least one identity is given."""

    email: addresses.Address | None
    external_id: str | None
    # The given texts of the profile, by column: none is empty.
    texts: Mapping[str, str] = field(default_factory=dict)
    # A value of None removes the key.
    attributes: Mapping[str, Any]
    # Whether they are asked to confirm again if they left.
    resubscribes: bool = False

    @property
    def identity(self) -> tuple[str | None, str | None]:
        """Distinguishes this person from others within one request."""
        return (self.email.key if self.email else None, self.external_id)


def parse_person(raw: Mapping[str, Any], *, attributes_bytes: int) -> Person:
    """Return the person of a request, or raise `InvalidRequest` with every fault found."""
    faults: list[Fault] = []
    person = read_person(raw, faults, attributes_bytes=attributes_bytes)
    if faults:
        raise InvalidRequest(*faults)
    return person


def read_person(raw: Mapping[str, Any], faults: list[Fault], *, attributes_bytes: int) -> Person:
    """Return the person of a request without wrong fields, which are added to `faults`."""
    read = partial(read_field, raw, faults)
    person = Person(
        email=read("email", read_email),
        external_id=read("externalId", read_external_id),
        texts=read_texts(raw, profile.TEXTS, faults),
        attributes=read("customAttributes", lambda value: read_object(value, attributes_bytes), {}),
        resubscribes=read("resubscribe", read_flag, default=False),
    )
    if raw.get("email") is None and raw.get("externalId") is None:
        faults.append(Fault("email", "is needed: give email, externalId or both."))
    return person


def read_field(
    raw: Mapping[str, Any],
    faults: list[Fault],
    name: str,
    reader: Callable[[object], Any],
    default: Any = None,  # noqa: ANN401 - one reader per type
) -> Any:  # noqa: ANN401 - as above
    """Return what a reader makes of a field; the default, and a fault, where it is wrong."""
    try:
        return default if raw.get(name) is None else reader(raw[name])
    except InvalidField as error:
        faults.append(Fault(name, str(error)))
        return default


def read_email(value: object) -> addresses.Address:
    text = read_text(value, longest=addresses.LONGEST)
    try:
        return addresses.parse(text)
    except addresses.InvalidAddress as error:
        raise InvalidField(str(error)) from error


def read_external_id(value: object) -> str:
    """Return the caller's own id for a person, trimmed, case kept."""
    return read_text(value, longest=LONGEST_EXTERNAL_ID)


def read_texts(
    raw: Mapping[str, Any], texts: Iterable[profile.Text], faults: list[Fault]
) -> dict[str, str]:
    """Return the given texts by column, trimmed; blank means not given, faults are collected."""
    given: dict[str, str] = {}
    for text in texts:
        value = raw.get(text.wire_name)
        if value is None or (isinstance(value, str) and not value.strip()):
            continue
        try:
            given[text.name] = read_text(value, longest=text.longest)
        except InvalidField as error:
            faults.append(Fault(text.wire_name, str(error)))
            continue
        fault = text.find_fault and text.find_fault(given[text.name])
        if fault:
            faults.append(Fault(text.wire_name, fault))
    return given


def read_text(value: object, *, longest: int) -> str:
    """Return a text, trimmed, of 1 to `longest` characters without control characters."""
    if not isinstance(value, str):
        raise InvalidField(f"must be a string, not {type_name(value)}.")
    text = value.strip()
    if not text:
        raise InvalidField(f"must not be blank: 1-{longest} characters.")
    if len(text) > longest:
        raise InvalidField(f"has {len(text)} characters; at most {longest} are allowed.")
    if json_gate.has_control(text):
        raise InvalidField("holds control characters or half of a surrogate pair.")
    return text


def read_name(value: object, *, longest: int) -> str:
    """Return a text that people compare by eye: no sign that cannot be seen, no blank but single
    spaces.
    """
    name = names.plain(read_text(value, longest=longest))
    unseen = names.find_unseen(name)
    if unseen:
        raise InvalidField(f"holds a sign that cannot be seen ({unseen}).")
    return name


def read_flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise InvalidField(f"must be true or false, not {type_name(value)}.")
    return value


def read_object(value: object, most_bytes: int) -> dict[str, Any]:
    """Return a JSON object that can be stored, at most `most_bytes` long as compact UTF-8."""
    if not isinstance(value, dict):
        raise InvalidField(f"must be an object, not {type_name(value)}.")
    encoded = json_gate.encode_plain(value)
    if encoded is None:
        fault = json_gate.find_unstorable(value)
        if fault:
            raise InvalidField(f"cannot be stored: it holds {fault}.")
    elif len(encoded) * json_gate.COMPACT_GROWS_AT_MOST <= most_bytes:
        return value
    size = len(json_gate.compact(value))
    if size > most_bytes:
        raise InvalidField(f"has {size} bytes as compact JSON; at most {most_bytes} are allowed.")
    return value


def read_moment(value: object) -> datetime:
    """Return an ISO 8601 time with an offset, in UTC, to the microsecond."""
    match = _MOMENT.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        raise InvalidField("must be an ISO 8601 time with an offset, as 2026-01-31T09:30:00Z.")
    day, clock, fraction, offset = match.groups()
    clock = clock if len(clock) > len("HH:MM") else f"{clock}:00"
    microseconds = (fraction or "0")[:6].ljust(6, "0")
    try:
        moment = datetime.fromisoformat(f"{day}T{clock}.{microseconds}{offset.upper()}")
        return moment.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise InvalidField("names a day that does not exist.") from error


def type_name(value: object) -> str:
    """Return what JSON calls a value's type, with its article."""
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case int() | float():
            return "a number"
        case str():
            return "a string"
        case list():
            return "an array"
        case _:
            return "an object"
