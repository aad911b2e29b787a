"""Tests of the imports' frame: results and exit codes, dry runs, stops, and going on."""

import io
import os
import signal
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import OperationalError

from subscribers.models import ImportRun, Workspace
from subscribers.services.imports import runs
from tests.support.tags_in import ImportTags, Ran, tag_names

pytestmark = pytest.mark.django_db
GOOD = "tag\none\ntwo\nthree\nfour\nfive\n"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A file of five tags."""
    path = tmp_path / "tags.csv"
    path.write_text(GOOD)
    return path


def interrupting(*, after: int, number: signal.Signals = signal.SIGINT) -> ImportTags:
    """Return a command that gets a signal within a batch."""
    batches = iter(range(1, 1000))

    def send() -> None:
        if next(batches) == after:
            os.kill(os.getpid(), number)

    return ImportTags(send)


def test_a_good_file_is_recorded_and_reported_in_a_sentence(
    source: Path, workspace: Workspace
) -> None:
    command = ImportTags()

    ran = Ran(str(source), "--workspace", workspace.slug, command=command)

    assert ran.code == 0
    assert "5 rows: 5 recorded, 0 duplicates, 0 rejected; " in ran.out
    assert tag_names() == {"one", "two", "three", "four", "five"}
    run = ImportRun.objects.get()
    assert (run.status, run.rows, run.line) == ("finished", 5, 7)
    assert (run.byte_offset, run.options) == (len(GOOD), {"asText": False})
    assert command.followed == ["finished"]


def test_machines_get_one_object_on_the_last_line(source: Path, workspace: Workspace) -> None:
    source.write_text('tag\none\n\none\n""\n')

    ran = Ran(str(source), "--workspace", workspace.slug, "--json")

    seconds = ran.result.pop("seconds")
    assert seconds >= 0
    assert ran.code == 3
    assert {key: value for key, value in ran.result.items() if key != "seconds"} == {
        "ended": "finished",
        "run": str(ImportRun.objects.get().pk),
        "dryRun": False,
        "rows": 3,
        "recorded": 1,
        "duplicates": 1,
        "rejected": 1,
        "subscribersCreated": 0,
        "definitionsCreated": 0,
        "confirmationsQueued": 0,
        "left": 0,
        "conflicts": 0,
        "reasons": {"tag is needed.": 1},
    }
    assert "line 5: tag is needed." in ran.errors


def test_quiet_says_the_mapping_and_the_result_alone(source: Path, workspace: Workspace) -> None:
    source.write_text('tag\none\n""\n')

    ran = Ran(str(source), "--workspace", workspace.slug, "--quiet")

    assert ran.code == 3
    assert ran.errors == "  tag → tag (the same name): one\n"


def test_a_dry_run_writes_nothing(source: Path, workspace: Workspace) -> None:
    command = ImportTags()

    ran = Ran(str(source), "--workspace", workspace.slug, "--dry-run", "--json", command=command)

    assert ran.code == 0
    assert (ran.result["rows"], ran.result["recorded"], ran.result["run"]) == (5, 5, None)
    assert tag_names() == set()
    assert not ImportRun.objects.exists()
    assert command.followed == []


def test_the_standard_input_is_a_file_too(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b'{"tag":"one"}\n')))

    ran = Ran("-", "--format", "jsonl", "--workspace", workspace.slug)

    assert ran.code == 0
    assert tag_names() == {"one"}


def test_other_names_of_columns_are_mapped(source: Path, workspace: Workspace) -> None:
    source.write_text("Label=x\none\n")

    ran = Ran(str(source), "--workspace", workspace.slug, "--map", "Label=x=tag")

    assert ran.code == 0
    assert tag_names() == {"one"}
    assert ImportRun.objects.get().options == {"asText": False, "map": {"Label=x": "tag"}}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_after_the_batch_and_resume_goes_on(
    source: Path, workspace: Workspace, number: signal.Signals
) -> None:
    arguments = (str(source), "--workspace", workspace.slug, "--json")

    stopped = Ran(*arguments, command=interrupting(after=1, number=number))
    rows_then, status_then = ImportRun.objects.values_list("rows", "status").get()
    resumed = Ran(*arguments, "--resume")

    assert (stopped.code, stopped.result["ended"], stopped.result["rows"]) == (
        130,
        "interrupted",
        2,
    )
    assert "--resume" in stopped.errors
    assert (rows_then, status_then) == (2, "interrupted")
    assert (resumed.code, resumed.result["rows"], resumed.result["recorded"]) == (0, 5, 5)
    assert len(tag_names()) == 5
    assert ImportRun.objects.get().status == "finished"


def test_a_second_signal_stops_at_once(source: Path, workspace: Workspace) -> None:
    def send_twice() -> None:
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)

    ran = Ran(str(source), "--workspace", workspace.slug, "--json", command=ImportTags(send_twice))

    assert (ran.code, ran.result["rows"]) == (130, 0)
    assert ImportRun.objects.get().status == "interrupted"


def test_signals_are_as_they_were_afterwards(source: Path, workspace: Workspace) -> None:
    before = signal.getsignal(signal.SIGINT)

    Ran(str(source), "--workspace", workspace.slug)

    assert signal.getsignal(signal.SIGINT) is before


def test_a_killed_run_is_waited_for_and_resumed(
    source: Path, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = (str(source), "--workspace", workspace.slug)
    Ran(*arguments, command=interrupting(after=1))
    ImportRun.objects.update(status="running")

    def pass_a_minute(_seconds: float) -> None:
        monkeypatch.setattr(runs, "ALIVE_FOR", timedelta(0))

    monkeypatch.setattr("time.sleep", pass_a_minute)
    ran = Ran(*arguments, "--resume")

    assert ran.code == 0
    assert "it has been quiet for 60 seconds. Waiting." in ran.errors
    assert len(tag_names()) == 5


def test_a_run_that_continues_elsewhere_is_not_resumed(
    source: Path, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = (str(source), "--workspace", workspace.slug)
    Ran(*arguments, command=interrupting(after=1))
    ImportRun.objects.update(status="running")

    def move_on(_seconds: float) -> None:
        run = ImportRun.objects.get()
        ImportRun.objects.update(updated_at=run.updated_at + timedelta(seconds=1))

    monkeypatch.setattr("time.sleep", move_on)
    ran = Ran(*arguments, "--resume")

    assert ran.code == 1
    assert ran.error.startswith("It is still running: ")


def test_there_must_be_something_to_resume(source: Path, workspace: Workspace) -> None:
    ran = Ran(str(source), "--workspace", workspace.slug, "--resume")

    assert ran.code == 1
    assert ran.error == "There is no unfinished import of these files and options."


def test_stop_on_error_stops_before_the_bad_row(source: Path, workspace: Workspace) -> None:
    source.write_text('tag\none\ntwo\nthree\n""\nfive\n')
    arguments = (str(source), "--workspace", workspace.slug, "--stop-on-error", "--json")

    stopped = Ran(*arguments)
    source.write_text("tag\none\ntwo\nthree\nfour\nfive\n")
    resumed = Ran(*arguments, "--resume")

    assert (stopped.code, stopped.result["recorded"], stopped.result["rejected"]) == (1, 3, 0)
    assert "Stopped before a bad row: line 5: tag is needed." in stopped.error
    assert (resumed.code, resumed.result["rows"]) == (0, 5)


def test_a_file_that_breaks_off_fails_and_keeps_its_checkpoint(
    tmp_path: Path, workspace: Workspace
) -> None:
    good, bad = tmp_path / "a.csv", tmp_path / "b.csv"
    good.write_text("tag\none\ntwo\n")
    bad.write_text("tag\nthree\n")

    ran = Ran(
        str(good),
        str(bad),
        "--workspace",
        workspace.slug,
        "--json",
        command=ImportTags(lambda: bad.unlink(missing_ok=True)),
    )

    assert (ran.code, ran.result["ended"], ran.result["rows"]) == (1, "failed", 2)
    assert "b.csv cannot be read: No such file" in ran.result["error"]
    run = ImportRun.objects.get()
    assert (run.status, run.last_error) == ("failed", ran.result["error"])


def test_a_database_that_is_away_fails_the_run(source: Path, workspace: Workspace) -> None:
    def go_away() -> None:
        raise OperationalError("the connection is lost")

    ran = Ran(str(source), "--workspace", workspace.slug, command=ImportTags(go_away))

    assert ran.code == 1
    assert "the connection is lost" in ran.error
    assert "--resume" in ran.error


def test_a_fault_of_ours_marks_the_run_and_is_not_hidden(
    source: Path, workspace: Workspace
) -> None:
    def break_down() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        Ran(str(source), "--workspace", workspace.slug, command=ImportTags(break_down))

    assert ImportRun.objects.get().status == "failed"


def test_who_loses_the_run_to_another_process_writes_nothing_more(
    source: Path, workspace: Workspace
) -> None:
    batches = iter(range(10))

    def take_over() -> None:
        if next(batches) == 1:
            ImportRun.objects.get().mark_resumed(actor="ann", at=ImportRun.objects.get().updated_at)

    ran = Ran(str(source), "--workspace", workspace.slug, command=ImportTags(take_over))

    assert ran.code == 1
    assert "Another process has taken this import over." in ran.error
    assert tag_names() == {"one", "two"}
