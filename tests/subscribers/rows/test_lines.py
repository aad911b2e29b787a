"""Lines of exports: safe in a spreadsheet, readable by any reader of CSV and JSONL."""

import csv
import io
import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from subscribers.rows import lines as export_lines


class Thing(msgspec.Struct, rename="camel", kw_only=True):
    """A row with one column of each type."""

    first_name: str | None = "Ada"
    attributes: dict[str, Any] = {}
    tags: list[str] = []
    seen_at: datetime | None = None


def cells(*rows: Thing) -> list[list[str]]:
    """Return what a reader of CSV finds below the heading."""
    text = export_lines.lines(rows=rows, line_format="csv").decode()
    return list(csv.reader(io.StringIO(text, newline="")))


def test_the_heading_has_the_names_of_the_wire() -> None:
    heading = export_lines.heading(row_type=Thing, line_format="csv")

    assert heading == b"firstName,attributes,tags,seenAt\r\n"
    assert export_lines.heading(row_type=Thing, line_format="jsonl") == b""


def test_every_type_has_its_form_in_a_cell() -> None:
    seen_at = datetime(2026, 1, 31, 9, 30, 0, 120000, tzinfo=UTC)
    row = Thing(attributes={"plan": "pro", "n": [1, None]}, tags=["vip", "new"], seen_at=seen_at)

    assert cells(row) == [
        ["Ada", '{"plan":"pro","n":[1,null]}', "vip;new", "2026-01-31T09:30:00.120000Z"]
    ]
    assert cells(Thing(first_name=None)) == [["", "{}", "[]", ""]]


@pytest.mark.parametrize("first", ["=", "+", "-", "@", "\t", "\r"])
def test_no_cell_begins_like_a_formula(first: str) -> None:
    formula = f"{first}cmd|x"

    [[name, _, tags, _]] = cells(Thing(first_name=formula, tags=[formula, "b"]))

    assert name == f"'{formula}"
    assert tags[0] in "'["


def test_signs_that_csv_needs_are_quoted() -> None:
    name = 'a,"b"\r\nc\rd\ne;f'

    assert cells(Thing(first_name=name), Thing())[0][0] == name
    assert len(cells(Thing(first_name=name), Thing())) == 2


def test_jsonl_has_one_object_a_line() -> None:
    rows = [Thing(first_name="=1\nü"), Thing(attributes={"deep": {"null": None}}, tags=["a;b"])]

    lines = export_lines.lines(rows=rows, line_format="jsonl").splitlines()

    assert [json.loads(line) for line in lines] == [
        {"firstName": "=1\nü", "attributes": {}, "tags": [], "seenAt": None},
        {
            "firstName": "Ada",
            "attributes": {"deep": {"null": None}},
            "tags": ["a;b"],
            "seenAt": None,
        },
    ]


@pytest.mark.parametrize("number", [1e300, -1.5e300, 1.2345678901234567e200, 1e40])
def test_a_double_that_a_database_wrote_out_is_short_again(number: float) -> None:
    value = export_lines.stored(f'{{"deep": [{Decimal(repr(number)):f}]}}')

    assert isinstance(value["deep"][0], float)
    assert value == {"deep": [number]}


def test_a_whole_number_that_no_double_is_stays_as_it_is() -> None:
    number = 10**60 + 7

    assert export_lines.stored(str(number)) == number
