"""Files of a browser: parts, the look, dry runs and the import, all by the worker's slices."""

import csv
import gzip
import io
import zipfile
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from events.models import Event
from events.services.history.importing import FILE_KINDS
from subscribers.models import ImportPart, ImportRun, Subscriber, Workspace
from subscribers.rows.plans import from_stored
from subscribers.rows.row import InvalidFile
from subscribers.rows.survey import Wishes
from subscribers.services.consent.ledger import Circumstances
from subscribers.services.imports import (
    people,
    rejects_table,
    stored,
    uploads,
)
from subscribers.services.imports.uploads import Dialect
from subscribers.services.people import erasing
from tests import factories
from tests.support.searching import rows_with

pytestmark = pytest.mark.django_db
Stage, Status = ImportRun.Stage, ImportRun.Status
PEOPLE = ImportRun.Kind.SUBSCRIBERS
SAMPLES = Path(__file__).parents[2] / "management/samples"
AS_THEY_ARE = {"duplicates": "skip", "optInMode": "default", "createLists": False, "asText": False}


@pytest.fixture
def workspace() -> Workspace:
    return factories.WorkspaceFactory.create(timezone="Europe/Berlin")


def uploaded(
    workspace: Workspace, content: bytes, *, name: str = "people.csv", kind: str = PEOPLE
) -> ImportRun:
    """Upload a file in parts of 1,000 bytes."""
    now = timezone.now()
    run = uploads.begin(
        workspace=workspace, kind=kind, name=name, size=len(content), actor="olga", now=now
    )
    for offset in range(0, len(content), 1000):
        part = content[offset : offset + 1000]
        uploads.add_part(run=run, offset=offset, content=part, now=now)
    return run


def work(*, clock: Callable[[], datetime] = timezone.now) -> bool:
    return stored.carry_on(kinds=FILE_KINDS, make_importer=people.importer_of, clock=clock)


def worked(run: ImportRun) -> ImportRun:
    """Let the worker go on until the run waits or has ended."""
    while work():
        pass
    run.refresh_from_db()
    return run


def answered(
    run: ImportRun, stage: ImportRun.Stage, *, dialect: Dialect | None = None, **given: Any
) -> ImportRun:
    chosen = {**AS_THEY_ARE, **given.pop("chosen", {})}
    wishes = Wishes(zone=run.workspace.timezone, **given)
    uploads.answer(
        run=run,
        stage=stage,
        dialect=dialect or Dialect(),
        wishes=wishes,
        chosen=chosen,
        actor="olga",
        now=timezone.now(),
    )
    return worked(run)


def test_a_file_comes_in(workspace: Workspace) -> None:
    rows = "".join(f"p{number}@example.com,Ada {number},team\n" for number in range(200))
    run = worked(uploaded(workspace, f"E-Mail,First Name,plan\n{rows}".encode()))

    assert (run.status, run.stage, run.last_error) == (Status.READY, Stage.LOOK, "")
    assert (run.total_rows, run.rows) == (200, 0)
    plan = from_stored(run.mapping or {})
    assert {name: column.field for name, column in plan.columns.items()} == {
        "E-Mail": "email",
        "First Name": "firstName",
        "plan": "",
    }

    run = answered(run, Stage.DRY_RUN, map={"plan": "attributes.plan"})
    assert (run.status, run.rows, run.recorded) == (Status.READY, 200, 200)
    assert not Subscriber.objects.exists()

    run = answered(run, Stage.IMPORT, map={"plan": "attributes.plan"})
    assert (run.status, run.rows, run.recorded) == (Status.FINISHED, 200, 200)
    person = Subscriber.objects.get(email="p7@example.com")
    assert (person.first_name, person.attributes) == ("Ada 7", {"plan": "team"})
    assert not run.blocks.exists()
    assert not run.parts.exists()


