"""Exports of other products, in the forms of their documentation, of two invented people.

Each file says the same: Lena's plan became `team`, Omar's `solo`.
"""

import gzip
import io
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from events.intake.products import PRESETS
from events.models import Event
from subscribers.models import Subscriber
from subscribers.services.workspaces import workspaces

pytestmark = pytest.mark.django_db

SAMPLES = Path(__file__).parents[1] / "samples"
FILES = sorted(path.name for path in SAMPLES.iterdir())
ID = "018df8f0-0000-7000-8000-00000000000{}"
UPGRADED = "Plan Upgraded"
LENA, OMAR = "lena.moss@example.com", "omar.field@example.com"
PEOPLE = [(LENA, "u-101"), (OMAR, "u-102")]
SEEN_AT = datetime(2024, 3, 1, 9, 59, tzinfo=UTC)
LENAS_AT = datetime(2024, 3, 1, 10, 0, 0, 120_000, tzinfo=UTC)
OMARS_AT = datetime(2024, 3, 2, 8, 30, tzinfo=UTC)
LENAS: dict[str, Any] = {"plan": "team", "seats": 12, "annual": True, "zip": "02134"}
OMARS: dict[str, Any] = {"plan": "solo", "seats": 1, "annual": False, "zip": "10115"}
# Rows that are no events: identify, page, attribute_change and the like.
NO_EVENTS = {
    "segment_calls.jsonl": 2,
    "rudderstack_calls.jsonl": 1,
    "customerio_activities.jsonl": 1,
    "customerio_activities.csv": 1,
    "customerio_sent_events.jsonl": 1,
}
# The tables of all events, without properties.
TRACKS = ("segment_tracks.csv", "rudderstack_tracks.csv")
# Its columns are in capitals.
SNOWFLAKE = "segment_snowflake.csv"

Recorded = tuple[str, str, str | None, datetime, dict[str, Any]]


@pytest.fixture(autouse=True)
def workspace(db: None) -> None:
    workspaces.create(name="Acme", slug="acme")


def imported(path: Path, *arguments: str) -> tuple[int, str]:
    shown, code = io.StringIO(), 0
    try:
        call_command(
            "import_events", str(path), "--workspace=acme", *arguments, stdout=shown, stderr=shown
        )
    except SystemExit as ended:
        code = int(ended.code or 0)
    return code, shown.getvalue()


def product_of(name: str) -> str:
    return name.partition("_")[0]


def recorded() -> list[Recorded]:
    events = Event.objects.select_related("subscriber", "definition").order_by("occurred_at")
    return [
        (each.subscriber.email, each.definition.name, each.event_id, each.occurred_at,
         each.properties)
        for each in events
    ]  # fmt: skip


def people() -> list[tuple[str, str | None]]:
    return list(Subscriber.objects.order_by("email").values_list("email", "external_id"))


def expected(name: str) -> list[Recorded]:
    lenas_at, lenas, omars = LENAS_AT, dict(LENAS), dict(OMARS)
    seen: list[Recorded] = []
    if name in TRACKS:
        lenas, omars = {}, {}
    elif name == "segment_plan_upgraded.csv":
        # A property with a name of ours.
        lenas["name"] = "Spring"
    elif product_of(name) == "posthog":
        page = {"$current_url": "https://example.com/pricing", "$is_identified": False}
        seen = [(LENA, "$pageview", ID.format(0), SEEN_AT, page)]
        lenas["$is_identified"] = True
        is_batch = name == "posthog_batch_export.jsonl"
        omars |= {"$user_id": "u-102"} if is_batch else {"$is_identified": True}
    elif product_of(name) == "customerio" and name != "customerio_track.json":
        # Whole seconds.
        lenas_at = lenas_at.replace(microsecond=0)
    return [
        *seen,
        (LENA, UPGRADED, ID.format(1), lenas_at, lenas),
        (OMAR, UPGRADED, ID.format(2), OMARS_AT, omars),
    ]


