"""What starts a sequence and what ends its enrollments, as callers send it and files hold it."""

from typing import Any

from events.language import filters
from events.language.fields import Fields, any_of
from events.language.steps.rules import read_event_name, read_list_reference, read_tag
from events.language.types import StopCondition, Trigger

MOST_REFERENCES = 50
TRIGGERS = ("event_received", "tag_added", "contact_added", "manual")
STOPS = ("event_received", "tag_added")
SCOPES = ("any_list", "any_contact")


def read_trigger(fields: Fields) -> Trigger:
    """Read the trigger's fields; without a `trigger`, joining a list is it."""
    kind = fields.read_choice("trigger", TRIGGERS, "contact_added")
    if kind == "event_received":
        return Trigger(
            type=kind,
            event_name=fields.read_needed("eventName", read_event_name, ""),
            filters=fields.read_nested("propertyFilters", filters.parse_filters, ()),
        )
    if kind == "tag_added":
        tag = fields.read("tagName", read_tag, "")
        tags = fields.read_items("tagNames", read_tag, most=MOST_REFERENCES)
        if not (fields.is_given("tagName") or fields.raw.get("tagNames")):
            fields.fault("tagNames", f"is missing: 1 to {MOST_REFERENCES} tags.")
        return Trigger(type=kind, tag_names=_each_once(tag, *tags))
    if kind == "contact_added":
        chosen = _each_once(
            fields.read("listId", read_list_reference, ""),
            *fields.read_items("listIds", read_list_reference, most=MOST_REFERENCES),
            *fields.read_items("lists", read_list_reference, most=MOST_REFERENCES),
        )
        scope = fields.read_choice("listScope", SCOPES, "any_list")
        return Trigger(type=kind, lists=chosen, scope="any_list" if chosen else scope)
    return Trigger(type="manual")


def read_field_path(fields: Fields, mode: str) -> str:
    """Return the path of the field that the mode `matching_field` looks at; else nothing."""
    if mode != "matching_field":
        return ""
    return fields.read_needed("enrollmentFieldPath", filters.read_path, "")


def read_stop_condition(fields: Fields, mode: str) -> StopCondition | None:
    """Read the stop condition of a sequence with this mode; None when it has none."""
    if not fields.is_given("stopCondition"):
        return None

    def parse(raw: object, *, path: str) -> StopCondition:
        return _parse_stop_condition(raw, path=path, mode=mode)

    return fields.read_nested("stopCondition", parse, None)


def trigger_as_wire(trigger: Trigger) -> dict[str, Any]:
    """Return the trigger's fields of a sequence, without what is default."""
    parts = {
        "trigger": trigger.type,
        "eventName": trigger.event_name,
        "propertyFilters": filters.as_wire(trigger.filters),
        "tagNames": list(trigger.tag_names),
        "lists": list(trigger.lists),
        "listScope": "" if trigger.scope == "any_list" else trigger.scope,
    }
    return without_empty(parts)


def stop_condition_as_wire(stop: StopCondition) -> dict[str, Any]:
    """Return the stop condition as `parse_sequence` takes it."""
    parts: dict[str, Any] = {
        "type": stop.type,
        "value": stop.value,
        "propertyFilters": filters.as_wire(stop.filters),
    }
    if stop.field_path:
        parts["matchConfig"] = {"mode": "matching_field", "fieldPath": stop.field_path}
    return without_empty(parts)


def without_empty(parts: dict[str, Any]) -> dict[str, Any]:
    """Leave out what is empty, zero or false."""
    return {name: value for name, value in parts.items() if value}


def _each_once(*names: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for name in names if name))


def _parse_stop_condition(raw: object, *, path: str, mode: str) -> StopCondition:
    fields = Fields(raw, path=path)
    if not fields.is_given("type"):
        fields.fault("type", f"is missing: {any_of(STOPS)}.")
    kind = fields.read_choice("type", STOPS, "event_received")
    if kind == "tag_added":
        stop = StopCondition(type=kind, value=fields.read_needed("value", read_tag, ""))
    else:
        stop = StopCondition(
            type=kind,
            value=fields.read_needed("value", read_event_name, ""),
            filters=fields.read_nested("propertyFilters", filters.parse_filters, ()),
            field_path=fields.read_nested("matchConfig", _parse_match, ""),
        )
    if stop.field_path and mode != "matching_field":
        fields.fault("matchConfig", "needs the sequence's enrollmentMode to be matching_field.")
    fields.raise_faults()
    return stop


def _parse_match(raw: object, *, path: str) -> str:
    """Return the path of the field that tells which enrollment to stop; nothing: all of them."""
    if raw is None:
        return ""
    fields = Fields(raw, path=path)
    mode = fields.read_choice("mode", ("any", "matching_field"), "any")
    found = fields.read_needed("fieldPath", filters.read_path, "") if mode != "any" else ""
    fields.raise_faults()
    return found
