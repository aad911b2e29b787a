"""Tests of `import_events`: what it imports, what runs live, what it refuses at once."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import time_machine

from events.models import Event, EventCount
from events.services.configuration import sync_rules
from events.services.configuration.sync_rules import RuleSpec
from subscribers.models import ImportRun, OutgoingEmail, Subscriber, SubscriberTag, Workspace
from subscribers.services.workspaces import workspaces
from tests.support.importing_files import import_events, write_lines

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


@pytest.fixture
def workspace(db: None) -> Workspace:
    """A workspace with a rule on `paid`."""
    made = workspaces.create(name="Acme", slug="acme")
    sync_rules.replace_all(workspace=made, specs=[RuleSpec(trigger_event="paid", add=["customer"])])
    return made


def row(minutes: int, **given: object) -> dict[str, object]:
    """Return a row of so many minutes ago."""
    moment = NOON - timedelta(minutes=minutes)
    return {
        "email": "ada@example.com",
        "name": "paid",
        "eventId": f"e{minutes}",
        "occurredAt": moment.isoformat(),
        **given,
    }


@time_machine.travel(NOON, tick=False)
@pytest.mark.usefixtures("workspace")
def test_history_triggers_nothing_however_young(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "events.jsonl", [row(1), row(90)])

    code, said = import_events(path)

    assert code == 0
    assert said["recorded"] == 2
    assert set(Event.objects.values_list("is_historical", flat=True)) == {True}
    assert not SubscriberTag.objects.exists()


@time_machine.travel(NOON, tick=False)
@pytest.mark.usefixtures("workspace")
def test_history_may_be_of_any_age(tmp_path: Path) -> None:
    long_ago = "1999-12-31T23:59:59Z"
    path = write_lines(tmp_path / "events.jsonl", [row(1, occurredAt=long_ago)])

    code, _ = import_events(path)

    assert code == 0
    assert Event.objects.get().occurred_at == datetime(1999, 12, 31, 23, 59, 59, tzinfo=UTC)
    assert Subscriber.objects.get().created_at.year == 1999


@time_machine.travel(NOON, tick=False)
@pytest.mark.usefixtures("workspace")
def test_what_is_recent_runs_live_when_that_is_asked(tmp_path: Path) -> None:
    rows = [
        row(90),
        row(10),
        row(80, externalId="1"),
        row(5, externalId="2"),
        row(4, email=None, externalId="1"),
        row(10),
        row(70, email="bo@example.com"),
    ]
    path = write_lines(tmp_path / "events.jsonl", rows)

    code, said = import_events(path, "--trigger")

    assert code == 3
    assert (said["recorded"], said["duplicates"], said["rejected"]) == (5, 1, 1)
    assert list(Event.objects.order_by("id").values_list("event_id", "is_historical")) == [
        ("e90", True),
        ("e10", False),
        ("e80", True),
        ("e4", False),
        ("e70", True),
    ]
    tagged = SubscriberTag.objects.get()
    assert tagged.subscriber.external_id == "1"
    enrollment = ImportRun.objects.get()
    assert (enrollment.rows, enrollment.recorded, enrollment.line) == (7, 5, 8)


@time_machine.travel(NOON, tick=False)
@pytest.mark.parametrize(("arguments", "mails"), [([], 0), (["--trigger"], 1)])
def test_only_live_rows_ask_people_to_confirm(
    tmp_path: Path, workspace: Workspace, arguments: list[str], mails: int
) -> None:
    Workspace.objects.update(double_opt_in=True)
    path = write_lines(tmp_path / "events.jsonl", [row(90), row(5)])

    _, said = import_events(path, *arguments)

    assert Subscriber.objects.get().status == Subscriber.Status.PENDING
    assert OutgoingEmail.objects.count() == said["confirmationsQueued"] == mails


@time_machine.travel(NOON, tick=False)
@pytest.mark.usefixtures("workspace")
def test_a_table_with_other_names_and_no_ids(tmp_path: Path) -> None:
    path = tmp_path / "export.csv"
    path.write_text(
        "mail,what,when,order,properties.plan\n"
        "ada@example.com,paid,2026-01-01T00:00:00Z,1,pro\n"
        "ada@example.com,paid,2026-01-01T00:00:00Z,2,\n"
        "ada@example.com,paid,2026-01-01T00:00:00Z,1,pro\n"
    )
    names = ["--map=mail=email", "--map=what=name", "--map=when=occurredAt"]

    code, said = import_events(path, *names, "--event-id-from", "order")

    assert code == 0
    assert (said["recorded"], said["duplicates"]) == (2, 1)
    assert [event.properties for event in Event.objects.order_by("id")] == [{"plan": "pro"}, {}]


@pytest.mark.parametrize(
    ("header", "arguments"),
    [
        ("email,what", []),
        ("mail,name", []),
        ("email,name", ["--map=mail=email"]),
        ("email,name", ["--map=name=status"]),
        ("email,name", ["--event-id-from", "order"]),
    ],
)
@pytest.mark.usefixtures("workspace")
def test_columns_that_cannot_be_are_refused_at_once(
    tmp_path: Path, header: str, arguments: list[str]
) -> None:
    path = tmp_path / "events.csv"
    path.write_text(f"{header}\na,b\n")

    code, said = import_events(path, *arguments)

    assert (code, said) == (2, {})
    assert not ImportRun.objects.exists()


@pytest.mark.usefixtures("workspace")
def test_what_came_in_is_counted_at_once(tmp_path: Path) -> None:
    # By the clock as it is: hours of receipt are found by the ids that are made in them.
    path = write_lines(tmp_path / "events.jsonl", [row(90), row(91), row(5000)])

    import_events(path)

    by_day = EventCount.objects.filter(unit=EventCount.Unit.DAY_OF_OCCURRENCE)
    assert sorted(by_day.values_list("count", flat=True)) == [1, 2]
    by_hour = EventCount.objects.filter(unit=EventCount.Unit.HOUR_OF_RECEIPT)
    assert list(by_hour.values_list("count", flat=True)) == [3]
