"""Tests of many rows at a time: as if each came alone, and all of a batch or nothing."""

from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from events.models import Enrollment
from subscribers.models import (
    ConsentRecord,
    ImportReject,
    ImportRun,
    List,
    Subscriber,
    SubscriberTag,
    Tag,
    Workspace,
)
from subscribers.services.imports import loop, runs
from subscribers.services.imports.people import Duplicates, OptInMode, SubscriberImporter
from tests import factories
from tests.support.importing_people import NOW, KeptInMemory, import_rows, options_for, rows_of
from tests.support.sequence_making import make_sequence

pytestmark = pytest.mark.django_db

ADA = "ada@example.com"
# A rule that our own checks know nothing of.
REFUSE_BOBBY = {
    "sqlite": "CREATE TEMP TRIGGER refuse BEFORE INSERT ON subscribers_subscriber"
    " WHEN NEW.first_name = 'Bobby' BEGIN SELECT RAISE(ABORT, 'no Bobby'); END",
    "postgresql": "ALTER TABLE subscribers_subscriber"
    " ADD CONSTRAINT no_bobby CHECK (first_name <> 'Bobby')",
}
OVERWRITE = Duplicates.OVERWRITE


def row(number: int, **fields: Any) -> dict[str, Any]:
    return {"email": f"person{number}@example.com", "externalId": f"user_{number}", **fields}


def record(workspace: Workspace, *fields: dict[str, Any], **options: Any) -> None:
    importer = SubscriberImporter(options=options_for(workspace, **options))
    with transaction.atomic():
        importer.record([importer.parse(each) for each in rows_of(fields)], now=NOW)


def everything(workspace: Workspace) -> list[Any]:
    people = Subscriber.objects.filter(workspace=workspace).order_by("email_key")
    tags = SubscriberTag.objects.filter(workspace=workspace)
    lines = ConsentRecord.objects.filter(workspace=workspace).order_by("at", "kind")
    return [
        list(
            people.values_list(
                "email", "external_id", "first_name", "status", "attributes", "created_at"
            )
        ),
        sorted(tags.values_list("subscriber__email", "tag__name")),
        sorted(lines.values_list("subscriber__email", "kind", "at")),
    ]


def test_rows_about_one_person_count_in_their_order() -> None:
    workspace = factories.WorkspaceFactory.create()

    imported = import_rows(
        workspace,
        {"email": ADA, "firstName": "A"},
        {"email": ADA, "externalId": "user_1", "firstName": "B"},
        {"externalId": "user_1", "firstName": "C", "tags": ["vip"]},
        {"externalId": "user_2"},
        {"email": ADA, "firstName": "C", "status": "unsubscribed"},
        {"email": ADA, "firstName": "D", "status": "active"},
        duplicates=OVERWRITE,
    )

    person = Subscriber.objects.get()
    assert imported.came_to == (5, 0, 1, 1)
    assert [fault[0] for fault in imported.faults] == [4]
    assert (person.first_name, person.external_id) == ("D", "user_1")
    assert person.status == Subscriber.Status.UNSUBSCRIBED


def test_rows_about_somebody_new_are_duplicates_of_the_first_where_known_ones_are_skipped() -> None:
    imported = import_rows(
        factories.WorkspaceFactory.create(),
        {"email": ADA, "externalId": "user_1"},
        {"email": ADA.upper()},
        {"externalId": "user_1"},
        {"email": ADA, "externalId": "user_2"},
    )

    assert imported.came_to == (1, 2, 1, 1)


@pytest.mark.parametrize("duplicates", list(Duplicates))
def test_one_at_a_time_or_all_together_makes_the_same_rows(duplicates: Duplicates) -> None:
    rows = [
        row(1, status="active", tags=["a"], consentAt="2025-01-01T00:00:00Z"),
        row(2, status="bounced"),
        row(1, firstName="Ada", tags=["b"], customAttributes={"plan": "pro"}),
        {"email": "person1@example.com", "externalId": "user_2"},
        row(3, status="unsubscribed", unsubscribedAt="2025-02-01T00:00:00Z"),
        {"externalId": "user_3", "firstName": "Cy", "createdAt": "2024-01-01T00:00:00Z"},
        {"externalId": "user_9"},
        row(2, status="complained", firstName="Bo"),
        row(1, status="unsubscribed"),
    ]
    alone, together = (factories.WorkspaceFactory.create() for _ in range(2))

    one = import_rows(alone, *rows, batch_rows=1, duplicates=duplicates)
    all_ = import_rows(together, *rows, batch_rows=100, duplicates=duplicates)

    assert one.faults == all_.faults
    assert one.came_to == all_.came_to
    assert everything(alone) == everything(together)


