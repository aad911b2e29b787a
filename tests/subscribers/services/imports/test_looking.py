"""Looks through files of a browser: what killed or hostile ones do, and what the erased leave."""

import gzip
import io
import os
import tempfile
import time
import zipfile
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from subscribers.models import ImportRun, Subscriber, Workspace
from subscribers.rows.survey import Wishes
from subscribers.services.consent.ledger import Circumstances
from subscribers.services.imports import blocks, looking, stored, uploads
from subscribers.services.imports.uploads import Dialect
from subscribers.services.people import erasing
from tests import factories
from tests.subscribers.services.imports.test_uploads import (
    AS_THEY_ARE,
    answered,
    uploaded,
    work,
    worked,
)

pytestmark = pytest.mark.django_db
Stage, Status = ImportRun.Stage, ImportRun.Status


@pytest.fixture
def workspace() -> Workspace:
    return factories.WorkspaceFactory.create(timezone="Europe/Berlin")


def erase(person: Subscriber) -> None:
    erasing.erase(
        subscriber_id=person.pk,
        circumstances=Circumstances(actor="olga"),
        now=timezone.now(),
        allows_return=True,
    )


def test_the_erased_leave_files_that_wait(workspace: Workspace) -> None:
    erased = factories.SubscriberFactory.create(workspace=workspace, email="ada@example.com")
    rows = b"email,note\nAda@Example.com,hi\nbob@example.com,hello\n"
    looked = worked(uploaded(workspace, rows))
    waiting = uploaded(workspace, rows)
    erase(erased)

    waiting.refresh_from_db()
    assert (waiting.status, waiting.parts.count()) == (Status.INTERRUPTED, 0)
    assert "upload it again" in waiting.last_error
    looked.refresh_from_db()
    assert (looked.status, looked.parts.count()) == (Status.READY, 0)
    run = answered(looked, Stage.IMPORT)
    assert run.status == Status.FINISHED
    assert [each.email for each in Subscriber.objects.all()] == ["bob@example.com"]


@pytest.mark.parametrize("written", [
    "ADA@MÜNCHEN.DE", "ada@xn--mnchen-3ya.de", "Ada <ada@mu\u0308nchen.de>", "a\u200bda@münchen.de",
    # Rows that cannot be read.
    "ADA@MÜNCHEN.DE,Ada", '"Ada",a\u200bda@mu\u0308nchen.de,x',
])  # fmt: skip
def test_the_erased_leave_files_in_whatever_form(workspace: Workspace, written: str) -> None:
    person = factories.SubscriberFactory.create(
        workspace=workspace, email="ada@münchen.de", email_key="ada@xn--mnchen-3ya.de"
    )
    run = worked(uploaded(workspace, f"email\nbob@example.com\n{written}\n".encode()))

    erase(person)

    assert b"da@" not in bytes(run.blocks.get().content).replace(b"\\u200b", b"")
    run.refresh_from_db()
    run = answered(run, Stage.IMPORT)
    assert [each.email for each in Subscriber.objects.all()] == ["bob@example.com"]


def test_the_erased_leave_a_file_that_is_read_again(workspace: Workspace) -> None:
    """A dry run reads the file as it came, and the erased are in what is not read yet."""
    person = factories.SubscriberFactory.create(workspace=workspace, email="ada@example.com")
    rows = b"".join(b"p%d@example.com\n" % number for number in range(looking.ROWS_BETWEEN_LOOKS))
    run = worked(
        uploaded(
            workspace, gzip.compress(b"email\n" + rows + b"ada@example.com\n"), name="a.csv.gz"
        )
    )
    uploads.answer(
        run=run, stage=Stage.DRY_RUN, dialect=Dialect(), wishes=Wishes(), chosen=AS_THEY_ARE,
        actor="olga", now=timezone.now(),
    )  # fmt: skip
    is_erased = False

    def clock() -> datetime:
        """Erase the person once the rows are read anew."""
        nonlocal is_erased
        is_read = not ImportRun.objects.get(pk=run.pk).blocks.exists()
        if is_read and not is_erased:
            is_erased = True
            erase(person)
        return timezone.now()

    work(clock=clock)
    assert is_erased
    run = worked(run)

    assert (run.status, run.parts.count(), run.blocks.count()) == (Status.INTERRUPTED, 0, 0)
    assert "upload it again" in run.last_error
    assert not stored.resume(run=run, now=timezone.now())


def test_rows_that_are_not_all_go_with_the_file(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = factories.SubscriberFactory.create(workspace=workspace)
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 10)
    monkeypatch.setattr(looking, "MOST_KEPT_BYTES", 50)
    rows = b"".join(b"p%d@example.com\n" % number for number in range(20))
    run = worked(uploaded(workspace, b"email\n" + rows))
    assert "unpacks to more than" in run.last_error
    assert run.blocks.exists()

    erase(person)

    run.refresh_from_db()
    assert (run.status, run.blocks.count()) == (Status.INTERRUPTED, 0)


def test_a_file_that_unpacks_for_ever_is_given_up(workspace: Workspace) -> None:
    """A line that never ends has no rows at which the time could be looked at."""
    run = uploaded(workspace, gzip.compress(b"x" * 2**20), name="bomb.csv.gz")
    begun = timezone.now()
    ticks = iter(range(100_000))
    work(clock=lambda: begun + timedelta(seconds=10 * next(ticks)))

    run.refresh_from_db()
    assert run.status == Status.READY
    assert "takes longer than 45 seconds" in run.last_error


def test_a_file_that_kills_the_worker_is_given_up(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = uploaded(workspace, b"email\nada@example.com\n")
    begun = timezone.now()

    def killed(*_: object, **__: object) -> None:
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(looking, "sources_of", killed)
        for minutes in range(looking.MOST_BEGUN):
            later = begun + timedelta(minutes=2 * minutes)
            with pytest.raises(SystemExit):
                work(clock=lambda later=later: later)  # type: ignore[misc]
    assert work(clock=lambda: begun + timedelta(minutes=10))

    run.refresh_from_db()
    assert run.status == Status.FAILED
    assert "too much time or memory" in run.last_error
    assert stored.resume(run=run, now=timezone.now())
    assert worked(run).status == Status.READY


def test_what_a_killed_worker_left_is_deleted(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    left = tmp_path / "cueline-import-left"
    left.mkdir()
    (left / "people.csv").write_bytes(b"email\n")
    hour_ago = time.time() - 3600
    os.utime(left, (hour_ago, hour_ago))
    at_work = tmp_path / "cueline-import-at-work"
    at_work.mkdir()

    worked(uploaded(workspace, b"email\nada@example.com\n"))

    assert list(tmp_path.iterdir()) == [at_work]


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_an_archive_with_a_name_twice_is_refused(workspace: Workspace) -> None:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr("a.csv", b"email\nada@example.com\n")
        archive.writestr("a.csv", b"email\nbob@example.com\n")

    run = worked(uploaded(workspace, held.getvalue(), name="people.zip"))

    assert "people.zip has 2 files named a.csv: pack it anew." in run.last_error
