"""The rules of a condition: their values, to the wire form and back."""

from functools import partial
from typing import Any, Literal, assert_never

import msgspec

from events.intake.payloads import LONGEST_NAME
from events.language import filters
from events.language.fields import Fields, any_of, name_reader, parse_each, text_reader
from events.language.filters import Filter
from subscribers.wire import tag_names
from subscribers.wire.payloads import InvalidField, read_text

MOST_RULES = 20
LONGEST_LIST = 200
KINDS = (
    "tag", "no_tag", "list", "no_list", "attribute", "event_property", "did_event",
    "did_not_event",
)  # fmt: skip
# Before normalising, which may shorten it.
_LONGEST_TAG = 200

read_list_reference = text_reader(LONGEST_LIST)
read_event_name = name_reader(LONGEST_NAME)


class TagRule(msgspec.Struct, frozen=True, kw_only=True):
    """Met when the person has the tag, or has it not."""

    tag: str
    is_present: bool = True


class ListRule(msgspec.Struct, frozen=True, kw_only=True):
    """Met when the person is on the list, or is not; by id or exact name."""

    list: str
    is_joined: bool = True


class AttributeRule(msgspec.Struct, frozen=True, kw_only=True):
    filter: Filter


class EventPropertyRule(msgspec.Struct, frozen=True, kw_only=True):
    """Met when the properties of the event that started the enrollment meet the filter."""

    filter: Filter


class EventRule(msgspec.Struct, frozen=True, kw_only=True):
    """Met when such an event happened since the enrollment began (or ever), or when none did."""

    event_name: str
    filters: tuple[Filter, ...] = ()
    since: Literal["entry", "ever"] = "entry"
    has_happened: bool = True


Rule = TagRule | ListRule | AttributeRule | EventPropertyRule | EventRule


def read_tag(value: object) -> str:
    try:
        return tag_names.normalise(read_text(value, longest=_LONGEST_TAG))
    except tag_names.InvalidTagName as error:
        raise InvalidField(str(error)) from error


def parse_rules(raw: object, *, path: str, is_stored: bool = False) -> tuple[Rule, ...]:
    """Return 1 to 20 rules; raises `InvalidRequest` with every fault."""
    parser = partial(parse_rule, is_stored=is_stored)
    return parse_each(raw, path=path, parser=parser, least=1, most=MOST_RULES)


def parse_rule(raw: object, *, path: str, is_stored: bool = False) -> Rule:
    fields = Fields(raw, path=path, is_stored=is_stored)
    if not fields.is_given("type"):
        fields.fault("type", f"is missing: {any_of(KINDS)}.")
    kind = fields.read_choice("type", KINDS, "")
    fields.raise_faults()
    rule = _parse_kind(kind, fields)
    fields.raise_faults()
    return rule


def filters_of(rule: Rule) -> tuple[Filter, ...]:
    match rule:
        case AttributeRule() | EventPropertyRule():
            return (rule.filter,)
        case EventRule():
            return rule.filters
        case TagRule() | ListRule():
            return ()
        case _ as never:
            assert_never(never)


def rule_as_wire(rule: Rule) -> dict[str, Any]:
    match rule:
        case TagRule():
            return {"type": "tag" if rule.is_present else "no_tag", "tag": rule.tag}
        case ListRule():
            return {"type": "list" if rule.is_joined else "no_list", "list": rule.list}
        case AttributeRule():
            return {"type": "attribute", **filters.filter_as_wire(rule.filter)}
        case EventPropertyRule():
            return {"type": "event_property", **filters.filter_as_wire(rule.filter)}
        case EventRule():
            parts: dict[str, Any] = {
                "type": "did_event" if rule.has_happened else "did_not_event",
                "eventName": rule.event_name,
            }
            if rule.filters:
                parts["propertyFilters"] = filters.as_wire(rule.filters)
            if rule.since != "entry":
                parts["since"] = rule.since
            return parts
        case _ as never:
            assert_never(never)


def _parse_kind(kind: str, fields: Fields) -> Rule:
    match kind:
        case "tag" | "no_tag":
            return TagRule(tag=fields.read_needed("tag", read_tag, ""), is_present=kind == "tag")
        case "list" | "no_list":
            named = fields.read_needed("list", read_list_reference, "")
            return ListRule(list=named, is_joined=kind == "list")
        case "attribute":
            return AttributeRule(filter=_parse_filter(fields))
        case "event_property":
            return EventPropertyRule(filter=_parse_filter(fields))
        case _:
            return EventRule(
                event_name=fields.read_needed_name("eventName", longest=LONGEST_NAME),
                filters=fields.read_nested(
                    "propertyFilters", partial(filters.parse_filters, may_use_entry=True), ()
                ),
                since=fields.read_choice("since", ("entry", "ever"), "entry"),
                has_happened=kind == "did_event",
            )


def _parse_filter(fields: Fields) -> Filter:
    return filters.parse_filter(fields.raw, path=fields.path, may_use_entry=True)
