"""Tests of the columns of files with subscribers, and of their cells."""

from typing import Any

import pytest

from subscribers.rows.plans import Column, ColumnPlan, renaming
from subscribers.rows.row import InvalidFile, Row
from subscribers.rows.typed_cells import VERBATIM
from subscribers.services.imports.people.columns import RowReader
from subscribers.services.imports.people.drafts import SubscriberDraft
from subscribers.wire.payloads import InvalidRequest

ADA = "ada@example.com"


def read(
    cells: dict[str, str],
    *,
    renamed: dict[str, str] | None = None,
    plan: ColumnPlan | None = None,
) -> SubscriberDraft:
    reader = RowReader(plan=plan or renaming(renamed or {}), attributes_bytes=1000)
    row = Row(
        file_index=0, line=2, fields=dict(cells), end_offset=0, end_line=3, columns=tuple(cells)
    )
    return reader.read(row)


def read_json(fields: dict[str, Any], **renamed: str) -> SubscriberDraft:
    reader = RowReader(plan=renaming(renamed), attributes_bytes=1000)
    return reader.read(Row(file_index=0, line=1, fields=fields, end_offset=0, end_line=2))


def test_blank_cells_say_nothing() -> None:
    names = ("externalId", "firstName", "tags", "lists", "status", "customAttributes", "consentIp")

    draft = read({"email": ADA, **dict.fromkeys(names, " "), "createdAt": "", "attributes.a": ""})

    assert draft == read({"email": ADA})
    assert draft.lists is None


def test_attributes_come_from_one_column_or_many() -> None:
    draft = read(
        {
            "email": ADA,
            "customAttributes": '{"plan": "free", "kept": [1]}',
            "attributes.plan": "pro",
            "attributes.seats": "12",
            "attributes.zip": "01234",
            "attributes.gone": "null",
            "attributes.": "nameless",
        }
    )

    assert draft.person.attributes == {
        "plan": "pro", "kept": [1], "seats": 12, "zip": "01234", "gone": None,
    }  # fmt: skip


def test_cells_stay_texts_where_that_is_asked_for() -> None:
    seats = Column(field="attributes.seats", form=VERBATIM)

    draft = read(
        {"email": ADA, "attributes.seats": "12"},
        plan=ColumnPlan(columns={"attributes.seats": seats}),
    )

    assert draft.person.attributes == {"seats": "12"}


def test_names_are_parted_by_semicolons_or_a_json_array() -> None:
    draft = read({"email": ADA, "tags": "VIP; beta;vip", "lists": '["A;B", "News"]'})

    assert draft.tags == ("vip", "beta")
    assert draft.lists == ("A;B", "News")


def test_an_empty_array_is_no_list_at_all() -> None:
    assert read({"email": ADA, "lists": "[]"}).lists == ()


@pytest.mark.parametrize(
    ("column", "text", "message"),
    [
        ("customAttributes", "{", "must be a JSON object."),
        ("customAttributes", "[1]", "must be a JSON object."),
        ("tags", "[1", "begins with [ and is no JSON array of texts."),
        ("lists", "[1]", "begins with [ and is no JSON array of texts."),
    ],
)
def test_a_cell_that_is_no_json_is_named(column: str, text: str, message: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        read({"email": ADA, column: text})

    (fault,) = caught.value.faults
    assert (fault.path, fault.message) == (column, message)


def test_other_headers_are_mapped() -> None:
    cells = {"Mail": ADA, "Plan": "pro", "email": "", "Ignored": "x"}

    draft = read(
        {"Mail": ADA, "Plan": "pro", "Ignored": "x"},
        renamed={"Mail": "email", "Plan": "attributes.plan"},
    )

    assert draft.person.email is not None
    assert draft.person.email.key == ADA
    assert draft.person.attributes == {"plan": "pro"}
    with pytest.raises(InvalidFile, match="Two columns are read as email"):
        read(cells, renamed={"Mail": "email"})


def test_json_keys_are_mapped_too() -> None:
    draft = read_json({"mail": ADA, "plan": "pro"}, mail="email", plan="attributes.plan")

    assert draft.person.attributes == {"plan": "pro"}


def test_a_file_that_names_nobody_is_refused_with_its_columns() -> None:
    with pytest.raises(InvalidFile, match="columns Mail, Plan: no column is email"):
        read({"Mail": ADA, "Plan": "pro"})


def test_each_file_has_its_own_columns() -> None:
    reader = RowReader(attributes_bytes=1000)
    rows = [
        Row(file_index=n, line=2, fields=cells, end_offset=0, end_line=3, columns=tuple(cells))
        for n, cells in enumerate([{"email": ADA, "firstName": "Ada"}, {"externalId": "user_1"}])
    ]

    drafts = [reader.read(row).person for row in rows]

    assert [(each.texts.get("first_name", ""), each.external_id) for each in drafts] == [
        ("Ada", None), ("", "user_1"),
    ]  # fmt: skip
