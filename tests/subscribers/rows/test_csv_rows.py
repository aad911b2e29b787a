"""Tests of reading CSV: good rows come out as they are, a bad one harms no other."""

import csv
import io
import time
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from subscribers.rows import blocks
from subscribers.rows.files import read_rows
from subscribers.rows.row import MOST_ROW_BYTES, InvalidFile, Place, source_of
from subscribers.wire.payloads import Fault
from tests.support.reading_rows import Drip, faults_of, rows_of

HEADER = b"email,name\n"


def test_rows_have_their_fields_and_where_they_are() -> None:
    rows = rows_of(HEADER + b"a@example.com,bought\nb@example.com,left\n")

    assert [row.fields for row in rows] == [
        {"email": "a@example.com", "name": "bought"},
        {"email": "b@example.com", "name": "left"},
    ]
    assert [(row.line, row.after) for row in rows] == [
        (2, Place(0, 32, 3)),
        (3, Place(0, 51, 4)),
    ]


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_quoted_cells_may_hold_line_ends_commas_and_quotes(end: bytes) -> None:
    text = (
        b"email,name" + end + b'a@example.com,"one, ""two""' + end + b'three"' + end + b"b@x.io,4"
    )

    rows = rows_of(text)

    assert rows[0].fields == {
        "email": "a@example.com",
        "name": f'one, "two"{end.decode()}three',
    }
    assert [(row.line, row.end_line) for row in rows] == [(2, 4), (4, 5)]
    assert rows[1].end_offset == len(text)


def test_a_byte_order_mark_is_no_part_of_the_first_name() -> None:
    rows = rows_of(b"\xef\xbb\xbf" + HEADER + b"a@x.io,z\n")

    assert rows[0].fields == {"email": "a@x.io", "name": "z"}
    assert rows[0].end_offset == 3 + len(HEADER) + 9


def test_blank_lines_are_no_rows() -> None:
    rows = rows_of(b"\n" + HEADER + b"\n  \r\na@x.io,z\n\n\n")

    assert [(row.line, row.end_line) for row in rows] == [(5, 6)]


def test_empty_cells_that_a_spreadsheet_leaves_are_no_rows_and_no_columns() -> None:
    rows = rows_of(b",,\nemail,name,,\n,,,\na@x.io,z,,\n,\nb@x.io,y\nc@x.io,x,,1\n")

    assert [row.fields for row in rows[:2]] == [
        {"email": "a@x.io", "name": "z"},
        {"email": "b@x.io", "name": "y"},
    ]
    assert [row.line for row in rows] == [4, 6, 7]
    assert rows[2].fault == Fault("row", "has 4 cells; the header has 2.")
    assert rows[2].raw == b"c@x.io,x,,1\n"


def test_guards_are_taken_off() -> None:
    rows = rows_of(HEADER + b"\"'=a@x.io\",'-5\nO'Brien@x.io,'tis\n")

    assert [row.fields for row in rows] == [
        {"email": "=a@x.io", "name": "-5"},
        {"email": "O'Brien@x.io", "name": "'tis"},
    ]


def test_bad_utf_8_in_row_7_is_that_rows_fault_alone() -> None:
    lines = [b"p%d@x.io,z\n" % number for number in range(10)]
    lines[6] = b"p6@x.io,Z\xfcrich\n"

    rows = rows_of(HEADER + b"".join(lines))

    assert len(rows) == 10
    assert faults_of(rows) == [(8, "name is not UTF-8.")]
    assert rows[6].raw == lines[6]


def test_a_nul_is_its_rows_fault_alone() -> None:
    rows = rows_of(HEADER + b"a@x.io,one\nb@x.io,t\0wo\nc@x.io,three\n")

    assert faults_of(rows) == [(3, "name holds a NUL.")]
    assert rows[2].fields == {"email": "c@x.io", "name": "three"}


def test_ragged_rows_are_faults() -> None:
    rows = rows_of(HEADER + b"a@x.io,one,more\nb@x.io\nc@x.io,three\n")

    assert faults_of(rows) == [
        (2, "row has 3 cells; the header has 2."),
        (3, "row has 1 cells; the header has 2."),
    ]
    assert len(rows) == 3


def test_a_quote_that_is_not_closed_does_not_swallow_the_file() -> None:
    rows = rows_of(HEADER + b'a@x.io,"one\nb@x.io,two\nc@x.io,three\n')

    assert faults_of(rows) == [(2, "row opens a quote that is not closed.")]
    assert [row.line for row in rows] == [2, 3, 4]
    assert rows[2].fields == {"email": "c@x.io", "name": "three"}


def test_a_quote_that_another_row_seems_to_close_is_one_rows_fault() -> None:
    rows = rows_of(HEADER + b'a@x.io,"one\nb@x.io,"two"\nc@x.io,three\n')

    assert [line for line, _ in faults_of(rows)] == [2]
    assert rows[1].fields == {"email": "b@x.io", "name": "two"}


