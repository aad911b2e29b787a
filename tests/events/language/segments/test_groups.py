"""A segment's tree is read, checked with the path of each fault, and written back."""

from typing import Any

import pytest

from events.language import segments
from events.language.segments.filters import OPERATORS
from events.language.segments.groups import MOST_DEPTH, MOST_FILTERS
from subscribers.wire.payloads import InvalidRequest

VIP = {"field": "tag", "operator": "contains", "value": "VIP"}


def faults_of(raw: object) -> dict[str, str]:
    with pytest.raises(InvalidRequest) as refused:
        segments.parse_root(raw)
    return {fault.path: fault.message for fault in refused.value.faults}


def value_after(field: str, operator: str, value: str) -> str:
    root = segments.parse_root(
        {"children": [{"field": field, "operator": operator, "value": value}]}
    )
    written: str = segments.as_wire(root)["children"][0]["value"]
    return written


def test_a_tree_is_written_back_with_ids_kinds_and_texts() -> None:
    raw = {
        "joinOperator": "or",
        "children": [
            {"id": "mine", "kind": "filter", **VIP},
            {"children": [{"field": "firstName", "operator": "is_empty"}]},
        ],
    }

    written = segments.as_wire(segments.parse_root(raw))

    assert written == {
        "id": "n1",
        "kind": "group",
        "joinOperator": "or",
        "children": [
            {
                "id": "mine",
                "kind": "filter",
                "field": "tag",
                "operator": "contains",
                "value": "vip",
            },
            {
                "id": "n2",
                "kind": "group",
                "joinOperator": "and",
                "children": [
                    {
                        "id": "n3",
                        "kind": "filter",
                        "field": "firstName",
                        "operator": "is_empty",
                        "value": "",
                    }
                ],
            },
        ],
    }
    assert segments.as_wire(segments.parse_root(written)) == written


@pytest.mark.parametrize(
    ("field", "operator", "value", "written"),
    [
        ("event", "is", "app:opened:30d", "app:opened:30d"),
        ("event", "is", "signup:1d", "signup:24h"),
        ("event", "at_least", "a:b:5:48h", "a:b:5:2d"),
        ("event", "less_than_count", "signup:2:all", "signup:2:all"),
        ("emailSent", "is", "marketing:30d", "marketing:30d"),
        ("emailSent", "is_not", "24h", "24h"),
        ("emailSent", "at_least", "10:all", "10:all"),
        ("emailOpened", "is_not", "transactional:90d", "transactional:90d"),
        ("emailClicked", "at_least", "2:24h", "2:24h"),
        ("emailBounced", "is_permanent_bounce", "all", "all"),
        ("added", "less_than", "1 day", "1 day"),
        ("added", "more_than", "36 hours", "36 hours"),
        ("attribute", "is", "site: https://a.example", "site:https://a.example"),
        ("attribute", "is_empty", "plan:", "plan"),
        ("email", "is", "Ada@Bücher.example", "ada@xn--bcher-kva.example"),
        ("emailProvider", "is", "@Gmail.COM", "gmail.com"),
    ],
)
def test_values_have_one_form(field: str, operator: str, value: str, written: str) -> None:
    assert value_after(field, operator, value) == written


@pytest.mark.parametrize(
    ("field", "operator", "value", "says"),
    [
        ("status", "is", "gone", "must be active"),
        ("tag", "contains", "!!", ""),
        ("event", "is", "signup", "how far back, as name:30d"),
        ("event", "is", "signup:30", "how far back: 1h"),
        ("event", "is", "signup:9999h", "how far back: 1h"),
        ("event", "at_least", "signup:30d", "as name:5:30d"),
        ("event", "at_least", "signup:0:30d", "from 1 to 1000"),
        ("emailSent", "at_least", "30d", "as 10:30d"),
        ("emailSent", "is", "news:30d", "marketing or transactional"),
        ("emailComplained", "less_than_count", "30d", "as 10:30d"),
        ("added", "less_than", "soon", "an age such as 7 days"),
        ("attribute", "is", "plan", "such as plan:pro"),
        ("attribute", "gt", "plan:pro", "a number, or a day"),
        ("attribute", "is", "a[].b:1", "use contains"),
        ("email", "is", "ada", ""),
        ("emailProvider", "is", "mail", "the domain"),
        ("firstName", "contains", "", "must not be blank"),
        ("firstName", "contains", "a\0b", "cannot be stored"),
    ],
)
def test_a_wrong_value_is_named_by_its_path(
    field: str, operator: str, value: str, says: str
) -> None:
    found = faults_of({"children": [{"field": field, "operator": operator, "value": value}]})

    assert list(found) == ["root.children[0].value"]
    assert says in found["root.children[0].value"]


def test_every_fault_of_a_tree_is_reported() -> None:
    raw = {
        "joinOperator": "xor",
        "children": [
            {"field": "emailRead", "operator": "is", "value": "30d"},
            {"field": "nobody", "operator": "is"},
            {"field": "tag", "operator": "gt", "value": "vip"},
            {"field": "tag"},
            {"children": []},
            {"children": [{**VIP, "valeu": "x"}]},
            7,
        ],
    }

    found = faults_of(raw)

    assert set(found) == {
        "root.joinOperator", "root.children[0].field", "root.children[1].field",
        "root.children[2].operator", "root.children[3].operator", "root.children[4].children",
        "root.children[5].children[0].valeu", "root.children[6]",
    }  # fmt: skip
    assert "emailOpened" in found["root.children[0].field"]
    assert "did you mean value?" in found["root.children[5].children[0].valeu"]


@pytest.mark.parametrize("raw", [None, [], "x", 7, VIP, {}, {"children": "x"}])
def test_what_is_no_group_is_refused(raw: object) -> None:
    assert faults_of(raw)


def test_depth_and_number_of_filters_are_limited() -> None:
    deep: dict[str, Any] = {"children": [VIP]}
    for _ in range(MOST_DEPTH - 1):
        deep = {"children": [deep]}
    halves = [{"children": [VIP] * 30}] * 2

    segments.parse_root(deep)

    assert "nest deeper" in " ".join(faults_of({"children": [deep]}).values())
    assert f"at most {MOST_FILTERS}" in " ".join(faults_of({"children": halves}).values())


def test_a_tree_is_shown_as_groups_side_by_side() -> None:
    group = {"joinOperator": "or", "children": [VIP, VIP]}
    mixed = segments.parse_root({"children": [group, VIP, VIP]})
    deeper = segments.parse_root({"children": [{"children": [group]}]})

    shown = segments.rooted(mixed)

    assert shown is not None
    assert [(each.join, len(each.children)) for each in shown[1]] == [("and", 2), ("or", 2)]
    assert segments.rooted(deeper) is None


def test_every_field_has_operators() -> None:
    assert all(OPERATORS.values())
