"""A sequence's general fields: between the form and the wire form.

A field has its own name on the wire; those of the exit condition and the window are within objects.
"""

from collections.abc import Mapping
from typing import Any

from django import forms

from events.admin.sequence_editor.fields import read, wire_name, written
from events.admin.sequence_editor.times import HOURS_NAMES, Wire, hours_from, hours_initial
from events.language.entry import TRIGGERS, TriggerType

STOP_TYPES = {"": "never", "event_received": "when an event comes", "tag_added": "when a tag comes"}
# The fields whose names differ, by wire path; the longer path comes first.
RENAMED = {
    "stopCondition.propertyFilters": "stop_filters", "stopCondition.matchConfig": "stop_field_path",
    "stopCondition": "stop_value", "propertyFilters": "filters",
    **{f"sendingWindow.{name}": f"window_{field}" for name, field in HOURS_NAMES.items()},
}  # fmt: skip
UNSENT = ("workspace", "seen", "stop_type", "window_is_on")
_OF_TRIGGERS = {name for facts in TRIGGERS.values() for name in facts.fields}


def names_of(fields: Mapping[str, forms.Field]) -> dict[str, str]:
    """Return the field that shows a fault of a wire path."""
    known = {*RENAMED.values(), *UNSENT}
    return {**RENAMED, **{wire_name(name): name for name in fields if name not in known}}


def wire_of(cleaned: Mapping[str, Any], fields: Mapping[str, forms.Field]) -> Wire:
    """Return the general fields as `parse_sequence` takes them; raises `FieldFault`.

    Fields of another trigger or mode are left out, so that they cannot fail.
    """
    chosen: TriggerType | None = cleaned.get("trigger")
    left_out = _OF_TRIGGERS - {*(TRIGGERS[chosen].fields if chosen else ())}
    if cleaned.get("enrollment_mode") != "matching_field":
        left_out.add("enrollmentFieldPath")
    own = _own(fields).items()
    window = hours_from(cleaned, prefix="window_") if cleaned.get("window_is_on") else None
    return {
        **{name: _said(cleaned, fields, field) for name, field in own if name not in left_out},
        "stopCondition": _stop(cleaned, fields),
        "sendingWindow": window,
    }


def initial_of(wire: Wire, fields: Mapping[str, forms.Field]) -> Wire:
    """Return the form's initial values; an empty `wire` gives those of a new sequence."""
    stop = wire.get("stopCondition", {})
    window = wire.get("sendingWindow")
    own = _own(fields)
    given = {field: wire[name] for name, field in own.items() if name in wire}
    return {
        **dict.fromkeys(own.values(), ""),
        "enrollment_mode": "unlimited",
        **{field: written(fields[field], value) for field, value in given.items()},
        "stop_type": stop.get("type", ""),
        "stop_value": stop.get("value", ""),
        "stop_filters": written(fields["stop_filters"], stop.get("propertyFilters", ())),
        "stop_field_path": stop.get("matchConfig", {}).get("fieldPath", ""),
        "window_is_on": window is not None,
        **hours_initial(window or {}, prefix="window_"),
    }


def _own(fields: Mapping[str, forms.Field]) -> dict[str, str]:
    """Return the fields that are no part of an object, by their names on the wire."""
    return {
        name: field
        for name, field in names_of(fields).items()
        if field in fields and not name.startswith(("stopCondition", "sendingWindow"))
    }


def _said(cleaned: Mapping[str, Any], fields: Mapping[str, forms.Field], field: str) -> Any:  # noqa: ANN401 - JSON
    return read(field, fields[field], cleaned.get(field) or "") or None


def _stop(cleaned: Mapping[str, Any], fields: Mapping[str, forms.Field]) -> Wire | None:
    kind = cleaned.get("stop_type")
    if not kind:
        return None
    stop = {"type": kind, "value": cleaned.get("stop_value") or None}
    if kind == "tag_added":
        return stop
    path = cleaned.get("stop_field_path")
    return {
        **stop,
        "propertyFilters": _said(cleaned, fields, "stop_filters"),
        "matchConfig": {"mode": "matching_field", "fieldPath": path} if path else None,
    }
