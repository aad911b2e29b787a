"""Tests of reading JSONL: each line passes the API's JSON gate."""

import io
import tracemalloc

import pytest

from subscribers.rows import blocks
from subscribers.rows.files import read_rows
from subscribers.rows.row import MOST_ROW_BYTES, InvalidFile, Place, source_of
from tests.support.reading_rows import Drip, faults_of, rows_of


def test_rows_have_their_values_and_where_they_are() -> None:
    rows = rows_of(b'{"email":"a@x.io","properties":{"n":1}}\n\n{"email":"b@x.io"}', name="e.jsonl")

    assert [row.fields for row in rows] == [
        {"email": "a@x.io", "properties": {"n": 1}},
        {"email": "b@x.io"},
    ]
    assert [(row.line, row.after) for row in rows] == [(1, Place(0, 40, 2)), (3, Place(0, 59, 4))]
    assert [row.columns for row in rows] == [None, None]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"[1]", "row must be an object, not an array."),
        (b"{", "row is not JSON: Expecting property name enclosed in double quotes (column 2)."),
        (b'{"a":NaN}', "row holds NaN, which is not JSON (column 6)."),
        (b'{"a":1e999}', "row holds a number beyond the range of a double (column 6)."),
        (b'{"a":"\xfc"}', "row is not UTF-8 (column 7)."),
        (b'{"a":' + b"[" * 30 + b"]" * 30 + b"}", "row nests deeper than 20 levels (column 25)."),
        (b'{"a":"' + b"x" * MOST_ROW_BYTES + b'"}', "row is longer than 1048576 bytes."),
    ],
)
def test_a_bad_line_is_its_own_fault(line: bytes, message: str) -> None:
    good = b'{"email":"a@x.io"}\n'

    rows = rows_of(good + line + b"\r\n" + good, name="e.jsonl")

    assert [row.line for row in rows] == [1, 2, 3]
    assert faults_of(rows) == [(2, message)]
    assert rows[1].raw == (line + b"\r\n")[: 200 if len(line) > MOST_ROW_BYTES else None]
    assert rows[2].fields == {"email": "a@x.io"}


def test_a_raw_nul_is_no_json() -> None:
    rows = rows_of(b'{"email":"a@x.io","name":"a\0b"}\n{"a":1}\n', name="e.jsonl")

    assert [line for line, _ in faults_of(rows)] == [1]


def test_utf_16_is_the_files_fault() -> None:
    with pytest.raises(InvalidFile, match=r"e\.jsonl looks like UTF-16: give --encoding"):
        rows_of('{"a":1}\n'.encode("utf-16-be"), name="e.jsonl")


def test_a_byte_order_mark_is_left_out() -> None:
    rows = rows_of(b'\xef\xbb\xbf{"a":1}\n', name="e.jsonl")

    assert rows[0].fields == {"a": 1}
    assert rows[0].end_offset == 11


def test_a_line_of_a_gigabyte_is_reported_and_never_held() -> None:
    drip = Drip((b'{"a":"', 1), (b"x" * 4096, 2**18), (b'"}\n{"b":1}\n', 1))
    stream = io.BufferedReader(drip)
    tracemalloc.start()

    rows = list(read_rows(sources=[source_of("b.jsonl")], open_bytes=lambda _name: stream))

    most_held = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert faults_of(rows) == [(1, "row is longer than 1048576 bytes.")]
    assert rows[1].fields == {"b": 1}
    assert drip.most_asked <= blocks.CHUNK_BYTES
    assert most_held < 16 * 2**20


def test_reading_goes_on_from_any_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "CHUNK_BYTES", 8)
    content = b'{"a":1}\n\nnull\n{"b":"\xc3\xbc"}\n{"c":3}'
    rows = rows_of(content, name="e.jsonl")

    for number, row in enumerate(rows):
        assert rows_of(content, name="e.jsonl", start=row.after) == rows[number + 1 :]
    assert len(rows) == 4
