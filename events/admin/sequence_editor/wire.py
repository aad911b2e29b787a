"""A sequence's general fields: between the form and the wire form."""

from collections.abc import Callable, Mapping
from typing import Any

from events.admin.sequence_editor import lines
from events.admin.sequence_editor.fields import FieldFault
from events.admin.sequence_editor.times import Wire, hours_from, hours_initial
from events.language.entry import TRIGGERS, TriggerType

# How to read a trigger's fields from the form, by their names on the wire.
_READ: Mapping[str, Callable[[Mapping[str, Any]], Any]] = {
    "eventName": lambda cleaned: cleaned.get("event_name") or None,
    "propertyFilters": lambda cleaned: _read(cleaned, "filters", lines.filters_from),
    "tagNames": lambda cleaned: lines.names_from(cleaned.get("tag_names", "")),
    "lists": lambda cleaned: lines.names_from(cleaned.get("lists", ""), separator="\n"),
    "listScope": lambda cleaned: cleaned.get("list_scope") or None,
}
STOP_TYPES = {"": "never", "event_received": "when an event comes", "tag_added": "when a tag comes"}
PLAIN = {
    "name": "name", "key": "key", "description": "description", "trigger": "trigger",
    "enrollmentMode": "enrollment_mode", "fromName": "from_name", "fromEmail": "from_email",
    "replyTo": "reply_to", "mailList": "mail_list",
}  # fmt: skip
# The field that shows a fault of a wire path; the longer path comes first.
WIRE_NAMES = {
    **PLAIN, "labels": "labels", "eventName": "event_name", "propertyFilters": "filters",
    "tagNames": "tag_names", "lists": "lists", "listScope": "list_scope",
    "enrollmentFieldPath": "enrollment_field_path",
    "activeSubscribersOnly": "active_subscribers_only",
    "runsWhilePending": "runs_while_pending",
    "stopCondition.propertyFilters": "stop_filters", "stopCondition.matchConfig": "stop_field_path",
    "stopCondition": "stop_value", "sendingWindow.days": "window_weekdays",
    "sendingWindow.startTime": "window_start", "sendingWindow.endTime": "window_end",
    "sendingWindow.timezone": "window_timezone",
}  # fmt: skip
# The triggers that show a field, as an expression for the page.
TRIGGER_CONDITIONS = {
    WIRE_NAMES[name]: " || ".join(
        f"trigger == '{type_}'" for type_, facts in TRIGGERS.items() if name in facts.fields
    )
    for name in _READ
}


def wire_of(cleaned: Mapping[str, Any]) -> Wire:
    """Return the general fields as `parse_sequence` takes them; raises `FieldFault`.

    Fields of another trigger or mode are left out, so that they cannot fail.
    """
    plain = {wire: cleaned.get(field) or None for wire, field in PLAIN.items()}
    return {
        **plain,
        **_trigger(cleaned),
        "labels": lines.names_from(cleaned.get("labels", "")),
        "enrollmentFieldPath": cleaned.get("enrollment_field_path") or None
        if cleaned.get("enrollment_mode") == "matching_field"
        else None,
        "activeSubscribersOnly": cleaned.get("active_subscribers_only", False),
        "runsWhilePending": cleaned.get("runs_while_pending", False),
        "stopCondition": _stop(cleaned),
        "sendingWindow": hours_from(cleaned, prefix="window_")
        if cleaned.get("window_is_on")
        else None,
    }


def initial_of(wire: Wire) -> Wire:
    """Return the form's initial values; an empty `wire` gives those of a new sequence."""
    stop = wire.get("stopCondition", {})
    window = wire.get("sendingWindow")
    return {
        **{field: wire.get(name, "") for name, field in PLAIN.items()},
        "enrollment_mode": wire.get("enrollmentMode", "unlimited"),
        "labels": ", ".join(wire.get("labels", ())),
        "event_name": wire.get("eventName", ""),
        "filters": lines.filter_lines(wire.get("propertyFilters", ())),
        "tag_names": ", ".join(wire.get("tagNames", ())),
        "lists": "\n".join(wire.get("lists", ())),
        "list_scope": wire.get("listScope", "any_list"),
        "enrollment_field_path": wire.get("enrollmentFieldPath", ""),
        "active_subscribers_only": wire.get("activeSubscribersOnly", False),
        "runs_while_pending": wire.get("runsWhilePending", False),
        "stop_type": stop.get("type", ""),
        "stop_value": stop.get("value", ""),
        "stop_filters": lines.filter_lines(stop.get("propertyFilters", ())),
        "stop_field_path": stop.get("matchConfig", {}).get("fieldPath", ""),
        "window_is_on": window is not None,
        **hours_initial(window or {}, prefix="window_"),
    }


def _trigger(cleaned: Mapping[str, Any]) -> Wire:
    chosen: TriggerType | None = cleaned.get("trigger")
    names = TRIGGERS[chosen].fields if chosen else ()
    return {name: _READ[name](cleaned) for name in names}


def _stop(cleaned: Mapping[str, Any]) -> Wire | None:
    kind = cleaned.get("stop_type")
    if not kind:
        return None
    stop = {"type": kind, "value": cleaned.get("stop_value") or None}
    if kind == "tag_added":
        return stop
    path = cleaned.get("stop_field_path")
    return {
        **stop,
        "propertyFilters": _read(cleaned, "stop_filters", lines.filters_from),
        "matchConfig": {"mode": "matching_field", "fieldPath": path} if path else None,
    }


def _read(cleaned: Mapping[str, Any], field: str, read: Callable[[str], Any]) -> Any:  # noqa: ANN401 - JSON
    try:
        return read(cleaned.get(field, ""))
    except lines.UnreadableLine as error:
        raise FieldFault(field, str(error)) from error
