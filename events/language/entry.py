"""What starts a sequence and what ends its enrollments, in the wire form and in files."""

from collections.abc import Mapping
from functools import partial
from typing import Any, Literal, NamedTuple, assert_never

import msgspec

from events.language import filters
from events.language.fields import Fields, any_of
from events.language.filters import Filter
from events.language.steps.rules import read_event_name, read_list_reference, read_tag

MOST_REFERENCES = 50
TriggerType = Literal["event_received", "tag_added", "list_joined", "manual"]
STOPS = ("event_received", "tag_added")
Scope = Literal["any_list", "any_contact"]
SCOPES = ("any_list", "any_contact")
# How an enrollment began.
EnteredBy = Literal["event", "tag", "list", "manual"]


class TriggerFacts(NamedTuple):
    """What all triggers of a type have in common; `needs` are the fields it must give."""

    # Its word on the wire, and its fields there.
    word: str
    fields: tuple[str, ...] = ()
    needs: str = ""
    comes_with_event: bool = False


TRIGGERS: Mapping[TriggerType, TriggerFacts] = {
    "event_received": TriggerFacts(
        "event_received", ("eventName", "propertyFilters"), "an event", comes_with_event=True
    ),
    "tag_added": TriggerFacts("tag_added", ("tagNames",), "a tag", comes_with_event=True),
    "list_joined": TriggerFacts("contact_added", ("lists", "listScope")),
    "manual": TriggerFacts("manual"),
}
_TYPE_BY_WORD = {facts.word: type_ for type_, facts in TRIGGERS.items()}