def test_events_come_in_as_history(workspace: Workspace) -> None:
    content = b"email,event,timestamp\nada@example.com,signed up,2024-05-01 10:00:00\n"
    run = uploaded(workspace, content, name="events.csv", kind=ImportRun.Kind.EVENTS)
    run = answered(worked(run), Stage.IMPORT, chosen={"eventIdFrom": []})

    assert run.status == Status.FINISHED, run.last_error
    event = Event.objects.get()
    assert event.is_historical
    # 10 o'clock in Berlin.
    assert event.occurred_at.isoformat() == "2024-05-01T08:00:00+00:00"


@pytest.mark.parametrize("name", ["people.csv.gz", "people.zip"])
def test_what_is_packed_is_read_as_by_the_commands(workspace: Workspace, name: str) -> None:
    content = b"email\nada@example.com\nbob@example.com\n"
    if name.endswith(".zip"):
        held = io.BytesIO()
        with zipfile.ZipFile(held, "w") as archive:
            archive.writestr("one.csv", content)
            archive.writestr("two.csv", b"email,firstName\nleo@example.com,Leo\n")
        packed = held.getvalue()
    else:
        packed = gzip.compress(content)
    run = answered(worked(uploaded(workspace, packed, name=name)), Stage.IMPORT)

    assert run.status == Status.FINISHED, run.last_error
    assert Subscriber.objects.count() == (3 if name.endswith(".zip") else 2)


def test_a_file_that_cannot_be_read_waits_for_its_encoding(workspace: Workspace) -> None:
    run = worked(uploaded(workspace, "email,firstName\nzo@example.com,Zoë\n".encode("cp1252")))

    assert run.status == Status.READY
    assert "--encoding" in run.last_error
    assert run.mapping is None

    run = answered(run, Stage.LOOK, dialect=Dialect(encoding="cp1252"))
    assert (run.last_error, run.total_rows) == ("", 1)
    run = answered(run, Stage.IMPORT, dialect=Dialect(encoding="cp1252"))
    assert Subscriber.objects.get().first_name == "Zoë"


def test_nothing_is_imported_while_a_column_says_who_left(workspace: Workspace) -> None:
    run = uploaded(workspace, b"email,Mail consent\nada@example.com,no\nbob@example.com,yes\n")
    run = answered(worked(run), Stage.IMPORT)

    assert run.status == Status.READY
    assert "Mail consent" in run.last_error
    assert not Subscriber.objects.exists()

    run = answered(run, Stage.IMPORT, map={"Mail consent": "subscribed"})
    assert run.status == Status.FINISHED
    statuses = dict(Subscriber.objects.values_list("email", "status"))
    assert statuses == {"ada@example.com": "unsubscribed", "bob@example.com": "active"}


def test_a_table_of_another_product_comes_in_with_its_properties(workspace: Workspace) -> None:
    content = (
        b"id,event_text,event,user_id,context_traits_email,timestamp,plan,context_traits_status\n"
        b"m1,Plan Upgraded,plan_upgraded,u1,ada@example.com,2024-03-01 10:00:00,team,active\n"
    )
    run = worked(uploaded(workspace, content, name="t.csv", kind=ImportRun.Kind.EVENTS))
    chosen = {"from": "segment", "attributes": "fill", "eventIdFrom": [], "occurredNow": False}

    run = answered(run, Stage.LOOK, chosen=chosen)
    run = answered(run, Stage.IMPORT, chosen=chosen)

    assert (run.status, run.last_error) == (Status.FINISHED, "")
    event = Event.objects.get()
    assert (event.definition.name, event.event_id) == ("Plan Upgraded", "m1")
    assert event.properties == {"plan": "team"}


def test_an_archive_says_by_its_names_who_left(workspace: Workspace) -> None:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        for file in sorted((SAMPLES / "mailchimp").glob("*.csv")):
            archive.write(file, file.name)
    run = worked(uploaded(workspace, held.getvalue(), name="audience.zip"))
    assert "Give --from mailchimp" in run.last_error
    assert run.mapping is not None

    run = answered(run, Stage.LOOK, chosen={"from": "mailchimp"})
    run = answered(run, Stage.IMPORT, chosen={"from": "mailchimp"})

    assert (run.status, run.last_error) == (Status.FINISHED, "")
    statuses = set(Subscriber.objects.values_list("status", flat=True))
    assert {"active", "unsubscribed", "bounced"} <= statuses
    assert not run.parts.exists()


