"""The step `update_subscriber`: changes a person's names, status and attributes."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal, Self

import msgspec

from events.language.fields import Fields, optional_text_reader, parse_each, text_reader
from events.language.placed_tags import check_value, has_tag
from events.language.steps.kinds.base import BaseStep
from subscribers.templating.merge_tags import is_lone
from subscribers.wire.payloads import Fault, InvalidField, read_object
from subscribers.wire.profile import LONGEST_NAME

MOST_ATTRIBUTES_BYTES = 64 * 1024
LONGEST_ATTRIBUTE_NAME = 200
MOST_UPDATES = 100
VALUE_TYPES = ("string", "number", "boolean", "date")
_NUMERAL = re.compile(r"-?\d{1,30}(?:\.\d{1,30})?", re.ASCII)


class UpdateSubscriberStep(BaseStep, frozen=True):
    """Changes the person: None keeps a field, "" clears a name, None removes an attribute.

    An attribute's value may be one merge tag alone, whose value is taken over with its type.
    """

    kind: ClassVar = "update_subscriber"

    first_name: str | None = None
    last_name: str | None = None
    status: Literal["active", "unsubscribed"] | None = None
    attributes: dict[str, Any] = msgspec.field(default_factory=dict)

    @classmethod
    def read(cls, fields: Fields) -> Self:
        """Read the changes at the step's top or in its `config`."""
        inner = fields
        if fields.is_given("config"):
            inner = Fields(fields.get("config"), path=fields.path_of("config"))
            # Clients send one; the step's own counts.
            inner.get("label")
        name = optional_text_reader(LONGEST_NAME)
        step = cls(
            first_name=inner.read("firstName", name, None),
            last_name=inner.read("lastName", name, None),
            status=inner.read_choice("status", ("active", "unsubscribed"), "") or None,
            attributes=_read_attribute_changes(inner),
        )
        if inner is not fields:
            fields.faults += inner.faults
        changes = (step.first_name, step.last_name, step.status, step.attributes or None)
        if not fields.faults and all(change is None for change in changes):
            message = "changes nothing: give firstName, lastName, status or attributes."
            fields.faults.append(Fault(fields.path, message))
        return step

    @property
    def attribute_tags(self) -> Mapping[str, str]:
        """The attributes whose value is a merge tag. A step of an older release may have other
        texts with braces, which stay as they are.
        """
        texts = {name: each for name, each in self.attributes.items() if isinstance(each, str)}
        return {name: text for name, text in texts.items() if has_tag(text) and is_lone(text)}

    @property
    def templates(self) -> Sequence[str]:
        """The merge tags that it fills in."""
        return tuple(self.attribute_tags.values())


def _read_attribute_changes(fields: Fields) -> dict[str, Any]:
    """Return new values by name; None removes an attribute.

    They come as an object, or as `customAttributeUpdates[{name, value, valueType}]`. Faults are
    kept in the fields.
    """
    name = fields.first_given("attributes", "customAttributes")
    nothing: dict[str, Any] = {}
    found = {**fields.read(name, _read_attributes, nothing)}
    updates: tuple[dict[str, Any], ...]
    updates = fields.read_nested("customAttributeUpdates", _parse_updates, ())
    for each, value in () if fields.is_stored else found.items():
        try:
            check_value(value)
        except InvalidField as error:
            fields.fault(f"{name}.{each}", str(error))
    for update in updates:
        found |= update
    if updates and not fields.faults:
        try:
            _read_attributes(found)
        except InvalidField as error:
            fields.fault("customAttributeUpdates", str(error))
    return found


def _read_attributes(value: object) -> dict[str, Any]:
    return read_object(value, MOST_ATTRIBUTES_BYTES)


def _parse_updates(raw: object, *, path: str) -> tuple[dict[str, Any], ...]:
    return parse_each(raw, path=path, parser=_parse_update, most=MOST_UPDATES)


def _parse_update(raw: object, *, path: str) -> dict[str, Any]:
    """Return one update as a name with its value; without a value it removes the attribute."""
    fields = Fields(raw, path=path)
    name = fields.read_needed("name", text_reader(LONGEST_ATTRIBUTE_NAME), "")
    kind = fields.read_choice("valueType", VALUE_TYPES, "")
    value = fields.read("value", lambda given: _typed(given, kind), None)
    fields.raise_faults()
    return {name: value}


def _typed(value: object, kind: str) -> object:
    """Return the value as its `valueType` says; "10" is a number."""
    if isinstance(value, str) and has_tag(value):
        return check_value(value)
    if kind == "boolean" and not isinstance(value, bool):
        if value in ("true", "false"):
            return value == "true"
        raise InvalidField("must be true or false, as its valueType says.")
    if kind == "number" and (isinstance(value, bool) or not isinstance(value, int | float)):
        return _read_number(value)
    if kind in {"string", "date"} and not isinstance(value, str):
        raise InvalidField("must be a string, as its valueType says.")
    return value


def _read_number(value: object) -> int | float:
    if isinstance(value, str) and _NUMERAL.fullmatch(value.strip()):
        return float(value) if "." in value else int(value)
    raise InvalidField("must be a number, as its valueType says.")
