"""History from the files of other products: its time, its names, and what a preset leaves."""

import io
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from events.models import Event
from subscribers.models import ImportRun, Subscriber, Workspace
from subscribers.services.imports import runs
from subscribers.services.workspaces import workspaces
from tests.support import importing_files

pytestmark = pytest.mark.django_db
imported = partial(importing_files.imported, "import_events", name="events.csv")
refused = partial(importing_files.refused, "import_events", name="events.csv")


@pytest.fixture(autouse=True)
def workspace(db: None) -> None:
    workspaces.create(name="Acme", slug="acme")


@pytest.mark.parametrize("header", ["timestamp", "Event Time", "created_at"])
def test_a_time_by_another_name_is_the_time(tmp_path: Path, header: str) -> None:
    imported(tmp_path, f"email,event,{header}\ng@x.io,paid,2023-05-01T10:00:00Z\n")

    assert Event.objects.get().occurred_at == datetime(2023, 5, 1, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("events.csv", "email,name\ng@x.io,paid\n"),
        ("events.jsonl", '{"email":"g@x.io","name":"paid"}\n'),
    ],
)
def test_history_without_a_time_is_not_dated_now(tmp_path: Path, name: str, text: str) -> None:
    assert "--occurred-now" in refused(tmp_path, text, name=name)

    imported(tmp_path, text, "--occurred-now", name=name)
    assert Event.objects.count() == 1


def test_a_row_without_a_time_is_refused_by_itself(tmp_path: Path) -> None:
    text = "email,name,occurredAt\ng@x.io,paid,2023-05-01T10:00:00Z\nh@x.io,paid,\n"

    with pytest.raises(SystemExit):
        imported(tmp_path, text)

    assert Event.objects.get().subscriber.email == "g@x.io"


def test_a_map_of_a_property_counts_with_a_preset(tmp_path: Path) -> None:
    text = (
        '{"type":"track","event":"Up","messageId":"m1","context":{"traits":{"email":"s@x.io"}},'
        '"timestamp":"2024-03-01T10:00:00Z","properties":{"a":1},"extra":"pro"}\n'
    )

    imported(tmp_path, text, "--from=segment", "--map=extra=properties.plan", name="e.jsonl")

    assert Event.objects.get().properties == {"a": 1, "plan": "pro"}


def test_flat_properties_count_with_a_preset(tmp_path: Path) -> None:
    text = (
        "uuid,event,timestamp,distinct_id,properties.plan,properties.seats,"
        "person.properties.email\n"
        "1,signed up,2024-02-08 09:13:12+00:00,p1,pro,7,p1@x.io\n"
    )

    imported(tmp_path, text, "--from=posthog")

    assert Event.objects.get().properties == {"plan": "pro", "seats": 7}


def test_the_name_that_people_gave_counts_in_a_warehouse(tmp_path: Path) -> None:
    text = (
        "id,event,event_text,timestamp,user_id,context_traits_email\n"
        "m,plan_upgraded,Plan Upgraded,2024-03-01 10:00:00.1,u3,w@x.io\n"
    )

    imported(tmp_path, text, "--from=segment")

    assert Event.objects.get().definition.name == "Plan Upgraded"


def test_a_file_is_inspected_without_a_workspace(tmp_path: Path) -> None:
    path = tmp_path / "e.csv"
    path.write_text("email,event,created_at,plan\ng@x.io,paid,1/5/2023,pro\n")
    shown = io.StringIO()

    call_command("inspect_file", str(path), stdout=shown)

    said = shown.getvalue()
    assert "for import_events" in said
    assert "plan → not used: pro" in said
    assert "--date-format created_at=FORMAT" in said
    assert f"manage.py import_events {path} --workspace SLUG --dry-run" in said


def test_an_inspection_says_where_the_header_is(tmp_path: Path) -> None:
    path = tmp_path / "e.csv"
    path.write_text("Events 2024\nemail,event,timestamp\ng@x.io,paid,2023-05-01T10:00:00Z\n")
    shown = io.StringIO()

    call_command("inspect_file", str(path), stdout=shown)

    assert "Line 2 looks like the header: delete the lines before it." in shown.getvalue()


