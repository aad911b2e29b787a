"""Tests of import runs: counts and checkpoint move together, and by one process alone."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import transaction

from subscribers.models import ImportReject, ImportRun, Workspace
from subscribers.rows.row import Place, Row
from subscribers.services.imports import runs
from subscribers.services.imports.runs import Counted, Rejected
from subscribers.wire.payloads import Fault
from tests import factories

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
NO_ADDRESS = Fault("email", "is not a valid address: it has no @.")


def begin(workspace: Workspace, **changed: Any) -> ImportRun:
    """Begin a run of one file."""
    asked: dict[str, Any] = {"files": ["a.csv"], "options": {"map": {"Mail": "email"}}} | changed
    return runs.begin(workspace=workspace, kind="events", actor="root", now=NOW, **asked)


def resume(workspace: Workspace, *, now: datetime, **changed: Any) -> ImportRun:
    """Resume the run that `begin` begins."""
    asked: dict[str, Any] = {"files": ["a.csv"], "options": {"map": {"Mail": "email"}}} | changed
    return runs.resume(workspace=workspace, kind="events", actor="ann", now=now, **asked)


def refused(line: int, fault: Fault = NO_ADDRESS, **fields: Any) -> Rejected:
    """Return a row that is refused."""
    row = Row(file_index=0, line=line, fields=fields, end_offset=0, end_line=line + 1)
    return Rejected(row, (fault,))


def counts(*rejects: Rejected, recorded: int = 0, duplicates: int = 0) -> Counted:
    """Return the counts of a batch."""
    counted = Counted(rows=recorded + duplicates, recorded=recorded, duplicates=duplicates)
    for each in rejects:
        counted.reject(each)
    return counted


def move_on(
    run: ImportRun, counted: Counted, rejects: Sequence[Rejected] = (), *, at: Place | None = None
) -> None:
    """Move the checkpoint in a transaction."""
    with transaction.atomic():
        runs.checkpoint(
            run=run,
            counted=counted,
            place=at or Place(0, 100, 5),
            rejects=rejects,
            rejects_bytes=70,
            now=NOW + timedelta(seconds=1),
        )


def test_a_run_keeps_what_was_asked_for() -> None:
    run = begin(factories.WorkspaceFactory.create())

    stored = ImportRun.objects.get()
    assert stored == run
    assert (stored.status, stored.actor, stored.files) == ("running", "root", ["a.csv"])
    assert runs.place_of(stored) == Place()


def test_a_files_name_that_is_no_text_is_kept_as_well_as_may_be() -> None:
    workspace = factories.WorkspaceFactory.create()
    odd: dict[str, Any] = {"files": ["a\udcff.csv"], "options": {"map": {"\udcff": "email"}}}
    runs.interrupt(run=begin(workspace, **odd), now=NOW)

    resumed = resume(workspace, now=NOW, **odd)

    assert (resumed.files, resumed.options) == (["a?.csv"], {"map": {"?": "email"}})


def test_a_dry_run_stores_nothing() -> None:
    run = begin(factories.WorkspaceFactory.create(), is_dry_run=True)

    move_on(run, counts(refused(2), recorded=3), [refused(2)])
    runs.finish(run=run, now=NOW)

    assert not ImportRun.objects.exists()
    assert not ImportReject.objects.exists()


def test_checkpoints_add_up() -> None:
    run = begin(factories.WorkspaceFactory.create())
    first = counts(refused(2), recorded=3, duplicates=1)
    first.subscribers_created, first.definitions_created = 2, 1
    first.occurred(oldest_at=NOW - timedelta(days=3), newest_at=NOW - timedelta(days=2))
    second = counts(refused(7), refused(8, Fault("name", "is needed.")), recorded=5)
    second.occurred(oldest_at=NOW - timedelta(days=2), newest_at=NOW)

    move_on(run, first, [refused(2)])
    move_on(run, second, [refused(7), refused(8)], at=Place(1, 900, 30))

    run.refresh_from_db()
    assert (run.rows, run.recorded, run.duplicates, run.rejected) == (12, 8, 1, 3)
    assert (run.subscribers_created, run.definitions_created) == (2, 1)
    assert run.reasons == {"email is not a valid address.": 2, "name is needed.": 1}
    assert (run.oldest_at, run.newest_at) == (NOW - timedelta(days=3), NOW)
    assert runs.place_of(run) == Place(1, 900, 30)
    assert (run.rejects_bytes, run.updated_at) == (70, NOW + timedelta(seconds=1))


def test_a_checkpoint_that_is_rolled_back_may_be_done_again() -> None:
    run = begin(factories.WorkspaceFactory.create())
    with transaction.atomic():
        move_on(run, counts(refused(2)), [refused(2)])
        transaction.set_rollback(True)

    move_on(run, counts(refused(2)), [refused(2)])

    run.refresh_from_db()
    assert run.reasons == {"email is not a valid address.": 1}
    assert ImportReject.objects.count() == 1


def test_rejects_are_kept_with_what_is_wrong_with_them() -> None:
    run = begin(factories.WorkspaceFactory.create())
    unreadable = Row(
        file_index=0, line=3, fields=None, end_offset=0, end_line=4, fault=NO_ADDRESS, raw=b"\xff"
    )

    move_on(
        run,
        counts(refused(2), refused(3)),
        [refused(2, email="x\0y"), refused(2, email="ü"), Rejected(unreadable, (NO_ADDRESS,))],
    )

    kept = ImportReject.objects.order_by("id").values_list("line", "field", "reason", "row")
    said = "email is not a valid address: it has no @."
    assert list(kept) == [
        (2, "email", said, ""),
        (2, "email", said, '{"email":"ü"}'),
        (3, "email", said, '{"row":"\N{REPLACEMENT CHARACTER}"}'),
    ]


def test_a_columns_name_that_cannot_be_stored_or_is_long_is_made_storable() -> None:
    run = begin(factories.WorkspaceFactory.create())
    odd = Fault("a\0\ud800" + "x" * 300, "is wrong.")

    move_on(run, counts(refused(2, odd)), [refused(2, odd)])

    assert len(ImportReject.objects.get().field) == 200


def test_only_the_first_rejects_of_a_run_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "MOST_KEPT_REJECTS", 3)
    run = begin(factories.WorkspaceFactory.create())

    for line in (2, 4, 6):
        pair = [refused(line), refused(line + 1)]
        move_on(run, counts(*pair), pair)

    kept = ImportReject.objects.order_by("id").values_list("line", flat=True)
    assert list(kept) == [2, 3, 4]


def test_reasons_beyond_the_most_count_as_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "MOST_REASONS", 2)
    run = begin(factories.WorkspaceFactory.create())
    odd = [refused(line, Fault(f"field{line}", "is wrong.")) for line in range(2, 6)]

    move_on(run, counts(*odd[:2]), odd[:2])
    move_on(run, counts(odd[0], *odd[2:]), odd[2:])

    run.refresh_from_db()
    assert run.reasons == {"field2 is wrong.": 2, "field3 is wrong.": 1, "other": 2}
    assert sum(run.reasons.values()) == run.rejected


@pytest.mark.parametrize("end", ["interrupt", "fail"])
def test_an_unfinished_run_goes_on_from_its_checkpoint(end: str) -> None:
    run = begin(factories.WorkspaceFactory.create())
    move_on(run, counts(recorded=3))
    if end == "fail":
        runs.fail(run=run, now=NOW, error="The disk\0 is full.")
    else:
        runs.interrupt(run=run, now=NOW)

    resumed = resume(run.workspace, now=NOW)

    assert resumed == run
    assert resumed.token != run.token
    assert runs.place_of(resumed) == Place(0, 100, 5)
    assert (resumed.status, resumed.actor, resumed.last_error) == ("running", "ann", "")
    assert resumed.finished_at is None


def test_a_run_that_moved_on_just_now_is_left_alone() -> None:
    run = begin(factories.WorkspaceFactory.create())

    with pytest.raises(runs.StillRunning) as caught:
        resume(run.workspace, now=NOW + timedelta(seconds=59))

    assert caught.value.moved_at == NOW


@pytest.mark.parametrize("later", [timedelta(seconds=60), timedelta(hours=-3)])
def test_a_run_that_was_killed_is_taken_over(later: timedelta) -> None:
    run = begin(factories.WorkspaceFactory.create())

    # Earlier than its last step, when the clock was set back.
    resumed = resume(run.workspace, now=NOW + later)

    with pytest.raises(runs.TakenOver):
        move_on(run, counts(recorded=1))
    with pytest.raises(runs.TakenOver):
        move_on(run, counts(refused(2)), [refused(2)])
    move_on(resumed, counts(recorded=1))
    resumed.refresh_from_db()
    assert (resumed.rows, resumed.rejected) == (1, 0)


def test_who_lost_a_run_does_not_end_it() -> None:
    run = begin(factories.WorkspaceFactory.create())
    resume(run.workspace, now=NOW + timedelta(seconds=60))

    runs.fail(run=run, now=NOW, error="gone")

    assert ImportRun.objects.get().status == ImportRun.Status.RUNNING


@pytest.mark.parametrize("changed", [{"files": ["b.csv"]}, {"options": {}}])
def test_other_files_and_options_are_another_run(changed: dict[str, Any]) -> None:
    run = begin(factories.WorkspaceFactory.create())
    runs.interrupt(run=run, now=NOW)

    with pytest.raises(runs.NothingToResume):
        resume(run.workspace, now=NOW, **changed)


def test_another_workspaces_run_is_not_found() -> None:
    run = begin(factories.WorkspaceFactory.create())
    runs.interrupt(run=run, now=NOW)

    with pytest.raises(runs.NothingToResume):
        resume(factories.WorkspaceFactory.create(), now=NOW)


def test_an_older_run_is_not_gone_back_to_once_a_newer_one_is_finished() -> None:
    run = begin(factories.WorkspaceFactory.create())
    runs.interrupt(run=run, now=NOW)
    runs.finish(run=begin(run.workspace), now=NOW)

    with pytest.raises(runs.NothingToResume):
        resume(run.workspace, now=NOW)


def test_what_no_database_stores_is_replaced_in_names_and_options() -> None:
    given = ["a\0b", "written \\u0000", "\\\0", {"\0": "\ud800"}]

    assert runs.plain(given) == ["a\ufffdb", "written \\u0000", "\\\ufffd", {"\ufffd": "?"}]
