"""Tests of `subscribers.services.imports.loop`, with an import that makes tags."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime

import pytest
from django.db import IntegrityError, OperationalError

from subscribers.models import ImportRun, Tag, Workspace
from subscribers.rows.row import InvalidFile, Row
from subscribers.services.imports import loop as import_loop
from subscribers.services.imports import runs
from subscribers.services.imports.loop import Ended, Parsed, RejectedAlone, RowsOutcome
from subscribers.services.imports.runs import Counted, Rejected
from subscribers.wire.payloads import Fault

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
BAD = Fault("name", "is bad.")


class Rejects:
    """Keeps refused rows in memory, as a file would."""

    def __init__(self) -> None:
        self.lines: list[int] = []

    def write(self, rejected: Sequence[Rejected], *, at: int) -> int:
        self.lines[at:] = [each.row.line for each in rejected]
        return len(self.lines)


class TagImporter:
    """Makes a tag of each row's name; `bad`, `refused` and `poison` are what they say."""

    rows_in_batch = 3

    def __init__(self, workspace: Workspace, *, is_read_ahead: bool = False) -> None:
        self.workspace = workspace
        self.is_read_ahead = is_read_ahead
        self.batches: list[int] = []
        self.forgotten = 0
        # What goes wrong, by how often `record` was called before.
        self.faults: dict[int, Exception] = {}

    def parse(self, row: Row) -> Parsed[str]:
        name = (row.fields or {})["name"]
        return Parsed(row, None, (BAD,)) if name == "bad" else Parsed(row, name)

    def is_alone(self, value: str) -> bool:
        return value.startswith("alone")

    def record(self, parsed: Sequence[Parsed[str]], *, now: datetime) -> RowsOutcome:  # noqa: ARG002
        self.batches.append(len(parsed))
        counted, rejected = Counted(), []
        for each in parsed:
            if each.value is None or each.value == "refused":
                rejected.append(Rejected(each.row, each.faults or (BAD,)))
                counted.reject(rejected[-1])
                continue
            Tag.objects.create(workspace=self.workspace, name=each.value)
            if each.value == "poison":
                raise IntegrityError
            counted.rows += 1
            counted.recorded += 1
        fault = self.faults.pop(len(self.batches), None)
        if fault:
            raise fault
        return RowsOutcome(counted, rejected)

    def record_alone(
        self,
        parsed: Parsed[str],
        *,
        now: datetime,  # noqa: ARG002 - the protocol's
        before_commit: Callable[[RowsOutcome], None],
    ) -> None:
        if parsed.value == "alone refused":
            raise RejectedAlone(BAD)
        Tag.objects.create(workspace=self.workspace, name=parsed.value or "")
        before_commit(RowsOutcome(Counted(rows=1, recorded=1)))

    def forget(self) -> None:
        self.forgotten += 1


@pytest.fixture(params=[False, True])
def importer(request: pytest.FixtureRequest, workspace: Workspace) -> TagImporter:
    return TagImporter(workspace, is_read_ahead=request.param)


@pytest.fixture
def run(workspace: Workspace) -> ImportRun:
    return runs.begin(
        workspace=workspace, kind="events", files=["f"], options={}, actor="", now=NOW
    )


@pytest.fixture
def rejects() -> Rejects:
    return Rejects()


def rows(*names: str) -> Iterator[Row]:
    for line, name in enumerate(names, start=1):
        yield Row(
            file_index=0,
            line=line,
            fields={"name": name},
            end_offset=line * 10,
            end_line=line + 1,
        )


def loop(
    given: Iterable[Row],
    run: ImportRun,
    importer: TagImporter,
    rejects: Rejects,
    *,
    stops_on_error: bool = False,
    should_stop: Callable[[], bool] = lambda: False,
) -> Ended:
    ended = import_loop.run(
        run=run,
        rows=given,
        importer=importer,
        rejects=rejects,
        report=lambda *_: None,
        clock=lambda: NOW,
        stops_on_error=stops_on_error,
        should_stop=should_stop,
    )
    run.refresh_from_db()
    return ended


def names() -> set[str]:
    return set(Tag.objects.values_list("name", flat=True))


def counts(run: ImportRun) -> tuple[int, int, int]:
    run.refresh_from_db()
    return run.rows, run.recorded, run.rejected