def test_an_inspection_takes_the_options_that_it_advises(tmp_path: Path) -> None:
    path = tmp_path / "e.csv"
    path.write_text("email,event,created_at\nzoë@x.io,paid,1/5/2023\n", encoding="cp1252")
    shown = io.StringIO()
    arguments = ["--encoding=cp1252", "--date-format", "created_at=d/m/Y"]

    call_command("inspect_file", str(path), *arguments, stdout=shown)

    said = shown.getvalue()
    assert "refused" not in said
    assert "zoë@x.io" in said
    assert "Times without a time zone are in the workspace's time zone." in said
    assert "--encoding cp1252 --date-format created_at=d/m/Y --workspace SLUG" in said
    with pytest.raises(CommandError, match="- can be read only once: give a file"):
        call_command("inspect_file", "-", "--format=csv")


@pytest.mark.parametrize("option", ["fill", "newest", "ignore"])
def test_history_says_nothing_about_today(tmp_path: Path, option: str) -> None:
    today = '{"email":"h@x.io","name":"x","occurredAt":"2025-01-01T00:00:00Z",'
    imported(tmp_path, f'{today}"customAttributes":{{"plan":"enterprise"}}}}\n', name="a.jsonl")

    old = '{"email":"h@x.io","name":"x","occurredAt":"2023-01-01T00:00:00Z",'
    imported(
        tmp_path, f'{old}"customAttributes":{{"plan":"free","seats":1}}}}\n',
        f"--attributes={option}", name="b.jsonl",
    )  # fmt: skip

    seats = {} if option == "ignore" else {"seats": 1}
    assert Subscriber.objects.get().attributes == {"plan": "enterprise", **seats}


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_the_newest_row_counts_where_that_is_asked(tmp_path: Path, order: list[int]) -> None:
    rows = [
        f'{{"email":"h@x.io","name":"x","occurredAt":"202{n}-01-01T00:00:00Z",'
        f'"customAttributes":{{"plan":"{n}"}}}}\n'
        for n in order
    ]

    imported(tmp_path, "".join(rows), "--attributes=newest", "--batch-size=2", name="a.jsonl")

    assert Subscriber.objects.get().attributes == {"plan": "2"}


def test_an_event_of_two_people_is_the_addresses_and_counted(tmp_path: Path) -> None:
    rows = [f"{who},x,2023-05-01T10:00:00Z\n" for who in ("a@x.io,1", "b@x.io,", "b@x.io,1")]
    rows.append("a@x.io,2,x,2023-05-01T10:00:00Z\n")

    said = imported(tmp_path, f"email,externalId,name,occurredAt\n{''.join(rows)}")

    assert "2  warnings: recorded for the address" in said
    found = Subscriber.objects.order_by("email").values_list("email", "external_id")
    assert list(found) == [("a@x.io", "1"), ("b@x.io", None)]
    assert Event.objects.filter(subscriber__email="b@x.io").count() == 2


def test_an_anonymous_id_of_a_browser_is_nobodys_external_id(tmp_path: Path) -> None:
    row = (
        '{{"uuid":"{0}","event":"x","distinct_id":"{1}","timestamp":"2024-02-08T09:11:12Z",'
        '"properties":{2},"person_properties":{{"email":"p@x.io"}}}}\n'
    )
    rows = [row.format(1, "anon", "{}"), row.format(2, "user_901", '{"$user_id":"user_901"}')]

    imported(tmp_path, "".join(rows), "--from=posthog", name="p.jsonl")

    assert Subscriber.objects.get().external_id == "user_901"
    assert Event.objects.count() == 2