def test_rejected_rows_name_their_lines(workspace: Workspace) -> None:
    content = b'email,note\nada@example.com,"two\nlines"\nnobody,hi\nbob@example.com,\n'
    run = answered(worked(uploaded(workspace, content)), Stage.IMPORT)

    assert (run.recorded, run.rejected) == (2, 1)
    assert rejects_table.place(run.rejects.get(), run) == "line 4"
    assert b"nobody" in b"".join(rejects_table.as_csv(run=run))


def test_rows_that_cannot_be_read_are_among_the_rejects_as_texts(workspace: Workspace) -> None:
    content = (
        b"email,note\ndot@example.com,\nada@example.com,1,2\nbob@example.com\n"
        b'=cy@example.com,"a" b\neve@example.com,1,%b\n' % (b"x" * 20_000)
    )
    run = answered(worked(uploaded(workspace, content)), Stage.IMPORT)

    assert (run.recorded, run.rejected) == (1, 4)
    text = b"".join(rejects_table.as_csv(run=run)).decode()
    assert list(csv.reader(io.StringIO(text, newline=""))) == [
        ["error", "row"],
        ["line 3: row has 3 cells; the header has 2.", "ada@example.com,1,2"],
        ["line 4: row has 1 cells; the header has 2.", "bob@example.com"],
        ["line 5: row has a quote out of place.", '\'=cy@example.com,"a" b'],
        # Too long to be kept.
        ["line 6: row has 3 cells; the header has 2.", ""],
    ]


def test_slices_end_in_time_and_go_on(workspace: Workspace) -> None:
    rows = "".join(f"p{number}@example.com\n" for number in range(1500))
    run = worked(uploaded(workspace, f"email\n{rows}".encode()))
    uploads.answer(
        run=run, stage=Stage.IMPORT, dialect=Dialect(), wishes=Wishes(), chosen=AS_THEY_ARE,
        actor="olga", now=timezone.now(),
    )  # fmt: skip
    assert work()
    begun = timezone.now()
    ticks = iter(range(100_000))

    def hurried() -> datetime:
        """Each look at the clock is 10 seconds after the one before."""
        return begun + timedelta(seconds=10 * next(ticks))

    seen = []
    while work(clock=hurried):
        run.refresh_from_db()
        seen.append((run.status, run.rows))
        assert run.rows == Subscriber.objects.count()

    assert len({rows for _, rows in seen}) > 2
    assert seen[-1] == (Status.FINISHED, 1500)


def test_cancelled_and_resumed_at_each_stage(workspace: Workspace) -> None:
    run = uploaded(workspace, b"email\nada@example.com\n")
    assert stored.cancel(run=run, now=timezone.now())
    assert not work()
    run.refresh_from_db()
    assert run.status == Status.INTERRUPTED

    assert stored.resume(run=run, now=timezone.now())
    run = worked(run)
    assert run.status == Status.READY
    assert stored.cancel(run=run, now=timezone.now())
    with pytest.raises(uploads.NotWaiting):
        answered(run, Stage.IMPORT)


def test_an_answer_about_an_earlier_look_is_refused(workspace: Workspace) -> None:
    run = worked(uploaded(workspace, b"email\nada@example.com\n"))
    earlier = ImportRun.objects.get(pk=run.pk)
    run = answered(run, Stage.LOOK, dialect=Dialect(delimiter=";"))

    with pytest.raises(uploads.NotWaiting):
        answered(earlier, Stage.IMPORT)
    assert not Subscriber.objects.exists()


