"""Tests of what a cell means as JSON."""

from typing import Any

import pytest

from subscribers.rows import typed_cells


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("19.5", 19.5),
        ("-3", -3),
        ("0", 0),
        ("true", True),
        ("false", False),
        ("null", None),
        ("[1, 2]", [1, 2]),
        ('{"a": {"b": 1}}', {"a": {"b": 1}}),
    ],
)
def test_json_is_read_as_such(text: str, value: Any) -> None:
    read = typed_cells.value_of(text)

    assert read == value
    assert type(read) is type(value)


@pytest.mark.parametrize(
    "text",
    [
        "007", "+1", "1.", "1.10", "1e5",
        ".5", "1e", "-", "1 ", " 1", "1,5", "True", "nul", "NaN", "Infinity",
        "1e999", "9" * 40, "[1", "{a: 1}", "[NaN]", "\u0661", '"quoted"', "2026-01-31", "plain",
    ],
)  # fmt: skip
def test_all_else_is_a_text(text: str) -> None:
    assert typed_cells.value_of(text) == text
