"""Which documents meet a property filter, and which filters callers may send."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.language.filters import (
    Filter,
    Operator,
    are_met,
    as_wire,
    is_met,
    parse_filter,
    parse_filters,
    read_path,
    scalar_at,
    unmet,
    values_at,
)
from subscribers.wire.payloads import InvalidField, InvalidRequest

ORDER = {
    "id": "A-1",
    "total": 120,
    "note": None,
    "items": [{"sku": "x", "tags": ["new", "red"]}, {"sku": "y", "tags": []}, "odd", {"qty": 2}],
}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from("abc"), inner),
    max_leaves=15,
)
SCALARS = st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=12)


def met(operator: str, value: Any, found: Any) -> bool:
    """Tell whether a value at `a` meets a filter."""
    wanted = tuple(value) if isinstance(value, list) else value
    return is_met(Filter(path="a", operator=Operator(operator), value=wanted), {"a": found})


def faults_of(raw: Any) -> dict[str, str]:
    """Return the faults by path."""
    with pytest.raises(InvalidRequest) as caught:
        parse_filters(raw, path="trigger.propertyFilters")
    return {
        fault.path.removeprefix("trigger.propertyFilters"): fault.message
        for fault in caught.value.faults
    }


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("total", [120]),
        ("items[].sku", ["x", "y"]),
        ("items[].tags[]", ["new", "red"]),
        ("items.sku", []),
        ("id.length", []),
        ("id[]", []),
        ("note", []),
        ("note.text", []),
        ("missing.at.all", []),
        ("items[].qty", [2]),
    ],
)
def test_a_path_reaches_what_is_there_and_no_null(path: str, found: list[Any]) -> None:
    assert values_at(path, ORDER) == found


@pytest.mark.parametrize("document", [None, [], "text", 1, {"a": "text"}, {"a": [1]}])
def test_a_path_into_an_odd_document_reaches_nothing(document: Any) -> None:
    assert values_at("a.b", document) == []


@pytest.mark.parametrize(
    ("wanted", "found", "is_equal"),
    [
        (1, 1.0, True),
        (1, "1", True),
        ("10", 10, True),
        ("10.50", 10.5, True),
        (0.1, "0.1", True),
        (1, True, False),
        (True, 1, False),
        (True, True, True),
        (True, "true", False),
        ("10", "10.0", False),
        ("Pro", "pro", False),
        ("1e2", 100, False),
        ("\u0661", 1, False),
        (9007199254740993, 9007199254740992.0, False),
        (5, [5], False),
        (5, {"a": 5}, False),
        (5, float("nan"), False),
    ],
)
def test_equality_looks_at_value_and_kind(wanted: Any, found: Any, is_equal: bool) -> None:
    assert met("equals", wanted, found) is is_equal
    assert met("not_equals", wanted, found) is not is_equal
    assert met("one_of", ["other", wanted], found) is is_equal


@pytest.mark.parametrize(
    ("operator", "value", "found", "is_met_"),
    [
        ("contains", "PRO", "Approved", True),
        ("contains", "STRASSE", "Hauptstraße", True),
        ("contains", "pro", ["Pro"], False),
        ("contains", "pro", ["basic", "pro"], True),
        ("contains", 1, [1.0], True),
        ("contains", 1, "a1", False),
        ("contains", "a", {"a": 1}, False),
        ("greater_than", 5, 6, True),
        ("greater_than", 5, 5, False),
        ("greater_than", 5, "5.01", True),
        ("greater_than", "9", "10", True),
        ("greater_than", 5, True, False),
        ("less_than", 5, "many", False),
        ("less_than", 5, None, False),
        ("greater_than", "2026-01-01T00:00:00Z", "2026-01-01T00:00:00-01:00", True),
        ("less_than", "2026-01-01T00:00:00Z", "2026-01-01T00:00:00+01:00", True),
        ("less_than", "2026-01-01T00:00:00Z", "2025-12-31", True),
        ("less_than", "2026-01-01T00:00:00Z", "2026-01-01", False),
        ("greater_than", "2026-01-01T00:00:00Z", "2026-06-01", True),
        ("greater_than", "2026-01-01", "2026-06-01T00:00:00Z", True),
        ("greater_than", "2026-01-01", "2026-06-01", True),
        ("less_than", "2026-01-01", "31.12.2025", False),
        ("less_than", "2026-01-01T00:00:00Z", 5, False),
    ],
)
def test_the_other_operators(operator: str, value: Any, found: Any, is_met_: bool) -> None:
    assert met(operator, value, found) is is_met_


def test_a_number_of_100000_digits_is_compared_and_has_no_text() -> None:
    huge = 10**100_000

    assert met("greater_than", 5, huge)
    assert met("less_than", 5, -huge)
    assert not met("equals", 5, huge)
    assert scalar_at("a", {"a": huge}) is None


def test_nothing_there_meets_the_negative_operators_alone() -> None:
    values = {"one_of": ("x",), "exists": None, "not_exists": None}
    passed = {
        operator.value
        for operator in Operator
        for value in [values.get(operator.value, "1")]
        if is_met(Filter(path="gone", operator=operator, value=value), {"here": 1})
    }

    assert passed == {"not_exists", "not_equals"}


def test_an_empty_string_is_there_and_null_is_not() -> None:
    assert met("exists", None, "")
    assert met("exists", None, 0)
    assert not met("exists", None, None)


def test_any_item_may_meet_a_filter_but_not_equals_needs_all_to_differ() -> None:
    found = Filter(path="items[].sku", operator=Operator.EQUALS, value="y")
    avoided = Filter(path="items[].sku", operator=Operator.NOT_EQUALS, value="y")

    assert is_met(found, ORDER)
    assert not is_met(avoided, ORDER)


def test_all_of_several_must_be_met_and_the_first_that_failed_is_told() -> None:
    good = Filter(path="total", operator=Operator.GREATER_THAN, value=100)
    bad = Filter(path="id", operator=Operator.EQUALS, value="B")
    worse = Filter(path="id", operator=Operator.EQUALS, value="C")

    assert are_met([], ORDER)
    assert unmet([good, bad, worse], ORDER) == bad
    assert not are_met([bad, good], ORDER)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("  A-1 ", "A-1"),
        (1, "1"),
        (1.0, "1"),
        (100, "100"),
        (-0.0, "0"),
        (0.5, "0.5"),
        (1e22, "1" + "0" * 22),
        (10**22, "1" + "0" * 22),
        (True, "true"),
        ("x" * 255, "x" * 255),
        ("x" * 256, None),
        (10**300, None),
        (1e-300, None),
        (float("inf"), None),
        ("  ", None),
        (None, None),
        ({}, None),
        (["A"], None),
    ],
)
def test_the_text_of_a_scalar_is_the_same_for_equal_numbers(value: Any, text: str | None) -> None:
    assert scalar_at("a", {"a": value}) == text


def test_several_values_have_no_single_text() -> None:
    assert scalar_at("items[].sku", ORDER) is None
    assert scalar_at("items[].qty", ORDER) == "2"
    assert scalar_at("gone", ORDER) is None


@given(operator=st.sampled_from(Operator), value=SCALARS, document=JSON)
def test_no_document_raises(operator: Operator, value: Any, document: Any) -> None:
    for path in ("a", "a.b", "a[].b", "a[].b[]"):
        wanted = Filter(path=path, operator=operator, value=value)
        opposite = Filter(path=path, operator=Operator.NOT_EQUALS, value=value)
        equal = Filter(path=path, operator=Operator.EQUALS, value=value)

        assert is_met(wanted, document) in {True, False}
        assert is_met(opposite, document) is not is_met(equal, document)
        text = scalar_at(path, document)
        assert text is None or 1 <= len(text) <= 255


def test_a_document_of_100000_levels_is_walked_without_recursion() -> None:
    document: Any = "end"
    for _ in range(100_000):
        document = [document]

    assert met("contains", "x", document) is False
    assert met("equals", "x", document) is False


def test_filters_are_read_with_their_types() -> None:
    raw = [
        {"path": " order.id ", "operator": "exists", "value": "ignored"},
        {"path": "plan", "operator": "one_of", "value": ["a", "a", 2, False]},
        {"path": "at", "operator": "less_than", "value": "2026-01-01T00:00:00Z"},
        {"path": "n", "operator": "equals", "value": False},
    ]

    filters = parse_filters(raw, path="f")

    assert filters == (
        Filter("order.id", Operator.EXISTS),
        Filter("plan", Operator.ONE_OF, ("a", 2, False)),
        Filter("at", Operator.LESS_THAN, "2026-01-01T00:00:00Z"),
        Filter("n", Operator.EQUALS, value=False),
    )
    assert parse_filters(None, path="f") == ()
    assert parse_filters(as_wire(filters), path="f") == filters
    assert msgspec.convert(msgspec.to_builtins(filters), tuple[Filter, ...]) == filters


def test_every_fault_is_told_with_its_path() -> None:
    faults = faults_of(
        [
            "text",
            {"operator": "equal", "path": "a"},
            {"path": "a..b", "operator": "equals", "value": 1},
            {"path": "a"},
            {"path": "a", "operator": "equals"},
            {"path": "a", "operator": "equals", "value": {}},
            {"path": "a", "operator": "one_of", "value": []},
            {"path": "a", "operator": "one_of", "value": [1, [2]]},
            {"path": "a", "operator": "one_of", "value": list(range(51))},
            {"path": "a", "operator": "greater_than", "value": "soon"},
            {"path": "a", "operator": "greater_than", "value": True},
            {"path": "a", "operator": "contains", "value": ""},
            {"path": "a", "operator": "equals", "value": "\x00"},
            {"path": "a", "operator": "equals", "value": "x" * 1001},
        ]
    )

    assert list(faults) == [
        "[0]", "[1].operator", "[2].path", "[3].operator", "[4].value", "[5].value", "[6].value",
        "[7].value[1]", "[8].value", "[9].value", "[10].value", "[11].value", "[12].value",
        "[13].value",
    ]  # fmt: skip
    assert faults["[8].value"] == "has 51 elements; at most 50 are allowed."
    assert "greater_than or less_than" in faults["[1].operator"]


def test_there_are_at_most_20_filters() -> None:
    one = {"path": "a", "operator": "exists"}

    assert len(parse_filters([one] * 20, path="f")) == 20
    assert faults_of([one] * 21) == {"": "has 21 elements; 0 to 20 are allowed."}
    assert faults_of({}) == {"": "must be an array, not an object."}


@pytest.mark.parametrize(
    "path",
    [
        "",
        ".",
        "a.",
        ".a",
        "[]",
        "a[]b",
        "a[0]",
        "a[][]",
        "a\x00",
        "x" * 201,
        ".".join("abcdefghijk"),
    ],
)
def test_a_bad_path_is_refused(path: str) -> None:
    with pytest.raises(InvalidField):
        read_path(path)


@pytest.mark.parametrize("path", ["a", "a b.c-d", "order.items[].sku", ".".join("abcdefghij")])
def test_a_good_path_is_kept(path: str) -> None:
    assert read_path(path) == path


@pytest.mark.parametrize(
    ("filter_", "words"),
    [
        ({"operator": "one_of", "entryPath": "a"}, "does not go with the operator one_of."),
        ({"operator": "exists", "entryPath": "a"}, "does not go with the operator exists."),
        ({"operator": "equals", "value": 1, "entryPath": "a"}, "give one of them."),
        ({"operator": "equals", "entryPath": "a..b"}, "must be keys separated by dots"),
    ],
)
def test_a_faulty_entry_path_is_named(filter_: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        parse_filter({"path": "x", **filter_}, path="f", may_use_entry=True)

    assert [fault.path for fault in caught.value.faults] == ["f.entryPath"]
    assert words in caught.value.faults[0].message


def test_a_trigger_has_no_event_before_it_to_compare_with() -> None:
    with pytest.raises(InvalidRequest) as caught:
        parse_filters([{"path": "x", "operator": "equals", "entryPath": "a"}], path="f")

    assert [fault.path for fault in caught.value.faults] == ["f[0].entryPath"]
