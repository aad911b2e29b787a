"""Tests of `subscribers.rows.columns`: what both kinds of files share."""

from typing import Any

import pytest

from subscribers.rows.columns import ColumnReader, Fields
from subscribers.rows.plans import renaming

FIELDS = Fields(cells={"email": None, "data": None}, prefix="data.", object_name="data")


def read(row: dict[str, Any], **renamed: str) -> object:
    return ColumnReader(fields=FIELDS, plan=renaming(renamed)).body(row, None)


@pytest.mark.parametrize("value", [None, 0, "", [1]])
def test_a_mapped_key_of_an_object_takes_any_value(value: object) -> None:
    assert read({"plan": value}, plan="data.plan") == {"data": {"plan": value}}


def test_a_mapped_name_that_is_not_there_says_nothing() -> None:
    assert read({"email": "a"}, plan="data.plan", mail="email") == {"email": "a"}


def test_what_is_no_object_stays_to_be_named_as_wrong() -> None:
    assert read({"data": "x", "plan": 1}, plan="data.plan") == {"data": "x"}


@pytest.mark.parametrize(
    ("name", "is_field"), [("email", True), ("data.a", True), ("data.", False)]
)
def test_a_field_is_a_column_or_a_key(name: str, is_field: bool) -> None:
    assert (name in FIELDS) is is_field
