"""Merge tags stand where they are filled in, and are refused anywhere else."""

from typing import Any

import pytest

from events.language.specs import as_wire, parse_sequence
from subscribers.wire.payloads import InvalidRequest
from tests.support.sequence_making import MAIL

WAIT = {"type": "wait_for_event", "eventName": "paid", "timeout": {"days": 1}}
UPDATE = {"type": "update_subscriber"}


def sequence(*steps: dict[str, Any], **wire: Any) -> dict[str, Any]:
    start = {"name": "A", "trigger": "event_received", "eventName": "cart"}
    return {**start, "steps": list(steps) or [MAIL], **wire}


def faults(raw: dict[str, Any]) -> dict[str, str]:
    with pytest.raises(InvalidRequest) as caught:
        parse_sequence(raw)
    return {fault.path: fault.message for fault in caught.value.faults}


def test_a_tag_in_a_filter_is_refused_with_the_word_that_helps() -> None:
    wanted = {"path": "cartId", "operator": "equals", "value": "{{event.cartId}}"}

    found = faults(sequence({**WAIT, "propertyFilters": [wanted]}))

    assert list(found) == ["steps[0].propertyFilters[0].value"]
    assert "use entryPath" in found["steps[0].propertyFilters[0].value"]


@pytest.mark.parametrize(
    ("raw", "path"),
    [
        (sequence(eventName="{{event.name}}"), "eventName"),
        (sequence({**WAIT, "eventName": "{% if true %}paid{% endif %}"}), "steps[0].eventName"),
        (sequence({"type": "update_tags", "add": ["{{event.plan}}"]}), "steps[0].add[0]"),
        (sequence({**UPDATE, "firstName": "{{event.name}}"}), "steps[0].firstName"),
        (
            sequence(
                propertyFilters=[{"path": "a", "operator": "one_of", "value": ["b", "{{event.b}}"]}]
            ),
            "propertyFilters[0].value[1]",
        ),
        (
            sequence(stopCondition={"type": "event_received", "value": "{{event.b}}"}),
            "stopCondition.value",
        ),
    ],
)
def test_a_tag_where_none_is_filled_in_is_refused(raw: dict[str, Any], path: str) -> None:
    assert "merge tag" in faults(raw)[path]


def test_names_and_descriptions_are_free_text() -> None:
    raw = sequence(
        {**MAIL, "label": "{{a}}"}, name="{{a}}", key="a", description="{% x %}", labels=["{{b}}"]
    )

    assert parse_sequence(raw).description == "{% x %}"


@pytest.mark.parametrize(
    ("wire", "path", "words"),
    [
        ({"fromName": "{{subscriber.first_name}}"}, "fromName", "did you mean"),
        ({"replyTo": "{{event.rep"}, "replyTo", "Line 1: "),
        ({"replyTo": "no address"}, "replyTo", "address"),
    ],
)
def test_the_sender_s_tags_are_checked(wire: dict[str, str], path: str, words: str) -> None:
    assert words in faults(sequence(**wire))[path]


def test_a_sequence_with_tags_is_written_as_it_was_given() -> None:
    raw = sequence(
        {**UPDATE, "id": "update", "attributes": {"plan": "{{event.plan}}", "n": 3}},
        fromName="{{subscriber.attributes.rep}} at Acme",
        replyTo="{{event.rep}}@example.com",
    )
    wire = as_wire(parse_sequence(raw))

    assert {name: wire[name] for name in raw} == raw


@pytest.mark.parametrize(
    ("step", "path", "words"),
    [
        ({"attributes": {"a": "Dear {{event.a}}"}}, "steps[0].attributes.a", "alone"),
        ({"attributes": {"a": {"b": "{{event.a}}"}}}, "steps[0].attributes.a", "alone"),
        ({"attributes": {"a": "{% if event.a %}b{% endif %}"}}, "steps[0].attributes.a", "alone"),
        ({"attributes": {"a": "{{person.a}}"}}, "steps[0].attributes.a", "is not known"),
        (
            {"customAttributeUpdates": [{"name": "a", "value": "x {{event.a}}"}]},
            "steps[0].customAttributeUpdates[0].value",
            "alone",
        ),
    ],
)
def test_an_attribute_takes_one_lone_tag(step: dict[str, Any], path: str, words: str) -> None:
    assert words in faults(sequence({**UPDATE, **step}))[path]
