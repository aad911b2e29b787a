"""Tests of files that are not lines of UTF-8: encodings, arrays, sheets, archives."""

import contextlib
import gzip
import io
import json
import tracemalloc
import zipfile
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook
from openpyxl.chart import BarChart

from subscribers.rows import sheets, unpacking
from subscribers.rows.files import read_header, read_rows, sources_of
from subscribers.rows.row import InvalidFile, Row


def rows_of(path: Path | str, **options: Any) -> list[Row]:
    return list(read_rows(sources=sources_of(str(path), **options)))


def fields_of(path: Path | str, **options: Any) -> list[dict[str, Any] | None]:
    return [row.fields for row in rows_of(path, **options)]


@pytest.mark.parametrize(
    "text",
    [
        "email,name\na@x.io,Zoë\n",
        "email;name\r\na@x.io;Zoë\r\n",
        "email\tname\na@x.io\tZoë\n",
        "email|name\na@x.io|Zoë\n",
        "sep=;\nemail;name\na@x.io;Zoë\n",
        '"email";"name"\n"a@x.io";"Zoë"\n',
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_table_is_read_by_its_own_signs(tmp_path: Path, text: str, encoding: str) -> None:
    path = tmp_path / "a.csv"
    path.write_text(text, encoding=encoding, newline="")

    assert fields_of(path) == [{"email": "a@x.io", "name": "Zoë"}]


def test_the_line_is_counted_with_the_line_of_the_separator(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("sep=;\nemail;name\na@x.io;b\nb@x.io;c\n")

    rows = rows_of(path)

    assert [row.line for row in rows] == [3, 4]
    assert list(read_rows(sources=sources_of(str(path)), start=rows[0].after)) == rows[1:]


def test_a_delimiter_that_is_given_counts(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("email,a;b,c\nx@x.io,1;2,3\n")

    assert fields_of(path, delimiter=";") == [{"email,a": "x@x.io,1", "b,c": "2,3"}]


def test_reading_goes_on_in_another_encoding(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("email,name\n" + "a@x.io,Zoë\n" * 50, encoding="cp1252")
    rows = rows_of(path, encoding="cp1252")

    rest = read_rows(sources=sources_of(str(path), encoding="cp1252"), start=rows[19].after)

    assert list(rest) == rows[20:]


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.lists(st.dictionaries(st.text(), VALUES, max_size=3), max_size=6), st.integers(0, 4),
       st.booleans(), st.integers(1, 40))  # fmt: skip
def test_an_array_becomes_a_line_for_each_element(
    elements: list[dict[str, Any]], indent: int, is_ascii: bool, size: int
) -> None:
    text = json.dumps(elements, indent=indent or None, ensure_ascii=is_ascii).encode(
        "utf-8", "surrogatepass"
    )
    chunks = (text[start : start + size] for start in range(0, len(text), size))

    read = unpacking.array_as_lines(unpacking.Made(chunks), name="a.json")

    lines = b"".join(iter(read.read1, b"")).splitlines()
    assert [json.loads(line.decode("utf-8", "surrogatepass")) for line in lines] == elements


@pytest.mark.parametrize("text", ['[{"email":"a@x.io"}', '[{"email":"a@x.io"}, {"email":"b'])
def test_an_array_that_is_cut_is_the_files_fault(tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(text)

    with pytest.raises(InvalidFile, match="the file is cut"):
        rows_of(path)


@pytest.mark.parametrize("size", [1, 100])
@pytest.mark.parametrize("more", ['{"email":"b@x.io"}', '[{"email":"b@x.io"}]', '"b"', "]"])
def test_nothing_but_blanks_follows_an_array(size: int, more: str) -> None:
    def lines_of(text: bytes) -> bytes:
        chunks = (text[start : start + size] for start in range(0, len(text), size))
        return b"".join(
            iter(unpacking.array_as_lines(unpacking.Made(chunks), name="a.json").read1, b"")
        )

    assert lines_of(b'[{"email":"a@x.io"}]\r\n \n') == b'{"email":"a@x.io"}\n'
    with pytest.raises(InvalidFile, match="goes on after the end of its JSON array"):
        lines_of(f'[{{"email":"a@x.io"}}]\n{more}'.encode())


def test_a_compressed_bomb_is_read_in_constant_memory(tmp_path: Path) -> None:
    path = tmp_path / "bomb.csv.gz"
    with gzip.open(path, "wb") as packed:
        packed.write(b"email\na@x.io\n")
        for _ in range(200):
            packed.write(bytes(1_000_000))
    assert path.stat().st_size < 1_000_000
    tracemalloc.start()

    rows = rows_of(path)

    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [row.fault is None for row in rows] == [True, False]
    assert peak < 10 * 2**20


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
def test_an_array_is_recognized_in_each_encoding(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "a.json"
    people = [{"email": "a@x.io", "name": "Zoë"}, {"email": "b@x.io", "name": "Ann"}]
    path.write_text(json.dumps(people, indent=2, ensure_ascii=False), encoding=encoding)
    given = {} if encoding in {"utf-8-sig", "utf-16"} else {"encoding": encoding}

    assert fields_of(path, **given) == people


def test_a_long_text_in_an_array_takes_little_memory() -> None:
    text = b'[{"note":"' + b"x" * 1_300_000
    elements = unpacking._Elements("a.json")
    tracemalloc.start()

    with contextlib.suppress(InvalidFile):
        elements.feed(text)

    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10 * 2**20


def workbook(path: Path | io.BytesIO, *rows: tuple[Any, ...], title: str = "People") -> None:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = title
    for row in rows:
        sheet.append(row)
    book.create_sheet("Other").append(["email"])
    book.save(path)


def test_a_sheet_is_read_as_a_table(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    moment = datetime(2023, 5, 1, 10)  # noqa: DTZ001 - sheets have naive times
    workbook(
        path, ("email", "n", "at", "vip", "note", None), ("a@x.io", 7, moment, True, "+1\nü", None),
        (), ("b@x.io", 1.5, None, False, None, None),
    )  # fmt: skip

    rows = rows_of(path)

    assert [row.fields for row in rows] == [
        {"email": "a@x.io", "n": "7", "at": "2023-05-01 10:00:00", "vip": "true", "note": "+1\nü"},
        {"email": "b@x.io", "n": "1.5", "at": "", "vip": "false", "note": ""},
    ]
    assert list(read_rows(sources=sources_of(str(path)), start=rows[0].after)) == rows[1:]


def test_a_sheet_is_chosen_by_its_name(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    workbook(path, ("email", "name"))

    header = read_header(sources_of(str(path), sheet="Other")[0])

    assert header is not None
    assert header.columns == ("email",)
    with pytest.raises(InvalidFile, match=r"no sheet 'None'; --sheet may be People, Other"):
        rows_of(path, sheet="None")


def test_a_sheet_of_charts_is_no_table(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    book = Workbook()
    book.create_chartsheet("Chart", 0).add_chart(BarChart())
    book.worksheets[0].append(["email"])
    book.worksheets[0].append(["a@x.io"])
    book.save(path)

    assert fields_of(path) == [{"email": "a@x.io"}]
    with pytest.raises(InvalidFile, match=r"no sheet 'Chart'; --sheet may be Sheet\."):
        rows_of(path, sheet="Chart")


def rewritten(path: Path, part: str, content: bytes | None) -> None:
    """Write a workbook with another content of a part; None: without it."""
    with zipfile.ZipFile(path) as archive:
        parts = {each: archive.read(each) for each in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in {**parts, part: content}.items():
            if text is not None:
                archive.writestr(name, text)


SHEET = "xl/worksheets/sheet1.xml"
START = (
    '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
    '<row r="1"><c r="A1" t="str"><v>email</v></c></row>'
)


@pytest.mark.parametrize(
    ("part", "content", "words"),
    [
        (SHEET, f'{START}<row r="999999999999"/></sheetData></worksheet>', "more than 1,000 rows"),
        (SHEET, f'{START}<row r="2"><c r="A2" t="s"><v>9</v></c></row></sheetData></worksheet>',
         "cannot be read on"),
        (SHEET, f"{START}<row", "cannot be read"),
        (SHEET, None, "cannot be read as a workbook|no sheet with rows"),
        ("xl/workbook.xml", "<workbook/>", "has no sheet with rows"),
        ("xl/workbook.xml", "<workbook", "cannot be read as a workbook"),
        ("xl/styles.xml", " " * 9_000, "is too large for a workbook"),
    ],
)  # fmt: skip
def test_a_workbook_that_is_damaged_or_hostile_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: str, content: str | None, words: str
) -> None:
    monkeypatch.setattr(sheets, "MOST_ROWS", 1_000)
    path = tmp_path / "a.xlsx"
    book = Workbook()
    assert book.active is not None
    book.active.append(["email"])
    book.save(path)
    with zipfile.ZipFile(path) as archive:
        held = sum(each.file_size for each in archive.infolist() if each.filename != SHEET)
    monkeypatch.setattr(sheets, "MOST_TEXT_BYTES", held + 1_000)
    rewritten(path, part, None if content is None else content.encode())

    with pytest.raises(InvalidFile, match=words):
        rows_of(path)


def test_the_files_of_an_archive_are_read_in_their_order(tmp_path: Path) -> None:
    path = tmp_path / "export.zip"
    book = io.BytesIO()
    workbook(book, ("email",), ("c@x.io",))
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("subscribed.csv", "email\na@x.io\n")
        archive.writestr("__MACOSX/._subscribed.csv", "x")
        archive.writestr("readme.md", "x")
        archive.writestr("more/left.json", '[\n{"email": "b@x.io"}\n]')
        archive.writestr("book.xlsx", book.getvalue())

    found = [(row.file_index, (row.fields or {})["email"]) for row in rows_of(path)]

    assert found == [(0, "a@x.io"), (1, "b@x.io"), (2, "c@x.io")]
    assert fields_of(tmp_path / "export.zip/subscribed.csv") == [{"email": "a@x.io"}]


def test_what_unpacks_to_too_much_is_refused_unread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.csv", b"0" * 10_000)
    monkeypatch.setattr(unpacking, "MOST_UNPACKED_BYTES", 9_999)

    with pytest.raises(InvalidFile, match="unpacks to 10,000 bytes; at most 9,999 are read"):
        rows_of(path)


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA, zipfile.ZIP_STORED])
def test_a_damaged_archive_is_the_files_fault(tmp_path: Path, method: int) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr("a.csv", "email\n" + "".join(f"p{n}@x.io\n" for n in range(500)))
    content = bytearray(path.read_bytes())
    content[100:120] = b"\xff" * 20
    path.write_bytes(content)

    with pytest.raises(InvalidFile, match="cannot be read on"):
        rows_of(path)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.zip", b"PK nothing", "cannot be read as a zip archive"),
        ("a.xlsx", b"PK nothing", r"cannot be read as a workbook: .* name it \.csv"),
        ("a.csv", b"PK\x03\x04 a workbook", r"name it \.zip or \.xlsx"),
    ],
)
def test_what_cannot_be_unpacked_is_named(
    tmp_path: Path, name: str, content: bytes, words: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)

    with pytest.raises(InvalidFile, match=words):
        rows_of(path)