@pytest.mark.parametrize("name", FILES)
def test_an_export_comes_in_by_the_name_of_its_product(name: str) -> None:
    product, rejected, events = product_of(name), NO_EVENTS.get(name, 0), expected(name)

    first, second = (imported(SAMPLES / name, f"--from={product}") for _ in range(2))

    exit_code, said = first
    assert recorded() == events
    assert people() == PEOPLE
    time = "TIMESTAMP" if name == SNOWFLAKE else "timestamp"
    assert f"{time} → occurredAt (--from {product}): " in said
    assert f"{len(events)} recorded, 0 duplicates, {rejected} rejected" in said
    assert exit_code == (3 if rejected else 0)
    assert bool(rejected) is (f"{rejected}  " in said and ": no event." in said)
    assert f" 0 recorded, {len(events)} duplicates, {rejected} rejected" in second[1]


def test_each_product_has_its_samples() -> None:
    assert set(map(product_of, FILES)) == PRESETS.keys()


@pytest.mark.parametrize("name", FILES)
def test_an_inspection_names_the_product(name: str) -> None:
    shown = io.StringIO()

    call_command("inspect_file", str(SAMPLES / name), stdout=shown)

    # Customer.io's calls are like Segment's.
    product = "segment" if name == "customerio_track.json" else product_of(name)
    assert f"export of {PRESETS[product].title}: --from {product}" in shown.getvalue()
    assert f"--from {product} --workspace SLUG --dry-run" in shown.getvalue()
    assert "refused" not in shown.getvalue()


@pytest.mark.parametrize("name", ["rudderstack_plan_upgraded.csv", "posthog_activity.csv", *TRACKS])
def test_loose_headers_find_people_names_and_times(name: str) -> None:
    imported(SAMPLES / name, "--map=id=eventId")

    is_posthog = product_of(name) == "posthog"
    # Own columns of properties need the preset; a browser's id is no external id.
    assert recorded() == [
        (*event, properties if is_posthog else {}) for *event, properties in expected(name)
    ]
    assert people() == ([(LENA, None), (OMAR, None)] if is_posthog else PEOPLE)


def test_a_table_that_says_who_agreed_is_asked_about_without_its_product() -> None:
    with pytest.raises(CommandError, match="--ignore-column context_traits_subscribed"):
        imported(SAMPLES / "segment_plan_upgraded.csv")


def test_archives_without_a_suffix_of_their_own_come_in(tmp_path: Path) -> None:
    archive = tmp_path / "1709287200000.invented.1.gz"
    archive.write_bytes(gzip.compress((SAMPLES / "segment_calls.jsonl").read_bytes()))

    imported(archive, "--from=segment", "--format=jsonl")

    assert recorded() == expected("segment_calls.jsonl")


@pytest.mark.parametrize(
    "name", ["segment_plan_upgraded.csv", "posthog_all_columns.csv", "customerio_activities.csv"]
)
def test_what_is_said_of_a_column_counts_before_the_preset(name: str) -> None:
    prefix = {"posthog": "*.properties.", "customerio": "data."}.get(product_of(name), "")

    imported(
        SAMPLES / name, f"--from={product_of(name)}", f"--map={prefix}plan=properties.tier",
        f"--ignore-column={prefix}zip", f"--types={prefix}seats=text",
    )  # fmt: skip

    lenas = Event.objects.get(event_id=ID.format(1)).properties
    assert lenas.items() >= {"tier": "team", "seats": "12", "annual": True}.items()
    assert not lenas.keys() & {"plan", "zip"}


def test_reports_of_messages_come_in_once_their_name_is_mapped(tmp_path: Path) -> None:
    path = tmp_path / "webhooks.jsonl"
    path.write_text(
        '{"metric":"opened","object_type":"email","event_id":"01E","timestamp":1709287200,'
        '"data":{"identifiers":{"id":"u-101","email":"lena.moss@example.com"},"subject":"Hi"}}\n'
    )

    imported(path, "--from=customerio", "--map=metric=name")

    [(email, name, event_id, _, properties)] = recorded()
    assert (email, name, event_id, properties["subject"]) == (LENA, "opened", "01E", "Hi")


