"""Files in the manner of what people upload, each with the people that come in."""

import io
import zipfile
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from openpyxl import Workbook

from subscribers.models import ImportRun, Subscriber
from tests.support.people_in import Came, Known, came, everybody

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("acme_in_berlin")]


def person(
    email: str, first: str = "", last: str = "", status: str = "active", **attributes: object
) -> Known:
    return (email, first, last, status, attributes)


def test_a_german_spreadsheet(tmp_path: Path) -> None:
    content = (
        "E-Mail;Vorname;Nachname;Erstellt am;Status\r\n"
        "j@x.io;Jörg;Müller;01.05.2023;Abgemeldet\r\n"
        "k@x.io;Käthe;Größe;31.12.2023;Aktiv\r\n"
    ).encode("cp1252")

    first = came(tmp_path, content)
    second = came(tmp_path, content, "--encoding=cp1252")

    assert (first.code, second.code) == (2, 0)
    assert "line 2: is not UTF-8" in first.said
    assert "give --encoding cp1252;" in first.said
    assert everybody() == [
        person("j@x.io", "Jörg", "Müller", "unsubscribed"),
        person("k@x.io", "Käthe", "Größe"),
    ]
    # Midnight in Berlin.
    created = Subscriber.objects.order_by("email_key").values_list("created_at", flat=True)
    assert list(created) == [
        datetime(2023, 4, 30, 22, tzinfo=UTC),
        datetime(2023, 12, 30, 23, tzinfo=UTC),
    ]


WIDE = ",".join(["email", *(f"attributes.c{number}" for number in range(299))])
NOTES = b'email,attributes.note\r\na@x.io,"A\r\nB\n\nC"\r\nb@x.io,x\r\n'
ANN, BOB = person("a@x.io", "Ann"), person("b@x.io", "Bob")

COME_IN: dict[str, tuple[str, bytes, list[Known]]] = {
    "the line of a separator": (
        "a.csv", b"sep=;\r\nemail;firstName\r\na@x.io;Ann\r\n", [ANN],
    ),
    "quotes around a separator": (
        "a.csv", b'"E-Mail";Vorname\r\na@x.io;"Ann; B"\r\n', [person("a@x.io", "Ann; B")],
    ),
    "objects with empty texts": (
        "a.jsonl",
        b'{"email":"a@x.io","firstName":"Ann","status":"","bounced":"","createdAt":""}\n', [ANN],
    ),
    "the line of a separator in UTF-16": (
        "a.csv", "sep=\t\r\nemail\tfirstName\r\na@x.io\tZoë\r\n".encode("utf-16"),
        [person("a@x.io", "Zoë")],
    ),
    "300 columns": (
        "a.csv", f"{WIDE}\na@x.io{',x' * 299}\n".encode(),
        [("a@x.io", "", "", "active", {f"c{number}": "x" for number in range(299)})],
    ),
    "mixed line ends": (
        "a.csv", b"email,firstName\r\na@x.io,Ann\nb@x.io,Bob\r\n\n\r\n", [ANN, BOB],
    ),
    "line ends in quotes": (
        "a.csv", NOTES,
        [person("a@x.io", note="A\r\nB\n\nC"), person("b@x.io", note="x")],
    ),
    "trailing blanks": (
        "a.csv", b"email  ,firstName  \t\na@x.io   , Ann  \n  b@x.io\t,Bob\n", [ANN, BOB],
    ),
    "empty columns and rows at the end": (
        "a.csv", b"email,firstName,,\na@x.io,Ann,,\nb@x.io,Bob\n,,,\n,,,\n", [ANN, BOB],
    ),
    "blank lines and delimiters before the header": (
        "a.csv", b"\r\n  \r\n,,\r\nemail,firstName\r\na@x.io,Ann\r\n", [ANN],
    ),
    "links and names around addresses": (
        "a.csv",
        b'email,firstName\nmailto:a@x.io?subject=Hi,Ann\nBob <b@x.io>,Bob\n"""L, C"" <c@x.io>",\n',
        [ANN, BOB, person("c@x.io")],
    ),
    "signs that nobody sees around addresses": (
        "a.csv",
        "email\n\u00a0a@x.io\u00a0\nb\u200b@x.io\nc@x.io\ufeff\n“d@x.io”\n'e@x.io'\nf@x.io;\n".encode(),
        [person(f"{name}@x.io") for name in "abcdef"],
    ),
    "domains with umlauts": (
        "a.csv", "email\na@bücher.example\nA@xn--bcher-kva.example\n".encode(),
        [person("a@bücher.example")],
    ),
    "tabs in a text file": (
        "a.txt", b"email\tfirstName\na@x.io\tAnn\n", [ANN],
    ),
    "UTF-16": ("a.csv", "email,firstName\na@x.io,Zoë\n".encode("utf-16"), [
        person("a@x.io", "Zoë")]),
    "telephone numbers, zip codes and long ids": (
        "a.csv",
        b"""email,attributes.phone,attributes.zip,attributes.card
a@x.io,+49 30 123,02134,4012888888881881
b@x.io,0301234,10115,4.93E+11
""",
        [
            person("a@x.io", phone="+49 30 123", zip="02134", card="4012888888881881"),
            person("b@x.io", phone="0301234", zip="10115", card="4.93E+11"),
        ],
    ),
}  # fmt: skip


@pytest.mark.parametrize("label", COME_IN)
def test_a_file_comes_in(tmp_path: Path, label: str) -> None:
    name, content, people = COME_IN[label]

    ended = came(tmp_path, content, name=name)

    assert ended.code == 0, ended.said
    assert everybody() == people