def test_all_rows_are_recorded_in_batches(
    run: ImportRun, importer: TagImporter, rejects: Rejects
) -> None:
    ended = loop(rows("a", "b", "bad", "c", "refused"), run, importer, rejects)

    assert ended is Ended.FINISHED
    assert importer.batches == [3, 2]
    assert names() == {"a", "b", "c"}
    assert counts(run) == (5, 3, 2)
    assert (run.byte_offset, run.line, run.rejects_bytes) == (50, 6, 2)
    assert rejects.lines == [3, 5]


def test_it_stops_between_batches(run: ImportRun, importer: TagImporter, rejects: Rejects) -> None:
    ended = loop(rows(*"abcdef"), run, importer, rejects, should_stop=lambda: True)

    assert ended is Ended.STOPPED
    assert names() == {"a", "b", "c"}
    assert run.line == 4


@pytest.mark.parametrize("bad", ["bad", "refused", "alone refused", "poison"])
def test_it_stops_before_a_bad_row_when_asked(
    run: ImportRun, importer: TagImporter, rejects: Rejects, bad: str
) -> None:
    ended = loop(rows("a", "b", "c", "d", bad, "e"), run, importer, rejects, stops_on_error=True)

    assert ended is Ended.ERROR
    assert names() == {"a", "b", "c", "d"}
    assert counts(run) == (4, 4, 0)
    assert run.line == 5
    assert rejects.lines == []


def test_a_row_that_the_database_refuses_is_refused_alone(
    run: ImportRun, importer: TagImporter, rejects: Rejects
) -> None:
    loop(rows("a", "poison", "bad", "b"), run, importer, rejects)

    assert names() == {"a", "b"}
    assert counts(run) == (4, 2, 2)
    assert rejects.lines == [2, 3]
    assert importer.forgotten


def test_a_batch_that_was_given_up_is_done_again(
    run: ImportRun, importer: TagImporter, rejects: Rejects
) -> None:
    class Deadlock(Exception):
        sqlstate = "40P01"

    for attempt in (1, 2, 3):
        fault = OperationalError("deadlock detected")
        fault.__cause__ = Deadlock()
        importer.faults[attempt] = fault

    loop(rows("a", "bad"), run, importer, rejects)

    assert counts(run) == (2, 1, 1)
    assert rejects.lines == [2]
    assert importer.batches == [2, 2, 2, 2]


def test_a_database_that_is_away_ends_the_import(
    run: ImportRun, importer: TagImporter, rejects: Rejects
) -> None:
    importer.faults[2] = OperationalError("away")

    with pytest.raises(OperationalError):
        loop(rows(*"abcdef"), run, importer, rejects)

    assert names() == {"a", "b", "c"}
    assert counts(run) == (3, 3, 0)


def test_rows_that_go_alone_keep_their_place(
    run: ImportRun, importer: TagImporter, rejects: Rejects
) -> None:
    loop(rows("a", "alone", "b", "alone refused"), run, importer, rejects)

    assert list(Tag.objects.order_by("id").values_list("name", flat=True)) == ["a", "alone", "b"]
    assert counts(run) == (4, 3, 1)
    assert rejects.lines == [4]


def test_rows_before_an_unreadable_place_are_recorded(
    run: ImportRun, importer: TagImporter, rejects: Rejects
) -> None:
    def broken() -> Iterator[Row]:
        yield from rows(*"abcd")
        raise InvalidFile

    with pytest.raises(InvalidFile):
        loop(broken(), run, importer, rejects)

    assert names() == set("abcd")
    assert counts(run) == (4, 4, 0)


def test_a_run_that_was_taken_over_writes_nothing_more(
    run: ImportRun, importer: TagImporter, rejects: Rejects
) -> None:
    ImportRun.objects.update(token=run.pk)

    with pytest.raises(runs.TakenOver):
        loop(rows("a"), run, importer, rejects)

    assert names() == set()


def test_a_run_that_is_not_stored_rolls_all_back(
    workspace: Workspace, importer: TagImporter, rejects: Rejects
) -> None:
    reported: list[int] = []
    dry = runs.begin(
        workspace=workspace,
        kind="events",
        files=["f"],
        options={},
        actor="",
        now=NOW,
        is_dry_run=True,
    )

    import_loop.run(
        run=dry,
        rows=rows("a", "b"),
        importer=importer,
        rejects=rejects,
        report=lambda counted, _: reported.append(counted.rows),
        clock=lambda: NOW,
    )

    assert reported == [2]
    assert names() == set()