def test_as_many_statements_for_many_people_as_for_few() -> None:
    workspace = factories.WorkspaceFactory.create()
    for name in ("vip", "new"):
        factories.TagFactory.create(workspace=workspace, name=name)
    counts = []

    for first, people in ((0, 5), (100, 50)):
        rows = [
            row(first + each, tags=["vip"], consentAt="2025-01-01T00:00:00Z")
            for each in range(people)
        ]
        record(workspace, *rows)
        with CaptureQueriesContext(connection) as queries:
            record(
                workspace,
                *[each | {"firstName": "Ada", "tags": ["new"]} for each in rows],
                duplicates=OVERWRITE,
            )
        counts.append(len(queries))

    assert counts[0] == counts[1]


def test_an_import_starts_no_sequence_by_tags_or_lists() -> None:
    workspace = factories.WorkspaceFactory.create()
    factories.ListFactory.create(workspace=workspace, name="News", is_default=True)
    factories.TagFactory.create(workspace=workspace, name="vip")
    make_sequence(workspace, trigger="tag_added", tagNames=["vip"])
    make_sequence(workspace, trigger="contact_added", lists=["News"])

    import_rows(workspace, row(1, tags=["vip"]), row(2, lists=["News"]))

    assert Subscriber.objects.count() == 2
    assert not Enrollment.objects.exists()


def test_a_dry_run_counts_and_writes_nothing() -> None:
    workspace = factories.WorkspaceFactory.create(double_opt_in=True)

    imported = import_rows(
        workspace,
        row(1, tags=["vip"], lists=["News"]),
        row(2, status="bounced"),
        {"email": "nobody"},
        is_dry_run=True,
        creates_lists=True,
    )

    assert imported.came_to == (2, 0, 1, 2)
    assert imported.counted.confirmations_queued == 1
    written = (Subscriber, Tag, List, ConsentRecord, ImportRun, ImportReject)
    assert not any(model.objects.exists() for model in written)


def test_the_checkpoint_is_after_the_last_row_of_what_is_written() -> None:
    workspace = factories.WorkspaceFactory.create()

    imported = import_rows(workspace, *[row(each) for each in range(5)], batch_rows=2)

    run = ImportRun.objects.get()
    assert (run.rows, run.recorded, run.subscribers_created) == (5, 5, 5)
    assert (run.byte_offset, run.line) == (50, 6)
    assert imported.run.pk == run.pk


def test_a_batch_that_breaks_at_its_checkpoint_leaves_nothing_of_itself() -> None:
    workspace = factories.WorkspaceFactory.create()
    first = import_rows(workspace, row(1))
    # As another process does that resumes the run.
    ImportRun.objects.filter(pk=first.run.pk).update(token=factories.WorkspaceFactory.create().pk)
    importer = SubscriberImporter(options=options_for(workspace))
    more = rows_of([row(2, tags=["vip"])])

    with pytest.raises(runs.TakenOver):
        loop.run(
            run=first.run,
            rows=more,
            importer=importer,
            rejects=KeptInMemory(),
            report=lambda *_: None,
            clock=lambda: NOW,
        )

    assert list(Subscriber.objects.values_list("external_id", flat=True)) == ["user_1"]
    assert not Tag.objects.exists()


def test_a_row_that_the_database_refuses_fails_alone() -> None:
    workspace = factories.WorkspaceFactory.create()
    with connection.cursor() as cursor:
        cursor.execute(REFUSE_BOBBY[connection.vendor])

    imported = import_rows(
        workspace, row(1), row(2, firstName="Bobby"), row(3), row(4), batch_rows=10
    )

    assert imported.faults == [(2, "", "could not be written: the database refused it.")]
    assert imported.came_to == (3, 0, 1, 3)
    assert Subscriber.objects.count() == 3


def test_confirmations_go_in_small_batches() -> None:
    workspace = factories.WorkspaceFactory.create(double_opt_in=True)

    def rows_with(mode: OptInMode) -> int:
        return SubscriberImporter(options=options_for(workspace, mode=mode)).rows_in_batch

    assert rows_with(OptInMode.DEFAULT) == rows_with(OptInMode.DOUBLE_OPT_IN)
    assert rows_with(OptInMode.DEFAULT) * 10 <= rows_with(OptInMode.CONFIRMED)
