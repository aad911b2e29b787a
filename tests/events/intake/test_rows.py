"""Tests of `events.intake.rows`, its cells and its presets."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from events.intake.payloads import Limits
from events.intake.products import PRESETS
from events.intake.rows import EventReader, EventRow
from subscribers.rows.plans import Column, ColumnPlan, renaming
from subscribers.rows.typed_cells import VERBATIM
from subscribers.wire.payloads import Fault

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
LIMITS = Limits(
    events=500,
    properties_bytes=65_536,
    attributes_bytes=65_536,
    definitions=5000,
    history_after=timedelta(hours=1),
    oldest=timedelta(days=1826),
    furthest_ahead=timedelta(minutes=5),
)
ROW: dict[str, Any] = {
    "email": "ada@example.com",
    "name": "paid",
    "eventId": "e1",
    "occurredAt": "2026-01-02T03:04:05Z",
}


def read(
    fields: dict[str, Any], *, columns: tuple[str, ...] | None = None, **options: Any
) -> EventRow | tuple[Fault, ...]:
    reader = EventReader(limits=LIMITS, **options)
    return reader.read(fields, columns=columns, now=NOW)


def good(fields: dict[str, Any], **options: Any) -> EventRow:
    found = read(fields, **options)
    assert isinstance(found, EventRow), found
    return found


def cells(**given: str) -> EventRow:
    """Read a row of CSV, with cells beside those that it needs."""
    row = {**ROW, **given}
    return good(row, columns=tuple(row))


def paths(found: EventRow | tuple[Fault, ...]) -> list[str]:
    assert not isinstance(found, EventRow)
    return [fault.path for fault in found]


def test_a_json_row_is_read_as_the_api_reads_it() -> None:
    row = good({**ROW, "properties": {"a": [1, None]}, "receivedAt": 1, "id": "evt_1"})

    assert row.person.email is not None
    assert row.person.email.text == "ada@example.com"
    assert (row.event.name, row.event.event_id) == ("paid", "e1")
    assert row.event.occurred_at == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert row.event.properties == {"a": [1, None]}


@pytest.mark.parametrize("occurred_at", [None, "2026-06-01T11:59:00Z", "2026-01-01T00:00:00Z"])
def test_every_row_is_history(occurred_at: str | None) -> None:
    assert good({**ROW, "occurredAt": occurred_at}).event.is_historical


@pytest.mark.parametrize(("minutes", "is_historical"), [(59, False), (61, True)])
def test_recent_rows_stay_live_where_they_are_kept_so(minutes: int, is_historical: bool) -> None:
    moment = (NOW - timedelta(minutes=minutes)).isoformat()

    row = good({**ROW, "occurredAt": moment}, is_live_kept=True)

    assert row.event.is_historical is is_historical


def test_all_that_is_wrong_is_said() -> None:
    found = read({"email": "nonsense", "externalId": 7, "name": ""})

    assert paths(found) == ["email", "externalId", "name"]


@pytest.mark.parametrize("email", [["a"], {"a": 1}, True])
def test_an_identity_of_another_type_is_a_fault(email: object) -> None:
    assert paths(read({**ROW, "email": email})) == ["email"]


def test_a_repeated_identity_is_the_same_person() -> None:
    reader = EventReader(limits=LIMITS)

    one, other = (reader.read(dict(ROW), columns=None, now=NOW) for _ in range(2))

    assert isinstance(one, EventRow)
    assert isinstance(other, EventRow)
    assert one.person is other.person


def test_attributes_of_a_repeated_identity_are_each_its_own() -> None:
    reader = EventReader(limits=LIMITS)

    found = [
        reader.read({**ROW, "customAttributes": {"n": each}}, columns=None, now=NOW)
        for each in (1, 2)
    ]

    assert [each.person.attributes for each in found if isinstance(each, EventRow)] == [
        {"n": 1},
        {"n": 2},
    ]


@pytest.mark.parametrize(
    ("cell", "value"),
    [("7", 7), ("-1.5", -1.5), ("true", True), ("null", None), ('{"a":1}', {"a": 1}),
     ("007", "007"), ("+1", "+1"), ("True", "True"), ("{a", "{a"), ("pro", "pro"), ("NaN", "NaN")],
)  # fmt: skip
def test_a_cell_of_a_property_is_json_or_a_text(cell: str, value: object) -> None:
    row = cells(**{"properties.x": cell})

    assert row.event.properties == {"x": value}
    assert type(row.event.properties["x"]) is type(value)


def test_cells_stay_texts_when_that_is_asked() -> None:
    row = {**ROW, "properties.x": "7"}

    plan = ColumnPlan(columns={"properties.x": Column(field="properties.x", form=VERBATIM)})

    assert good(row, columns=tuple(row), plan=plan).event.properties == {"x": "7"}


def test_an_empty_cell_is_not_given() -> None:
    row = cells(**{"externalId": "", "properties.x": "", "properties": "", "eventId": ""})

    assert row.person.external_id is None
    assert row.event.event_id is None
    assert row.event.properties == {}


def test_columns_of_properties_go_into_the_column_of_json() -> None:
    assert cells(**{"properties": '{"a":1}', "properties.b": "2"}).event.properties == {
        "a": 1,
        "b": 2,
    }


@pytest.mark.parametrize("cell", ["nonsense", "[1]", '{"a":NaN}', "7"])
def test_a_cell_that_is_no_object_is_a_fault(cell: str) -> None:
    row = {**ROW, "properties": cell}

    assert paths(read(row, columns=tuple(row))) == ["properties"]


@pytest.mark.parametrize("is_table", [False, True])
def test_other_names_are_mapped(is_table: bool) -> None:
    row = {"mail": "ada@example.com", "what": "paid", "plan": "pro"}
    mapping = {"mail": "email", "what": "name", "plan": "properties.plan"}

    found = good(row, columns=tuple(row) if is_table else None, plan=renaming(mapping))

    assert found.person.email is not None
    assert (found.event.name, found.event.properties) == ("paid", {"plan": "pro"})


def test_a_mapped_name_may_lead_into_objects() -> None:
    row = {"user": {"email": "ada@example.com"}, "name": "paid"}

    assert good(row, plan=renaming({"user.email": "email"})).person.email is not None


def test_an_event_id_is_made_of_columns_and_is_stable() -> None:
    def made(**given: object) -> str | None:
        row = {**ROW, "eventId": None, "order": "1", "line": "23", **given}
        return good(row, event_id_from=["order", "line"]).event.event_id

    assert made() == made()
    assert len(made() or "") == 64
    assert made() != made(order="12", line="3")


def test_an_event_id_that_is_there_stays() -> None:
    assert good({**ROW, "order": "1"}, event_id_from=["order"]).event.event_id == "e1"


def test_an_event_id_cannot_be_made_of_nothing() -> None:
    row = {**ROW, "eventId": None, "order": ""}

    assert paths(read(row, event_id_from=["order"])) == ["eventId"]


@pytest.mark.parametrize(
    ("product", "fields", "external_id"),
    [
        (
            "segment",
            {
                "type": "track", "event": "paid", "userId": "u1", "messageId": "e1",
                "timestamp": "2026-01-02T03:04:05.000Z", "properties": {"a": 1},
                "context": {"traits": {"email": "ada@example.com"}},
            },
            "u1",
        ),
        (
            "segment",
            {
                "event_text": "paid", "user_id": "u1", "id": "e1",
                "timestamp": "2026-01-02 03:04:05 UTC", "properties": '{"a":1}',
                "context_traits_email": "ada@example.com",
            },
            "u1",
        ),
        (
            "posthog",
            {
                "uuid": "e1", "event": "paid", "distinct_id": "u1",
                "properties": '{"a":1,"$is_identified":true}',
                "timestamp": "2026-01-02 03:04:05.000000",
                "person_properties": '{"email":"ada@example.com"}',
            },
            "u1",
        ),
        (
            "posthog",
            {
                "uuid": "e1", "event": "paid", "distinct_id": "ada@example.com",
                "timestamp": "2026-01-02T03:04:05Z", "properties": {"a": 1},
            },
            None,
        ),
        (
            "customerio",
            {
                "type": "event", "name": "paid", "id": "e1", "timestamp": 1767323045,
                "identifiers": {"email": "ada@example.com", "id": "u1"}, "data": {"a": 1},
            },
            "u1",
        ),
        (
            "customerio",
            {
                "event_id": "e1", "name": "paid", "timestamp": "1767323045",
                "customer_id": "u1", "email": "ada@example.com", "data": '{"a":1}',
            },
            "u1",
        ),
    ],
)  # fmt: skip
def test_rows_of_other_products_are_read(
    product: str, fields: dict[str, Any], external_id: str | None
) -> None:
    row = good(fields, preset=PRESETS[product])

    assert row.person.email is not None
    assert row.person.email.text == "ada@example.com"
    assert row.person.external_id == external_id
    assert (row.event.name, row.event.event_id) == ("paid", "e1")
    assert row.event.occurred_at == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert row.event.properties["a"] == 1


def test_a_row_of_another_kind_is_no_event() -> None:
    found = read({"type": "identify", "userId": "u1"}, preset=PRESETS["segment"])

    assert paths(found) == ["type"]


def test_a_mapping_goes_before_a_preset() -> None:
    fields = {"event": "paid", "userId": "u1", "login": "7", "email": "ada@example.com"}

    row = good(fields, preset=PRESETS["segment"], plan=renaming({"login": "externalId"}))

    assert row.person.external_id == "7"


@pytest.mark.parametrize(
    "written",
    [
        "2026-01-02T03:04:05Z", "2026-01-02 03:04:05", "2026-01-02 03:04:05.000 UTC",
        "2026-01-02 05:04:05 +0200", "1767323045", "1767323045000", "1767323045000000",
        1767323045, 1767323045000,
    ],
)  # fmt: skip
def test_a_preset_reads_the_times_of_its_product(written: object) -> None:
    fields = {"event": "paid", "email": "ada@example.com", "timestamp": written}

    row = good(fields, preset=PRESETS["segment"])

    assert row.event.occurred_at == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.mark.parametrize("written", ["2026", "20260102", True, "yesterday"])
def test_a_preset_takes_no_other_number_for_a_time(written: object) -> None:
    fields = {"event": "paid", "email": "ada@example.com", "timestamp": written}

    assert paths(read(fields, preset=PRESETS["segment"])) == ["occurredAt"]


@pytest.mark.parametrize(
    ("proof", "external_id"),
    [(True, "u1"), ("True", "u1"), ("true", "u1"), (False, None), ("False", None), (None, None)],
)
def test_only_an_identified_person_has_the_external_id(
    proof: object, external_id: str | None
) -> None:
    fields = {
        "event": "paid", "distinct_id": "u1", "person.properties.email": "ada@example.com",
        "properties.$is_identified": proof,
    }  # fmt: skip

    assert good(fields, preset=PRESETS["posthog"]).person.external_id == external_id


def test_other_columns_of_a_warehouse_are_properties_in_objects_too() -> None:
    fields = {
        "event_text": "Paid", "event": "paid", "user_id": "u1", "id": "e1", "amount": 7,
        "name": "N95", "coupon": None, "context_ip": "192.0.2.1", "context_traits_email": "a@x.io",
        "loaded_at": "2026-01-02",
    }  # fmt: skip

    row = good(fields, preset=PRESETS["segment"])

    assert (row.event.name, row.event.properties) == ("Paid", {"amount": 7, "name": "N95"})


def test_other_keys_of_a_raw_call_are_no_properties() -> None:
    fields = {"event": "Paid", "email": "a@x.io", "version": 2, "properties": {"amount": 7}}

    assert good(fields, preset=PRESETS["segment"]).event.properties == {"amount": 7}
    del fields["properties"]
    assert good(fields, preset=PRESETS["segment"]).event.properties == {}