def test_rows_of_other_kinds_are_counted_and_hide_no_wrong_row(tmp_path: Path) -> None:
    wrong = '{"type":"track","userId":"u-101","timestamp":"2024-03-01T10:00:00Z"}\n'
    path, rejects = tmp_path / "calls.jsonl", tmp_path / "rejects.jsonl"
    path.write_text((SAMPLES / "segment_calls.jsonl").read_text() + wrong)

    exit_code, said = imported(path, "--from=segment", f"--rejects={rejects}")

    assert exit_code == 3
    assert "2  type is not track: no event." in said
    assert "1  name is missing" in said
    assert "5 rows: 2 recorded, 0 duplicates, 3 rejected" in said
    assert [line for line in said.splitlines() if line.startswith("line ")] == [
        "line 5: name is missing: a string of 1-200 characters."
    ]
    assert rejects.read_text().count("\n") == 1


def test_properties_with_the_names_of_raw_calls_are_properties(tmp_path: Path) -> None:
    rows = [f"m{n},Opened,u-101,{LENA},2024-03-0{n} 10:00:00,digest,77\n" for n in (1, 2)]
    path = tmp_path / "opened.csv"
    head = "id,event_text,user_id,context_traits_email,timestamp,type,message_id\n"
    path.write_text(head + "".join(rows))

    exit_code, _ = imported(path, "--from=segment")

    assert exit_code == 0
    assert [(event_id, properties) for _, _, event_id, _, properties in recorded()] == [
        (f"m{n}", {"type": "digest", "message_id": 77}) for n in (1, 2)
    ]


def test_a_table_of_pages_comes_in_once_its_events_have_a_name(tmp_path: Path) -> None:
    path = tmp_path / "pages.csv"
    path.write_text(
        "id,anonymous_id,user_id,email,name,path,timestamp\n"
        f"m1,507f191e,u-101,{LENA},Pricing,/pricing,2024-03-01 10:00:00\n"
    )

    imported(path, "--from=segment", "--set=name=Page viewed")

    [(_, name, _, _, properties)] = recorded()
    assert (name, properties) == ("Page viewed", {"name": "Pricing", "path": "/pricing"})


def test_a_table_is_resumed_with_its_properties(tmp_path: Path) -> None:
    text = (SAMPLES / "segment_plan_upgraded.csv").read_text()
    path = tmp_path / "table.csv"
    path.write_text(text.replace("2024-03-01 10:00:00.12,", "once,"))
    arguments = (path, "--from=segment", "--batch-size=1")

    with pytest.raises(CommandError, match="Stopped before a bad row"):
        imported(*arguments, "--stop-on-error")
    imported(*arguments, "--resume")

    assert recorded() == expected("segment_plan_upgraded.csv")[1:]


def test_letters_for_yes_and_no_are_read_when_asked(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text((SAMPLES / SNOWFLAKE).read_text().replace("TRUE", "t").replace("FALSE", "f"))

    imported(path, "--from=segment", "--types=ANNUAL=boolean")

    assert recorded() == expected(SNOWFLAKE)


def test_rejected_rows_of_a_table_come_in_once_corrected(tmp_path: Path) -> None:
    text = (SAMPLES / "rudderstack_plan_upgraded.csv").read_text()
    path, rejects = tmp_path / "table.csv", tmp_path / "rejects.csv"
    path.write_text(text.replace(LENA, "lena@"))

    imported(path, "--from=rudderstack", f"--rejects={rejects}")
    rejects.write_text(rejects.read_text().replace(",lena@,", f",{LENA},"))
    imported(rejects, "--from=rudderstack")

    assert recorded() == expected("rudderstack_plan_upgraded.csv")