def test_a_quote_is_looked_for_no_further_than_a_row_may_go() -> None:
    good = b"b@x.io,two\n" * (2 * MOST_ROW_BYTES // 11)

    rows = rows_of(HEADER + b'a@x.io,"one\n' + good)

    assert faults_of(rows) == [(2, "row opens a quote that is not closed.")]
    assert len(rows) == 1 + 2 * MOST_ROW_BYTES // 11
    assert rows[-1].end_offset == len(HEADER) + 12 + len(good)


def test_a_file_of_quotes_that_never_close_is_read_in_reasonable_steps() -> None:
    """Each line, taken as a row's first, would otherwise be looked through for a mebibyte."""
    lines = 30_000

    rows = rows_of(HEADER + b'a","\n' * lines)

    assert len(rows) == len(faults_of(rows)) == lines


def test_a_lone_cr_is_its_rows_fault() -> None:
    rows = rows_of(HEADER + b"a@x.io,o\rne\nb@x.io,two\n")

    assert faults_of(rows) == [(2, "row has a CR within a line: end lines with LF or CRLF.")]


def test_a_row_that_is_too_long_is_one_fault_also_within_a_block() -> None:
    long = b"a@x.io," + b"x" * MOST_ROW_BYTES + b"\n"

    rows = rows_of(HEADER + long + b"b@x.io,two\n" + long)

    assert faults_of(rows) == [
        (2, "row is longer than 1048576 bytes."),
        (4, "row is longer than 1048576 bytes."),
    ]
    assert rows[0].raw == long[:200]
    assert rows[2].end_offset == len(HEADER) + 2 * len(long) + 11


@pytest.mark.parametrize("quote", [b"", b'"'])
def test_a_line_of_a_gigabyte_is_reported_and_never_held(quote: bytes) -> None:
    gigabyte = 2**30
    drip = Drip(
        (HEADER + b"a@x.io,one\nb@x.io," + quote, 1),
        (b"x" * 4096, gigabyte // 4096),
        (b"\nc@x.io,three\n", 1),
    )
    stream = io.BufferedReader(drip)
    tracemalloc.start()

    rows = list(read_rows(sources=[source_of("big.csv")], open_bytes=lambda _name: stream))

    most_held = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert faults_of(rows) == [(3, "row is longer than 1048576 bytes.")]
    assert [row.line for row in rows] == [2, 3, 4]
    assert rows[2].fields == {"email": "c@x.io", "name": "three"}
    assert drip.most_asked <= blocks.CHUNK_BYTES
    assert most_held < 16 * 2**20


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "events.csv is empty: its first line must name the columns."),
        (
            b"email,,name\n",
            "events.csv: column 2 of the header has no name: give it one, or delete the column.",
        ),
        (b"email,na\0me\n", "events.csv: the header holds a NUL: remove it."),
        (
            b"email,name, email\n",
            "events.csv: the header names 'email' twice: rename one, or delete the column.",
        ),
        ("email,name\n".encode("utf-16-le"), "give --encoding utf-16-le or utf-16-be."),
        (b"email,n\xe4me\n", "events.csv: the header is not UTF-8: give --encoding."),
        (b'email,"name\n', "the header cannot be read: opens a quote that is not closed."),
        (b"email,name\ra@x.io,one\r", "has a CR within a line: end lines with LF or CRLF."),
        (b"x" * (MOST_ROW_BYTES + 1), "events.csv: the header is longer than 1048576 bytes."),
    ],
)
def test_a_header_that_is_none_is_the_files_fault(content: bytes, message: str) -> None:
    with pytest.raises(InvalidFile) as caught:
        rows_of(content)

    assert str(caught.value).endswith(message)


def test_a_header_of_very_many_columns_is_read_in_reasonable_time() -> None:
    names = [b"column%d" % number for number in range(70_000)]
    began = time.monotonic()

    with pytest.raises(InvalidFile, match="'column1' twice"):
        rows_of(b",".join([*names, b"column1"]) + b"\n")
    assert len(rows_of(b",".join(names) + b"\nx" + b"," * 69_999 + b"\n")) == 1

    assert time.monotonic() - began < 10


def test_reading_goes_on_from_any_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "CHUNK_BYTES", 16)
    content = HEADER + b'a@x.io,"o\nne"\nb@x.io,"two\n\nc@x.io,thr\xfce\nd@x.io,four'
    rows = rows_of(content)

    for number, row in enumerate(rows):
        assert rows_of(content, start=row.after) == rows[number + 1 :]


CELL = st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)


@given(
    cells=st.lists(st.tuples(CELL, CELL).filter(lambda pair: pair[0].strip()), max_size=20),
    chunk=st.integers(min_value=1, max_value=64),
)
def test_what_was_written_is_read_whatever_the_blocks(
    cells: list[tuple[str, str]], chunk: int
) -> None:
    text = io.StringIO(newline="")
    # Quoted, so that a lone CR is a part of its cell; guards have tests of their own.
    csv.writer(text, quoting=csv.QUOTE_ALL).writerows([("email", "name"), *cells])
    content = text.getvalue().encode()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "CHUNK_BYTES", chunk)
        patch.setattr("subscribers.rows.csv_rows.unguarded", lambda cell: cell)
        rows = rows_of(content)

    assert [(row.fields or {}).get("name") for row in rows] == [second for _, second in cells]
    assert all(row.fault is None for row in rows)
    assert not rows or rows[-1].end_offset == len(content)


@given(content=st.binary(max_size=200), chunk=st.integers(min_value=1, max_value=64))
def test_any_bytes_become_rows_faults_or_a_bad_file(content: bytes, chunk: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "CHUNK_BYTES", chunk)
        rows = rows_of(HEADER + content)

    assert all((row.fault is None) == (row.raw is None) for row in rows)
    assert [row.line for row in rows] == sorted({row.line for row in rows})