def test_parts_come_in_order_and_once(workspace: Workspace) -> None:
    now = timezone.now()
    run = uploads.begin(
        workspace=workspace, kind=PEOPLE, name="a.csv", size=6, actor="olga", now=now
    )
    uploads.add_part(run=run, offset=0, content=b"ema", now=now)
    assert uploads.add_part(run=run, offset=0, content=b"ema", now=now).stored_bytes == 3
    for offset, content in ((4, b"l\n"), (3, b""), (3, b"il\nmore")):
        with pytest.raises(uploads.WrongPart) as caught:
            uploads.add_part(run=run, offset=offset, content=content, now=now)
        assert caught.value.stored_bytes == 3
    assert ImportPart.objects.count() == 1
    assert not work()


def test_a_cancelled_upload_is_not_taken_for_the_whole_file(workspace: Workspace) -> None:
    now = timezone.now()
    run = uploads.begin(
        workspace=workspace, kind=PEOPLE, name="a.csv", size=40, actor="olga", now=now
    )
    uploads.add_part(run=run, offset=0, content=b"email\nada@example.co", now=now)

    assert stored.cancel(run=run, now=now)
    assert not run.parts.exists()
    assert not stored.resume(run=run, now=now)
    with pytest.raises(uploads.NotUploading):
        uploads.add_part(run=run, offset=20, content=b"m\n", now=now)
    assert not work()


def test_files_of_the_erased_do_not_count_as_waiting(workspace: Workspace) -> None:
    for _ in range(uploads.MOST_WAITING):
        run = uploaded(workspace, b"email\nada@example.com\n")
        run.forget_parts()

    assert uploaded(workspace, b"email\nbob@example.com\n").status == Status.UPLOADING


@pytest.mark.parametrize(("size", "words"), [(0, "empty"), (2**30, "MiB can be uploaded here")])
def test_sizes_that_are_refused(workspace: Workspace, size: int, words: str) -> None:
    with pytest.raises(InvalidFile, match=words):
        uploads.begin(
            workspace=workspace, kind=PEOPLE, name="a.csv", size=size, actor="", now=timezone.now()
        )


def test_files_of_the_cancelled_are_kept_for_the_newest(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "MOST_WAITING", 2)
    cancelled = []
    for _ in range(4):
        run = uploaded(workspace, b"email\nada@example.com\n")
        stored.cancel(run=run, now=timezone.now())
        cancelled.append(run)

    uploaded(workspace, b"email\nbob@example.com\n")

    may_resume = [stored.resume(run=run, now=timezone.now()) for run in cancelled]
    assert may_resume == [False, False, True, True]


def test_what_nobody_goes_on_with_is_deleted(workspace: Workspace) -> None:
    run = worked(uploaded(workspace, b"email\nada@example.com\n"))
    later = timezone.now() + stored.KEPT_FOR + timedelta(minutes=1)

    assert stored.purge(now=later) == 2
    run.refresh_from_db()
    assert (run.status, run.last_error) == (Status.INTERRUPTED, stored.FORGOTTEN)
    assert not stored.resume(run=run, now=later)


def test_a_look_that_began_before_an_erasure_brings_no_address_back(workspace: Workspace) -> None:
    ada = factories.SubscriberFactory.create(workspace=workspace, email="ada@example.com")
    run = worked(uploaded(workspace, b"email,plan\nbob@example.com,team\n"))
    run.parts.all().delete()
    uploads.answer(
        run=run,
        stage=Stage.LOOK,
        dialect=Dialect(),
        wishes=Wishes(constants={"tags": ["friend of ada@example.com"]}),
        chosen=AS_THEY_ARE,
        actor="olga",
        now=timezone.now(),
    )

    def erasing_after_the_claim() -> datetime:
        if ImportRun.objects.filter(status=Status.RUNNING) and Subscriber.objects.exists():
            erasing.erase(subscriber_id=ada.pk, circumstances=Circumstances(), now=timezone.now())
        return timezone.now()

    assert work(clock=erasing_after_the_claim)
    assert not Subscriber.objects.exists()
    run = worked(run)

    assert (run.status, run.last_error) == (Status.READY, "")
    assert "friend of [erased]" in str(run.options)
    assert not rows_with("ada@example.com")
