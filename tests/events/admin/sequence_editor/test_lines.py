"""Lines that people type mean what the wire means, and come back as they were."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.admin.sequence_editor import lines
from events.language.filters import Operator, as_wire, parse_filters
from events.language.steps.rules import parse_rules, rule_as_wire

TEXTS = st.text(max_size=12) | st.sampled_from(["a, b", "true", "1", " x", '"', "{", "a equals b"])
SCALARS = TEXTS | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.booleans()
FILTERS = st.fixed_dictionaries(
    {"path": TEXTS, "operator": st.sampled_from([each.value for each in Operator])},
    optional={"value": SCALARS | st.lists(SCALARS, max_size=3)},
)
RULES = (
    st.builds(lambda tag: {"type": "no_tag", "tag": tag}, TEXTS)
    | st.builds(lambda wanted: {"type": "attribute", **wanted}, FILTERS)
    | st.builds(
        lambda name, wanted: {"type": "did_event", "eventName": name, "propertyFilters": wanted},
        TEXTS,
        st.lists(FILTERS, max_size=2),
    )
    | st.builds(lambda name: {"type": "did_event", "eventName": name, "since": "ever"}, TEXTS)
)


@given(st.lists(FILTERS, max_size=3))
def test_filters_come_back_as_they_were(filters: list[dict[str, Any]]) -> None:
    assert lines.filters_from(lines.filter_lines(filters)) == filters


@given(st.lists(RULES, max_size=3))
def test_rules_come_back_as_they_were(rules: list[dict[str, Any]]) -> None:
    assert lines.rules_from(lines.rule_lines(rules)) == rules


@given(st.dictionaries(TEXTS, SCALARS | st.none() | st.lists(SCALARS, max_size=2), max_size=3))
def test_attributes_come_back_as_they_were(attributes: dict[str, Any]) -> None:
    assert lines.attributes_from(lines.attribute_lines(attributes)) == attributes


@given(st.text(max_size=60))
def test_nothing_that_is_typed_breaks_the_reader(text: str) -> None:
    for read in (lines.filters_from, lines.rules_from, lines.attributes_from):
        with suppress(lines.UnreadableLine):
            read(text)


def test_plain_filters_are_understood_by_the_wire() -> None:
    text = """
        order.total greater_than 100
        plan one_of pro, "1", 2
        coupon  exists
        name equals Ada Lovelace
        gift equals true
    """

    filters = parse_filters(lines.filters_from(text), path="")

    assert as_wire(filters) == [
        {"path": "order.total", "operator": "greater_than", "value": 100},
        {"path": "plan", "operator": "one_of", "value": ["pro", "1", 2]},
        {"path": "coupon", "operator": "exists"},
        {"path": "name", "operator": "equals", "value": "Ada Lovelace"},
        {"path": "gift", "operator": "equals", "value": True},
    ]


def test_plain_rules_are_understood_by_the_wire() -> None:
    text = "tag VIP\nno_list My News\ndid_not_event_ever order placed\nattribute plan equals pro"

    rules = parse_rules(lines.rules_from(text), path="")

    assert [rule_as_wire(rule) for rule in rules] == [
        {"type": "tag", "tag": "vip"},
        {"type": "no_list", "list": "My News"},
        {"type": "did_not_event", "eventName": "order placed", "since": "ever"},
        {"type": "attribute", "path": "plan", "operator": "equals", "value": "pro"},
    ]


@pytest.mark.parametrize("line", ["plan", "plan is pro", "{", "[1]", "{" * 5000])
def test_a_line_that_says_nothing_is_named_by_its_number(line: str) -> None:
    with pytest.raises(lines.UnreadableLine, match="Line 2 must be such as: plan"):
        lines.filters_from(f"plan exists\n\n{line}")
