"""Tests of progress: a bar on a terminal, lines elsewhere, the first bad rows on both."""

import gzip
import io
from dataclasses import replace
from pathlib import Path

import pytest

from subscribers.management.importing import opening
from subscribers.management.importing import progress as progress_module
from subscribers.management.importing.arguments import ImportRequest
from subscribers.management.importing.progress import Progress
from subscribers.models import ImportRun, Workspace
from subscribers.rows.files import sources_of
from subscribers.rows.row import Meter, Row, source_of
from subscribers.services.imports.runs import Counted, Rejected
from subscribers.wire.payloads import Fault


class Terminal(io.StringIO):
    """A text stream that says that somebody watches."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def asked(tmp_path: Path) -> ImportRequest:
    """A file of 1,000 bytes."""
    path = tmp_path / "tags.csv"
    path.write_bytes(b"x" * 1000)
    return ImportRequest(
        workspace=Workspace(),
        sources=[source_of(str(path))],
        map={},
        columns=None,
        rejects=None,
        is_dry_run=False,
        is_resuming=False,
    )


def begin(
    asked: ImportRequest, stream: io.StringIO, meter: Meter, *, is_quiet: bool = False
) -> Progress:
    """Begin where nothing was read before."""
    return Progress(
        stream=stream,
        asked=asked,
        meter=meter,
        earlier=Counted(rows=100),
        already_read=0,
        is_quiet=is_quiet,
    )


def bad(line: int) -> Rejected:
    """Return a row that is refused, with a column's name that would clear a screen."""
    row = Row(file_index=0, line=line, fields=None, end_offset=0, end_line=line + 1)
    return Rejected(row, (Fault("\x1b[2J", "is wrong."),))


def test_a_terminal_shows_a_bar_with_rows_rate_and_time_left(asked: ImportRequest) -> None:
    stream, meter = Terminal(), Meter()

    with begin(asked, stream, meter) as progress:
        meter.bytes_read = 250
        progress.report(Counted(rows=20, recorded=20), [])

    last = stream.getvalue().splitlines()[-1].rpartition("\r")[2]
    assert " 25% |" in last
    assert "120 rows, " in last
    assert "/s " in last
    assert last.rstrip().endswith("left")


def test_elsewhere_there_is_a_line_now_and_then(
    asked: ImportRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream, meter = io.StringIO(), Meter()
    seconds = iter([0, 3, 5, 5, 5, 5])
    monkeypatch.setattr("time.monotonic", lambda: next(seconds))

    with begin(asked, stream, meter) as progress:
        meter.bytes_read = 250
        progress.report(Counted(rows=20), [])
        progress.report(Counted(rows=30), [])

    assert stream.getvalue() == "150 rows, 10/s, 25%, 0:15 left.\n"


def test_the_first_bad_rows_are_shown_and_no_text_moves_the_cursor(
    asked: ImportRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress_module, "MOST_SHOWN_REJECTS", 2)
    stream = io.StringIO()

    with begin(asked, stream, Meter()) as progress:
        for line in (2, 4, 6):
            progress.report(Counted(rows=2), [bad(line), bad(line + 1)])

    assert stream.getvalue().splitlines() == [
        "line 2: \N{REPLACEMENT CHARACTER}[2J is wrong.",
        "line 3: \N{REPLACEMENT CHARACTER}[2J is wrong.",
        "More rows are rejected; they are counted but not shown.",
    ]


def test_quiet_shows_nothing(asked: ImportRequest) -> None:
    stream = Terminal()

    with begin(asked, stream, Meter(), is_quiet=True) as progress:
        progress.report(Counted(rows=2), [bad(2)])

    assert stream.getvalue() == ""
    assert progress.counted.rows == 2


@pytest.mark.parametrize(
    ("name", "encoding", "skipped"),
    [("a.csv", "utf-8", 8), ("a.csv", "utf-16", 0), ("a.csv.gz", "utf-8", 0), ("a.json", "", 0)],
)
def test_what_is_read_again_is_no_head_start(
    tmp_path: Path, asked: ImportRequest, name: str, encoding: str, skipped: int
) -> None:
    path = tmp_path / name
    content = "tag\none\ntwo\n".encode(encoding) if encoding else b'[{"tag":1},{"tag":2}]'
    path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    sources = [*asked.sources, *sources_of(str(path))]

    # In UTF-8, after the first row.
    run = ImportRun(file_index=1, byte_offset=8)
    meter, already_read = opening.meter_of(run=run, asked=replace(asked, sources=sources))

    assert (meter.bytes_read, already_read) == (1000, 1000 + skipped)