SOME_REJECTED: dict[str, tuple[bytes, list[Known], str]] = {
    "two lines of headers": (
        b"email,attributes.seats\nE-Mail address,Seats\na@x.io,7\n",
        [person("a@x.io", seats=7)], "line 2: attributes.seats is no number.",
    ),
    "a header that comes again": (
        b"email,attributes.seats\na@x.io,7\nemail,attributes.seats\nb@x.io,8\n",
        [person("a@x.io", seats=7), person("b@x.io", seats=8)],
        "line 3: attributes.seats is no number.",
    ),
    "a line of totals": (
        b"email,attributes.seats\na@x.io,7\nTotal,7\n",
        [person("a@x.io", seats=7)], "line 3: email is not a valid address",
    ),
    "a line of totals that is short": (
        b"email,firstName,attributes.seats\na@x.io,Ann,7\nTotal: 7\n",
        [person("a@x.io", "Ann", seats=7)], "line 3: row has 1 cells; the header has 3.",
    ),
    "a NUL": (
        b"email,firstName\na@x.io,A\0\nb@x.io,Bob\n",
        [BOB], "line 2: firstName holds a NUL.",
    ),
    "a cell of 5 MB": (
        b"email,attributes.note\na@x.io,A\nb@x.io," + b"x" * 5_000_000 + b"\nc@x.io,C\n",
        [person("a@x.io", note="A"), person("c@x.io", note="C")],
        "line 3: row is longer than 1048576 bytes.",
    ),
    "a line that ends with CR": (
        b"email,firstName\r\na@x.io,A\rc@x.io,C\r\nb@x.io,Bob\r\n",
        [BOB], "line 2: row has a CR within a line: end lines with LF or CRLF.",
    ),
    "two addresses in a cell": (
        b'email,firstName\n"a@x.io, c@x.io",A\nb@x.io,Bob\n',
        [BOB], "line 2: email is not a valid address",
    ),
    "a word that nobody knows": (
        b"email,Status\na@x.io,Karteileiche\nb@x.io,active\n",
        [person("b@x.io")], "--value status:WORD=unsubscribed",
    ),
}  # fmt: skip


@pytest.mark.parametrize("label", SOME_REJECTED)
def test_a_row_that_is_none_is_rejected_by_itself(tmp_path: Path, label: str) -> None:
    content, people, reason = SOME_REJECTED[label]

    ended = came(tmp_path, content)

    assert ended.code == 3
    assert reason in ended.said
    assert ImportRun.objects.get().rejected == 1
    assert everybody() == people


def test_a_word_of_the_file_comes_in_as_its_rejection_says(tmp_path: Path) -> None:
    content = b"email,Status\na@x.io,Karteileiche\n"

    assert came(tmp_path, content, "--value=status:Karteileiche=unsubscribed").code == 0

    assert everybody() == [person("a@x.io", status="unsubscribed")]


def test_a_mark_in_each_of_two_files(tmp_path: Path) -> None:
    other = tmp_path / "other.csv"
    other.write_bytes(b"\xef\xbb\xbfemail,firstName\nb@x.io,Bob\n")

    ended = came(tmp_path, b"\xef\xbb\xbfemail,firstName\na@x.io,Ann\n", more=str(other))

    assert ended.code == 0
    assert everybody() == [ANN, BOB]


def workbook() -> bytes:
    """Return a workbook whose first sheet is hidden, with dates, numbers and merged cells."""
    book = Workbook()
    hidden, shown = book.active, book.create_sheet("People")
    assert hidden is not None
    hidden.sheet_state = "hidden"
    for row in (["email", "firstName"], ["hidden@x.io", "No"]):
        hidden.append(row)
    shown.append(["E-Mail", "First Name", "Created", "attributes.seats", "attributes.zip", "Note"])
    moment = datetime(2023, 5, 1, 10)  # noqa: DTZ001 - sheets have naive times
    shown.append(["a@x.io", "Ann", moment, 7, "02134", "merged"])
    shown.append(["b@x.io", "Bob", date(2023, 5, 2), 8.5, "10115"])
    shown.merge_cells("F2:F3")
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


def test_a_workbook_with_a_hidden_first_sheet(tmp_path: Path) -> None:
    ended = came(tmp_path, workbook(), name="people.xlsx")

    assert ended.code == 0, ended.said
    assert everybody() == [
        person("a@x.io", "Ann", seats=7, zip="02134"),
        person("b@x.io", "Bob", seats=8.5, zip="10115"),
    ]
    created = Subscriber.objects.order_by("email_key").values_list("created_at", flat=True)
    assert list(created) == [
        datetime(2023, 5, 1, 8, tzinfo=UTC),
        datetime(2023, 5, 1, 22, tzinfo=UTC),
    ]


def test_a_hidden_sheet_is_read_where_it_is_named(tmp_path: Path) -> None:
    came(tmp_path, workbook(), "--sheet=Sheet", name="people.xlsx")

    assert everybody() == [person("hidden@x.io", "No")]


def test_a_bomb_in_an_archive_is_a_row_that_is_too_long(tmp_path: Path) -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("people.csv", b"email\na@x.io\n" + b"0" * 50_000_000)

    ended: Came = came(tmp_path, content.getvalue(), name="people.zip")

    assert len(content.getvalue()) < 100_000
    assert ended.code == 3
    assert "line 3: row is longer than 1048576 bytes." in ended.said
    assert everybody() == [person("a@x.io")]
