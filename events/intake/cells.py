"""Cells of CSV files as the values of an event's fields."""

from collections.abc import Mapping
from typing import Any

from subscribers.rows import typed_cells
from subscribers.wire import json_gate, profile
from subscribers.wire.payloads import Fault

OF_PROFILE = tuple(text.wire_name for text in profile.IN_EVENTS)
TEXTS = ("email", "externalId", "name", "eventId", "occurredAt", *OF_PROFILE)
OBJECTS = ("properties", "customAttributes")
PROPERTIES = "properties."
NOT_AN_OBJECT = "must be a JSON object."


class CellColumns:
    """What the columns of one CSV file mean, found out once for all of its rows."""

    def __init__(
        self, columns: tuple[str, ...], mapping: Mapping[str, str], *, is_text_kept: bool
    ) -> None:
        """`columns` are the file's names, `mapping` leads from them to ours."""
        self.columns = columns
        self.is_text_kept = is_text_kept
        ours = [(column, mapping.get(column, column)) for column in columns]
        self.texts = [(column, name) for column, name in ours if name in TEXTS]
        self.objects = [(column, name) for column, name in ours if name in OBJECTS]
        self.properties = [
            (column, name.removeprefix(PROPERTIES))
            for column, name in ours
            if name.startswith(PROPERTIES)
        ]

    def body(self, fields: Mapping[str, str]) -> dict[str, Any] | Fault:
        """Return a row's cells as a request's body; an empty cell is not given."""
        body: dict[str, Any] = {
            name: text for column, name in self.texts if (text := fields[column])
        }
        for column, name in self.objects:
            if text := fields[column].strip():
                value = read_json(text)
                if not isinstance(value, dict):
                    return Fault(name, NOT_AN_OBJECT)
                body[name] = value
        if self.properties:
            properties = body.get("properties", {})
            for column, key in self.properties:
                if text := fields[column]:
                    properties[key] = text if self.is_text_kept else typed_cells.value_of(text)
            body["properties"] = properties
        return body


def read_json(text: str) -> Any:  # noqa: ANN401 - as above
    """Return the value of a JSON text as the API reads it, None for what is none."""
    try:
        return json_gate.decode(text.encode())
    except (json_gate.InvalidJson, UnicodeEncodeError):
        return None


def look_up(fields: Mapping[str, Any], name: str) -> Any:  # noqa: ANN401 - as above
    """Return a row's value by its column, or by a path into its objects; None when not there."""
    if name in fields:
        return fields[name]
    value: Any = fields
    for key in name.split("."):
        if not isinstance(value, dict) or key not in value:
            return None
        value = value[key]
    return value
