"""Workbooks: what is held in memory is capped wherever it is, and no value is lost in silence."""

import io
import zipfile
from pathlib import Path

import pytest
from openpyxl import Workbook
from openpyxl.chart import BarChart

from subscribers.rows import sheets
from subscribers.rows.files import read_rows, sources_of
from subscribers.rows.row import InvalidFile

TYPES = "[Content_Types].xml"
SHEET = "xl/worksheets/sheet1.xml"
STRINGS = "application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"
TOO_LARGE = "is too large for a workbook: save the sheet as CSV"
NAMESPACE = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'


def fields_of(path: Path, *, sheet: str = "") -> list[dict[str, str] | None]:
    return [row.fields for row in read_rows(sources=sources_of(str(path), sheet=sheet))]


def parts_of(*, book: Workbook | None = None) -> dict[str, bytes]:
    """Return the parts of a workbook with one person, or of the one given."""
    content = io.BytesIO()
    if book is None:
        book = Workbook()
        assert book.active is not None
        for row in (["email"], ["a@x.io"]):
            book.active.append(row)
    book.save(content)
    with zipfile.ZipFile(content) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def written(folder: Path, parts: dict[str, bytes]) -> Path:
    path = folder / "people.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return path


@pytest.fixture(autouse=True)
def caps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Allow 40 KB to be held, and 2 KB from row to row."""
    monkeypatch.setattr(sheets, "MOST_TEXT_BYTES", 40_000)
    monkeypatch.setattr(sheets, "MOST_ROW_BYTES", 2_000)


def test_sheets_may_be_larger_than_what_is_held(tmp_path: Path) -> None:
    book = Workbook()
    assert book.active is not None
    for number in range(1_500):
        book.active.append(["email" if number == 0 else number])
    parts = parts_of(book=book)
    picture = b"\x89PNG" + bytes(50_000)

    path = written(tmp_path, {**parts, "xl/media/logo.png": picture})

    assert len(parts[SHEET]) > 40_000
    assert len(fields_of(path)) == 1_499


def with_texts(place: str, *, before: int, types: tuple[str, ...] = (STRINGS,)) -> dict[str, bytes]:
    """Return a workbook whose cells point to texts in a part of any name."""
    texts = "<si><t>x</t></si>" * before + "<si><t>email</t></si><si><t>a@x.io</t></si>"
    cells = "".join(
        f'<row r="{number + 1}"><c r="A{number + 1}" t="s"><v>{before + number}</v></c></row>'
        for number in range(2)
    )
    parts = parts_of()
    parts[place] = f"<sst {NAMESPACE}>{texts}</sst>".encode()
    parts[SHEET] = f"<worksheet {NAMESPACE}><sheetData>{cells}</sheetData></worksheet>".encode()
    said = "".join(f'<Override PartName="/{place}" ContentType="{each}"/>' for each in types)
    parts[TYPES] = parts[TYPES].replace(b"</Types>", f"{said}</Types>".encode())
    return parts


@pytest.mark.parametrize("types", [(STRINGS,), (STRINGS, sheets._SHEET)])
@pytest.mark.parametrize(
    "place", ["xl/worksheets/strings.xml", "xl/media/strings.png", "xl/sharedStrings.xml"]
)
def test_texts_are_held_wherever_they_are(
    tmp_path: Path, place: str, types: tuple[str, ...]
) -> None:
    few = written(tmp_path, with_texts(place, before=3, types=types))
    assert fields_of(few) == [{"email": "a@x.io"}]

    with pytest.raises(InvalidFile, match=TOO_LARGE):
        fields_of(written(tmp_path, with_texts(place, before=3_000, types=types)))


@pytest.mark.parametrize("name", ["xl/worksheets/_rels/sheet1.xml.rels", "xl/theme/theme1.xml"])
def test_what_is_read_beside_sheets_is_held(tmp_path: Path, name: str) -> None:
    parts = parts_of()
    parts[name] = parts.get(name, b"<Relationships/>") + b" " * 41_000

    with pytest.raises(InvalidFile, match=TOO_LARGE):
        fields_of(written(tmp_path, parts))


def test_a_long_list_of_parts_is_refused_unread(tmp_path: Path) -> None:
    parts = parts_of()
    parts[TYPES] += b" " * 41_000

    with pytest.raises(InvalidFile, match=TOO_LARGE):
        fields_of(written(tmp_path, parts))


@pytest.mark.parametrize(
    "hidden",
    [
        f'<row r="2"><c r="A2" t="inlineStr"><is><t>{"x" * 3_000}</t></is></c></row>',
        f'<row r="2">{"<c/>" * 800}</row>',
        f'<row r="2"><c r="A2" t="inlineStr"><is><t><![CDATA[{"<row " * 800}]]></t></is></c></row>',
    ],
)
def test_a_row_is_held_as_a_whole(tmp_path: Path, hidden: str) -> None:
    head = '<row r="1"><c r="A1" t="inlineStr"><is><t>email</t></is></c></row>'
    parts = parts_of()
    parts[SHEET] = (
        f"<worksheet {NAMESPACE}><sheetData>{head}{hidden}</sheetData></worksheet>".encode()
    )

    with pytest.raises(InvalidFile, match=TOO_LARGE):
        fields_of(written(tmp_path, parts))


def test_what_follows_the_rows_is_held_as_a_whole(tmp_path: Path) -> None:
    parts = parts_of()
    merged = b"<mergeCells>" + b'<mergeCell ref="A1:B2"/>' * 200 + b"</mergeCells></worksheet>"
    parts[SHEET] = parts[SHEET].replace(b"</worksheet>", merged)

    with pytest.raises(InvalidFile, match=TOO_LARGE):
        fields_of(written(tmp_path, parts))


def test_charts_are_not_read(tmp_path: Path) -> None:
    book = Workbook()
    assert book.active is not None
    for row in (["email"], ["a@x.io"]):
        book.active.append(row)
    book.create_chartsheet("Chart", 0).add_chart(BarChart())
    parts = parts_of(book=book)
    for name in parts:
        if "chart" in name and not name.endswith(".rels"):
            parts[name] = b"<broken"

    assert fields_of(written(tmp_path, parts)) == [{"email": "a@x.io"}]


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        (["hidden", "visible"], "second@x.io"),
        (["veryHidden", "visible"], "second@x.io"),
        (["visible", "hidden"], "first@x.io"),
    ],
)
def test_the_first_sheet_that_is_shown_is_read(
    tmp_path: Path, states: list[str], expected: str
) -> None:
    book = Workbook()
    first, second = book.active, book.create_sheet("Second")
    assert first is not None
    for table, state, name in zip((first, second), states, ("first", "second"), strict=True):
        table.sheet_state = state
        for row in (["email"], [f"{name}@x.io"]):
            table.append(row)

    assert fields_of(written(tmp_path, parts_of(book=book))) == [{"email": expected}]


def formula(cell: str) -> dict[str, bytes]:
    parts = parts_of()
    rows = (
        '<row r="1"><c r="A1" t="inlineStr"><is><t>email</t></is></c>'
        '<c r="B1" t="inlineStr"><is><t>status</t></is></c></row>'
        f'<row r="4"><c r="A4" t="inlineStr"><is><t>a@x.io</t></is></c>{cell}</row>'
    )
    parts[SHEET] = f"<worksheet {NAMESPACE}><sheetData>{rows}</sheetData></worksheet>".encode()
    return parts


@pytest.mark.parametrize(
    ("cell", "status"),
    [
        ('<c r="B4" t="str"><f>IF(1,"bounced","")</f><v>bounced</v></c>', "bounced"),
        ('<c r="B4" t="str"><f>IF(0,"bounced","")</f><v></v></c>', ""),
        ('<c r="B4"><f>1+1</f><v>2</v></c>', "2"),
        ('<c r="B4" s="0"/>', ""),
    ],
)
def test_a_formula_has_the_value_that_was_calculated(
    tmp_path: Path, cell: str, status: str
) -> None:
    (row,) = read_rows(sources=sources_of(str(written(tmp_path, formula(cell)))))

    assert row.fields == {"email": "a@x.io", "status": status}
    # Rows that the sheet leaves out are counted.
    assert row.line == 4


@pytest.mark.parametrize("value", ["", "<v/>", "<v></v>"])
def test_a_formula_without_a_value_is_no_empty_cell(tmp_path: Path, value: str) -> None:
    path = written(tmp_path, formula(f'<c r="B4"><f>IF(1,"bounced","")</f>{value}</c>'))

    with pytest.raises(InvalidFile, match="the formula in cell B4 has no value"):
        fields_of(path)
