"""Tests of the importer where others change what it remembers."""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from events.intake.rows import EventReader
from events.models import Event, EventDefinition
from events.services.history.importing import EventImporter
from events.services.ingestion.request import current_limits
from subscribers.models import ImportRun, Subscriber, Workspace
from subscribers.rows.row import Row
from subscribers.services.imports import loop, runs
from subscribers.services.imports.runs import Rejected
from subscribers.services.workspaces import workspaces

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)


class Rejects:
    """Keeps refused rows nowhere."""

    def write(self, rejected: Sequence[Rejected], *, at: int) -> int:
        return at + len(rejected)


def event(number: int, **given: object) -> dict[str, Any]:
    moment = NOW - timedelta(days=number)
    return {
        "email": "ada@example.com",
        "name": "paid",
        "eventId": f"e{number}",
        "occurredAt": moment.isoformat(),
        **given,
    }


def rows(events: Sequence[dict[str, Any]]) -> Iterator[Row]:
    for line, fields in enumerate(events, start=1):
        yield Row(file_index=0, line=line, fields=fields, end_offset=line, end_line=line + 1)


def import_one_by_one(
    workspace: Workspace, events: Sequence[dict[str, Any]], meanwhile: Callable[[], object]
) -> ImportRun:
    """Import in batches of one row; `meanwhile` happens after the first."""
    run = runs.begin(workspace=workspace, kind="events", files=["f"], options={}, actor="", now=NOW)
    calls: list[int] = []

    def report(*_: object) -> None:
        calls.append(1)
        if len(calls) == 1:
            meanwhile()

    limits = current_limits()
    loop.run(
        run=run,
        rows=rows(events),
        importer=EventImporter(
            workspace=workspace,
            reader=EventReader(limits=limits),
            limits=limits,
            clock=lambda: NOW,
        ),
        rejects=Rejects(),
        report=report,
        clock=lambda: NOW,
        batch_rows=1,
    )
    run.refresh_from_db()
    return run


@pytest.mark.django_db(transaction=True)
def test_a_person_who_was_deleted_meanwhile_is_created_again() -> None:
    workspace = workspaces.create(name="Acme")

    def delete() -> None:
        Event.objects.all().delete()
        Subscriber.objects.all().delete()

    run = import_one_by_one(workspace, [event(1), event(2), event(3)], delete)

    assert (run.recorded, run.subscribers_created) == (3, 2)
    assert Event.objects.count() == 2
    assert Subscriber.objects.get().created_at == NOW - timedelta(days=3)


@pytest.mark.django_db(transaction=True)
def test_a_name_that_was_deleted_meanwhile_is_created_again() -> None:
    workspace = workspaces.create(name="Acme")

    def delete() -> None:
        Event.objects.all().delete()
        EventDefinition.objects.all().delete()

    run = import_one_by_one(workspace, [event(1), event(2)], delete)

    assert (run.recorded, run.definitions_created) == (2, 2)
    assert Event.objects.get().definition.name == "paid"


@pytest.mark.django_db
def test_what_others_gave_a_person_meanwhile_stays(workspace: Workspace) -> None:
    def change() -> None:
        Subscriber.objects.update(first_name="Grace", external_id="7", attributes={"plan": "pro"})

    given = event(2, firstName="Ada", customAttributes={"seats": 2})
    run = import_one_by_one(workspace, [event(1), given, event(3, externalId="8")], change)

    ada = Subscriber.objects.get()
    assert (ada.first_name, ada.external_id) == ("Grace", "7")
    assert ada.attributes == {"plan": "pro", "seats": 2}
    assert (run.recorded, run.rejected, run.conflicts) == (3, 0, 1)


@pytest.mark.django_db
def test_somebody_whom_others_made_meanwhile_is_found(workspace: Workspace) -> None:
    def make() -> None:
        Subscriber.objects.create(
            workspace=workspace, email="bo@example.com", email_key="bo@example.com"
        )

    run = import_one_by_one(workspace, [event(1), event(2, email="bo@example.com")], make)

    assert (run.recorded, run.subscribers_created) == (2, 1)


@pytest.mark.django_db
def test_rows_without_ids_are_all_recorded(workspace: Workspace) -> None:
    same = event(1, eventId=None)

    run = import_one_by_one(workspace, [same, same], lambda: None)

    assert run.recorded == Event.objects.count() == 2


@pytest.mark.django_db
def test_the_run_says_between_which_its_events_occurred(workspace: Workspace) -> None:
    run = import_one_by_one(workspace, [event(3), event(9), event(1), event(9)], lambda: None)

    assert (run.recorded, run.duplicates) == (3, 1)
    assert (run.oldest_at, run.newest_at) == (NOW - timedelta(days=9), NOW - timedelta(days=1))
