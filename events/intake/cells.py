"""The fields of an event in files, and how CSV cells become their values."""

from dataclasses import replace
from typing import Any

from subscribers.rows.columns import FULL_NAME, Fields
from subscribers.rows.headers import OF_EVENTS, ranked
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
    cells={**dict.fromkeys((*TEXTS, FULL_NAME)), **dict.fromkeys(OBJECTS, _object_cell)},
    prefix=PROPERTIES,
    object_name="properties",
    times=frozenset({"occurredAt"}),
    synonyms=ranked(OF_EVENTS),
)
# A preset says itself what its columns are.
BESIDE_PRESETS = replace(FIELDS, times=frozenset(), synonyms={})
# What a file of events must have: the fields, and what to do without them.
NEEDS_A_PERSON = (
    frozenset({"email", "externalId"}),
    (
        "no column is email or externalId, so nobody is named; name one with --map THEIRS=email, "
        "or say with --from which product wrote the file."
    ),
)
NEEDS_A_NAME = (
    frozenset({"name"}),
    "no column is name, the event's; name one with --map THEIRS=name.",
)
NEEDS_A_TIME = (
    frozenset({"occurredAt"}),
    "no column is the time, so all would be dated now; --map THEIRS=occurredAt, or --occurred-now.",
)