class Trigger(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What starts a sequence: an event, one of the tags, one of the lists, or an operator.

    Without lists, joining any list starts it; with the scope `any_contact`, being created does too.
    Lists are wire ids (`lst_…`) or exact names; tags are normal names. It is stored as JSON without
    defaults; its type has a column of its own.
    """

    type: TriggerType
    event_name: str = ""
    filters: tuple[Filter, ...] = ()
    tag_names: tuple[str, ...] = ()
    lists: tuple[str, ...] = ()
    scope: Scope = "any_list"

    @property
    def facts(self) -> TriggerFacts:
        return TRIGGERS[self.type]

    @property
    def is_for_any_list(self) -> bool:
        return "lists" in self.facts.fields and not self.lists

    @property
    def missing(self) -> str:
        """Return the missing required field, or ""."""
        return "" if self.event_name or self.tag_names else self.facts.needs


class StopCondition(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What ends an enrollment under way; stored as JSON without defaults.

    `value` is an event's name or a tag's normal name. With a `field_path`, the event ends only the
    enrollment whose entry key it has at that path.
    """

    type: Literal["event_received", "tag_added"]
    value: str
    filters: tuple[Filter, ...] = ()
    field_path: str = ""


def trigger_from_stored(type_: str, config: Mapping[str, Any]) -> Trigger:
    return msgspec.convert({"type": type_, **config}, Trigger)


def read_trigger(fields: Fields) -> Trigger:
    """Read the trigger's fields; without a `trigger` it is joining a list."""
    type_ = _read_type(fields)
    others = (name for facts in TRIGGERS.values() for name in facts.fields)
    fields.know(*others, reason=f"is no field of the trigger {TRIGGERS[type_].word}.")
    match type_:
        case "event_received":
            return Trigger(
                type=type_,
                event_name=fields.read_needed("eventName", read_event_name, ""),
                filters=fields.read_nested("propertyFilters", filters.parse_filters, ()),
            )
        case "tag_added":
            tag = fields.read("tagName", read_tag, "")
            tags = fields.read_items("tagNames", read_tag, most=MOST_REFERENCES)
            if not (fields.is_given("tagName") or fields.raw.get("tagNames")):
                fields.fault("tagNames", f"is missing: 1 to {MOST_REFERENCES} tags.")
            return Trigger(type=type_, tag_names=_each_once(tag, *tags))
        case "list_joined":
            chosen = _each_once(
                fields.read("listId", read_list_reference, ""),
                *fields.read_items("listIds", read_list_reference, most=MOST_REFERENCES),
                *fields.read_items("lists", read_list_reference, most=MOST_REFERENCES),
            )
            scope = fields.read_choice("listScope", SCOPES, "any_list")
            return Trigger(type=type_, lists=chosen, scope="any_list" if chosen else scope)
        case "manual":
            return Trigger(type=type_)
        case _:
            assert_never(type_)


def read_field_path(fields: Fields, mode: str) -> str:
    """Return the path for the mode `matching_field`; else ""."""
    if mode != "matching_field":
        fields.know("enrollmentFieldPath", reason="needs the enrollmentMode matching_field.")
        return ""
    return fields.read_needed("enrollmentFieldPath", filters.read_path, "")


def read_stop_condition(fields: Fields, mode: str) -> StopCondition | None:
    if fields.get("stopCondition") is None:
        return None
    return fields.read_nested("stopCondition", partial(_parse_stop_condition, mode=mode), None)


def trigger_as_wire(trigger: Trigger) -> dict[str, Any]:
    """Return the trigger's wire fields without defaults."""
    parts = {
        "trigger": trigger.facts.word,
        "eventName": trigger.event_name,
        "propertyFilters": filters.as_wire(trigger.filters),
        "tagNames": list(trigger.tag_names),
        "lists": list(trigger.lists),
        "listScope": "" if trigger.scope == "any_list" else trigger.scope,
    }
    return without_empty(parts)


def stop_condition_as_wire(stop: StopCondition) -> dict[str, Any]:
    parts: dict[str, Any] = {
        "type": stop.type,
        "value": stop.value,
        "propertyFilters": filters.as_wire(stop.filters),
    }
    if stop.field_path:
        parts["matchConfig"] = {"mode": "matching_field", "fieldPath": stop.field_path}
    return without_empty(parts)


def without_empty(parts: dict[str, Any]) -> dict[str, Any]:
    """Return the fields that are not empty, zero or false."""
    return {name: value for name, value in parts.items() if value}


def _read_type(fields: Fields) -> TriggerType:
    """Read the trigger by its word on the wire; its internal name is accepted too."""
    given = fields.get("trigger")
    named = next((type_ for type_ in TRIGGERS if type_ == given), None)
    words = tuple(_TYPE_BY_WORD)
    return named or _TYPE_BY_WORD[fields.read_choice("trigger", words, "contact_added")]


def _each_once(*names: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for name in names if name))


def _parse_stop_condition(raw: object, *, path: str, mode: str) -> StopCondition:
    fields = Fields(raw, path=path)
    if not fields.is_given("type"):
        fields.fault("type", f"is missing: {any_of(STOPS)}.")
    kind = fields.read_choice("type", STOPS, "event_received")
    if kind == "tag_added":
        of_events = ("propertyFilters", "matchConfig")
        fields.know(*of_events, reason="is no field of the type tag_added.")
        stop = StopCondition(type=kind, value=fields.read_needed("value", read_tag, ""))
    else:
        stop = StopCondition(
            type=kind,
            value=fields.read_needed("value", read_event_name, ""),
            filters=fields.read_nested(
                "propertyFilters", partial(filters.parse_filters, may_use_entry=True), ()
            ),
            field_path=fields.read_nested("matchConfig", _parse_match, ""),
        )
    if stop.field_path and mode != "matching_field":
        fields.fault("matchConfig", "needs the sequence's enrollmentMode to be matching_field.")
    fields.raise_faults()
    return stop


def _parse_match(raw: object, *, path: str) -> str:
    """Return the path of the value that says which enrollment to stop; "" stops all of them."""
    if raw is None:
        return ""
    fields = Fields(raw, path=path)
    mode = fields.read_choice("mode", ("any", "matching_field"), "any")
    fields.know("fieldPath", reason="needs the mode matching_field.")
    found = fields.read_needed("fieldPath", filters.read_path, "") if mode != "any" else ""
    fields.raise_faults()
    return found