def test_each_file_of_events_has_its_own_columns(tmp_path: Path) -> None:
    head, time = "email,name,occurredAt", "2023-05-01T10:00:00Z"
    (tmp_path / "a.csv").write_text(f"{head}\n" + f"g@x.io,paid,{time}\n" * 1_000)

    (tmp_path / "b.csv").write_text(f"{head},plan\nh@x.io,paid,{time},pro\n")
    shown = io.StringIO()
    call_command(
        "import_events", str(tmp_path / "a.csv"), str(tmp_path / "b.csv"), "--workspace=acme",
        "--map=plan=properties.plan", stdout=shown, stderr=shown,
    )  # fmt: skip

    assert Event.objects.get(subscriber__email="h@x.io").properties == {"plan": "pro"}


def test_a_pipe_of_an_earlier_release_goes_on_where_it_stopped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Such a run has no mapping, its words were not looked at, and it dated events now.
    head = "who,name,Status,properties.n\n"
    rows = [f"{letter}@x.io,paid,unsubscribed,1\n" for letter in "abc"]
    arguments = [
        "import_events", "-", "--format=csv", "--workspace=acme", "--map=who=email", "--as-text",
    ]  # fmt: skip
    run = runs.begin(
        workspace=Workspace.objects.get(),
        kind="events",
        files=["-"],
        options={
            "from": None, "eventIdFrom": [], "asText": True, "trigger": False,
            "map": {"who": "email"}, "format": "csv",
        },
        actor="",
        now=timezone.now(),
        byte_offset=len(head + rows[0]),
        line=3,
    )  # fmt: skip
    runs.interrupt(run=run, now=timezone.now())
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO((head + "".join(rows)).encode())))

    call_command(*arguments, "--resume", stdout=io.StringIO(), stderr=io.StringIO())

    assert set(Event.objects.values_list("subscriber__email", flat=True)) == {"b@x.io", "c@x.io"}
    assert Event.objects.all()[0].properties == {"n": "1"}
    assert ImportRun.objects.get().status == "finished"


@pytest.mark.parametrize("rows_in_batch", [1, 10])
def test_the_newest_row_is_the_same_in_batches_of_any_size(
    tmp_path: Path, rows_in_batch: int
) -> None:
    def row(year: int, more: str = "") -> str:
        return f'{{"email":"h@x.io","name":"x","occurredAt":"{year}-01-01T00:00:00Z"{more}}}\n'

    imported(tmp_path, row(2020, ',"customAttributes":{"plan":"0"}'), name="a.jsonl")

    imported(
        tmp_path, row(2022) + row(2021, ',"customAttributes":{"plan":"1"}'),
        "--attributes=newest", f"--batch-size={rows_in_batch}", name="b.jsonl",
    )  # fmt: skip

    assert Subscriber.objects.get().attributes == {"plan": "0"}


@pytest.mark.parametrize(
    "option", ["--date-format=d/m/Y", "--timezone=Europe/Berlin", "--value=name:Up=Down"]
)
def test_what_a_preset_reads_itself_is_not_said_in_vain(tmp_path: Path, option: str) -> None:
    said = refused(tmp_path, '{"event":"Up"}\n', "--from=segment", option, name="e.jsonl")

    assert said.startswith(option.partition("=")[0])


def test_a_list_of_people_with_statuses_is_no_file_of_events(tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_text(
        "uuid,email,name,attributes,status,created_at\n"
        "u-1,a@x.io,Ada Long,{},enabled,2024-01-01T00:00:00Z\n"
        "u-2,b@x.io,Bea Short,{},blocklisted,2024-01-01T00:00:00Z\n"
    )
    shown = io.StringIO()

    call_command("inspect_file", str(path), stdout=shown)

    said = shown.getvalue()
    assert "for import_subscribers" in said
    assert "name → not used" in said
    assert "--split-name parts it into first and last name" in said


def test_events_with_a_status_of_their_own_are_events(tmp_path: Path) -> None:
    path = tmp_path / "events.csv"
    path.write_text("email,name,created_at,status\na@x.io,paid,2024-01-01T00:00:00Z,settled\n")
    shown = io.StringIO()

    call_command("inspect_file", str(path), stdout=shown)

    assert "for import_events" in shown.getvalue()
    assert "--split-name" not in shown.getvalue()
