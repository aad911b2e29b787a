"""Tests of reading files: plain, compressed, from a pipe, and on from a checkpoint."""

import gzip
import io
import os
import sys
from pathlib import Path

import pytest

from subscribers.rows.files import can_be_read_again, read_header, read_rows
from subscribers.rows.row import InvalidFile, Meter, Place, Row, Source, source_of

CONTENT = b"email,name\n" + b"".join(b"p%d@x.io,bought\n" % number for number in range(1000))


def write(path: Path, content: bytes = CONTENT) -> Source:
    """Write a file, compressed where its name says so."""
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return source_of(str(path))


def emails(rows: list[Row]) -> list[str]:
    """Return whom the rows are about."""
    return [(row.fields or {})["email"] for row in rows]


@pytest.mark.parametrize(
    ("name", "format_"),
    [("a.csv", "csv"), ("A.CSV.GZ", "csv"), ("a.jsonl", "jsonl"), ("a.ndjson.gz", "jsonl")],
)
def test_the_name_gives_the_format(name: str, format_: str) -> None:
    assert source_of(name) == Source(name, format_)


@pytest.mark.parametrize("name", ["-", "a.txt", "a.json"])
def test_a_format_that_nothing_says_is_asked_for(name: str) -> None:
    with pytest.raises(InvalidFile, match="give --format csv or --format jsonl"):
        source_of(name)

    assert source_of(name, format="csv") == Source(name, "csv")


def test_files_are_read_in_their_order(tmp_path: Path) -> None:
    first = write(tmp_path / "a.csv", b"email\na@x.io\n")
    second = write(tmp_path / "b.jsonl.gz", b'{"email":"b@x.io"}\n')

    rows = list(read_rows(sources=[first, second]))

    assert emails(rows) == ["a@x.io", "b@x.io"]
    assert [(row.file_index, row.line) for row in rows] == [(0, 2), (1, 1)]


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz"])
def test_reading_goes_on_from_a_checkpoint(tmp_path: Path, name: str) -> None:
    earlier = write(tmp_path / "earlier.csv")
    source = write(tmp_path / name)
    rows = list(read_rows(sources=[earlier, source]))

    rest = list(read_rows(sources=[earlier, source], start=rows[1399].after))

    assert rest == rows[1400:]


def test_a_checkpoint_at_a_files_end_goes_on_with_the_next(tmp_path: Path) -> None:
    first, second = write(tmp_path / "a.csv"), write(tmp_path / "b.csv")
    rows = list(read_rows(sources=[first, second]))

    rest = list(read_rows(sources=[first, second], start=rows[999].after))

    assert rest == rows[1000:]


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz"])
def test_a_file_that_is_shorter_than_its_checkpoint_is_refused(tmp_path: Path, name: str) -> None:
    source = write(tmp_path / name)

    with pytest.raises(InvalidFile, match="is shorter than what was read of it"):
        list(read_rows(sources=[source], start=Place(0, len(CONTENT) + 1, 1002)))


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz"])
def test_a_checkpoint_within_a_line_means_another_file(tmp_path: Path, name: str) -> None:
    source = write(tmp_path / name)

    with pytest.raises(InvalidFile, match="was changed since it was read"):
        list(read_rows(sources=[source], start=Place(0, 15, 2)))


def test_the_standard_input_is_read_and_left_open(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.BytesIO(CONTENT)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(stream))

    rows = list(read_rows(sources=[source_of("-", format="csv")]))

    assert len(rows) == 1000
    assert not stream.closed


def test_a_pipe_is_read_once_and_its_header_not_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "pipe.csv"
    os.mkfifo(path)
    source = source_of(str(path))

    assert not can_be_read_again(source)
    assert read_header(source) is None


def test_the_columns_are_read_without_the_rows(tmp_path: Path) -> None:
    header = read_header(write(tmp_path / "a.csv.gz"))

    assert header is not None
    assert header.columns == ("email", "name")
    assert read_header(write(tmp_path / "a.jsonl", b"{}\n")) is None


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz"])
def test_the_meter_comes_to_the_files_sizes(tmp_path: Path, name: str) -> None:
    sources = [write(tmp_path / name), write(tmp_path / f"b-{name}")]
    meter = Meter()

    rows = list(read_rows(sources=sources, meter=meter))

    assert len(rows) == 2000
    assert meter.bytes_read == sum(Path(source.name).stat().st_size for source in sources)


def test_the_meter_counts_what_is_before_a_checkpoint(tmp_path: Path) -> None:
    source = write(tmp_path / "a.csv")
    after = list(read_rows(sources=[source]))[499].after
    meter = Meter()

    list(read_rows(sources=[source], start=after, meter=meter))

    assert meter.bytes_read == len(CONTENT)


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidFile, match=r"nowhere\.csv cannot be read: No such file"):
        read_header(source_of(str(tmp_path / "nowhere.csv")))
    with pytest.raises(InvalidFile, match=r"cannot be read: Is a directory"):
        list(read_rows(sources=[Source(str(tmp_path), "csv")]))


def test_a_compressed_file_that_is_none_or_cut_is_the_files_fault(tmp_path: Path) -> None:
    plain, cut = tmp_path / "plain.csv.gz", tmp_path / "cut.csv.gz"
    plain.write_bytes(CONTENT)
    cut.write_bytes(gzip.compress(os.urandom(2**19).hex().encode())[:-20])

    with pytest.raises(InvalidFile, match="cannot be read on: Not a gzipped file"):
        list(read_rows(sources=[source_of(str(plain))]))
    with pytest.raises(
        InvalidFile, match=r"cut\.csv\.gz cannot be read on|cut\.csv\.gz: the header"
    ):
        list(read_rows(sources=[source_of(str(cut))]))
