"""The fields of an event in files, and how CSV cells become their values."""

from typing import Any

from subscribers.rows.columns import Fields
from subscribers.wire import json_gate, profile
from subscribers.wire.payloads import InvalidField

OF_PROFILE = tuple(text.wire_name for text in profile.TEXTS)
TEXTS = ("email", "externalId", "name", "eventId", "occurredAt", *OF_PROFILE)
OBJECTS = ("properties", "customAttributes")
PROPERTIES = "properties."
NOT_AN_OBJECT = "must be a JSON object."


def read_json(text: str) -> Any:  # noqa: ANN401 - any JSON value
    """Return the value of a JSON text as the API reads it; None for text that is no JSON."""
    try:
        return json_gate.decode(text.encode())
    except (json_gate.InvalidJson, UnicodeEncodeError):
        return None


def _object_cell(text: str) -> dict[str, Any] | None:
    if text.isspace():
        return None
    value = read_json(text.strip())
    if not isinstance(value, dict):
        raise InvalidField(NOT_AN_OBJECT)
    return value


FIELDS = Fields(
    cells={**dict.fromkeys(TEXTS), **dict.fromkeys(OBJECTS, _object_cell)},
    prefix=PROPERTIES,
    object_name="properties",
)
