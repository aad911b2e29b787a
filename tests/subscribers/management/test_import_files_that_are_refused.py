"""Files that do not begin: the sentence says what to type, and what it says works."""

import gzip
import io
import json
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from subscribers.models import ImportRun, Subscriber
from subscribers.rows import survey, unpacking
from tests import factories
from tests.support.exports import workbook
from tests.support.people_in import Known, came, everybody

pytestmark = pytest.mark.django_db

ANN: Known = ("a@x.io", "Ann", "", "active", {})
PLAIN = b"email,firstName\na@x.io,Ann\n"


@pytest.fixture(autouse=True)
def workspace(db: None) -> None:
    factories.WorkspaceFactory.create(slug="acme")


def zipped(**members: bytes) -> bytes:
    """Return an archive; in its members' names `__` is a dot."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, member in members.items():
            archive.writestr(name.replace("__", "."), member)
    return content.getvalue()


def same(content: bytes) -> bytes:
    return content


def without_first_line(content: bytes) -> bytes:
    return content.partition(b"\n")[2]


PEOPLE_BOOK = workbook(["email", "firstName"], ["a@x.io", "Ann"])
LATE = b"email,firstName\n" + b"".join(b"p%d@x.io,Ann\n" % number for number in range(9_000))
# Its name and bytes, words of the refusal, and what they advise: a name, a change, an option.
Advised = tuple[str, bytes, str, str, Callable[[bytes], bytes], str]
REFUSED: dict[str, Advised] = {
    "a title above the header": (
        "a.csv", b"Customers 2024\n" + PLAIN,
        "Line 2 looks like the header: delete the lines before it.",
        "a.csv", without_first_line, "",
    ),
    "a title with empty cells": (
        "a.csv", b"Customers,,2024\n" + PLAIN,
        "Line 2 looks like the header: delete the lines before it.",
        "a.csv", without_first_line, "",
    ),
    "addresses alone": (
        "a.txt", b"a@x.io\r\nb@x.io\r\n",
        "Its first line looks like a row: add a line before it", "a.txt", lambda _: PLAIN, "",
    ),
    "rows without a header": (
        "a.csv", b"Ann,a@x.io\n",
        "a line before it that names the columns, such as email.",
        "a.csv", lambda content: b"firstName,email\n" + content, "",
    ),
    "two columns of one name": (
        "a.csv", b"email,Tag,Tag\na@x.io,b,c\n",
        "the header names 'Tag' twice: rename one, or delete the column.",
        "a.csv", lambda _: PLAIN, "",
    ),
    "a column without a name": (
        "a.csv", b"email,,firstName\na@x.io,1,Ann\n",
        "column 2 of the header has no name: give it one, or delete the column.",
        "a.csv", lambda content: content.replace(b",,", b",n,"), "",
    ),
    "lines that end with CR": (
        "a.csv", PLAIN.replace(b"\n", b"\r"),
        "has a CR within a line: end lines with LF or CRLF.",
        "a.csv", lambda content: content.replace(b"\r", b"\n"), "",
    ),
    "an unknown name of the address": (
        "a.csv", b"Contact,firstName\na@x.io,Ann\n", "name one with --map THEIRS=email, or",
        "a.csv", same, "--map=Contact=email",
    ),
    "UTF-16 without a mark": (
        "a.csv", PLAIN.decode().encode("utf-16-le"),
        "looks like UTF-16: give --encoding utf-16-le or utf-16-be.",
        "a.csv", same, "--encoding=utf-16-le",
    ),
    "a workbook named .csv": (
        "a.csv", PEOPLE_BOOK, "is an archive or a workbook: name it .zip or .xlsx.",
        "a.xlsx", same, "",
    ),
    "an archive named .csv": (
        "a.csv", zipped(a__csv=PLAIN), "is an archive or a workbook: name it .zip or .xlsx.",
        "a.zip", same, "",
    ),
    "CSV named .xlsx": (
        "a.xlsx", PLAIN, "if it is CSV, name it .csv.", "a.csv", same, "",
    ),
    "a compressed file named .csv": (
        "a.csv", gzip.compress(PLAIN), "is compressed: name it .gz, such as people.csv.gz.",
        "a.csv.gz", same, "",
    ),
    "a file named .gz that is not compressed": (
        "a.csv.gz", PLAIN, "If it is not compressed, name it without .gz.", "a.csv", same, "",
    ),
    "a compressed file that is cut": (
        "a.csv.gz", gzip.compress(PLAIN)[:-12], "It is cut: copy or download it again.",
        "a.csv.gz", lambda _: gzip.compress(PLAIN), "",
    ),
    "a workbook of old Excel": (
        "a.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600),
        "is a workbook that is not read: save it as .xlsx or CSV in a spreadsheet.",
        "a.xlsx", lambda _: PEOPLE_BOOK, "",
    ),
    "a workbook of old Excel named .csv": (
        "a.csv", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600),
        "is a workbook of old Excel: save it as .xlsx or CSV.",
        "a.xlsx", lambda _: PEOPLE_BOOK, "",
    ),
    "a web page that a product calls a table": (
        "a.csv", b"<html><table><tr><td>email</td></tr></table></html>",
        "is a web page or XML: open it in a spreadsheet, and save it as .xlsx or CSV.",
        "a.csv", lambda _: PLAIN, "",
    ),
    "a title above the header of a sheet": (
        "a.xlsx", workbook(["Customers 2024"], ["email", "firstName"], ["a@x.io", "Ann"]),
        "Line 2 looks like the header: delete the lines before it.",
        "a.xlsx", lambda _: PEOPLE_BOOK, "",
    ),
    "a formula that nothing has calculated": (
        "a.xlsx", workbook(["email", "status"], ["a@x.io", '=IF(1=1,"bounced","active")']),
        "the formula in cell B2 has no value. Open it in a spreadsheet and save it there, or",
        "a.xlsx", lambda _: PEOPLE_BOOK, "",
    ),
    "an archive in an archive": (
        "a.zip", zipped(left__zip=zipped(left__csv=PLAIN), a__csv=PLAIN),
        "left.zip, which is not read inside an archive: unpack it first",
        "a.zip", lambda _: zipped(left__csv=PLAIN), "",
    ),
    "an empty file": (
        "a.csv", b"\xef\xbb\xbf\r\n", "is empty: its first line must name the columns.",
        "a.csv", lambda _: PLAIN, "",
    ),
    "a header alone that names nobody": (
        "a.csv", b"firstName,lastName\n", "no column is email or externalId",
        "a.csv", lambda _: PLAIN, "",
    ),
    "one word that says who left": (
        "a.csv", b"email,firstName,State\na@x.io,Ann,Unsubscribed\nb@x.io,Bob,\n",
        "Give --map State=status, or leave it out with --ignore-column State.",
        "a.csv", lambda _: PLAIN, "",
    ),
}  # fmt: skip


@pytest.mark.parametrize("label", REFUSED)
def test_what_the_refusal_says_works(tmp_path: Path, label: str) -> None:
    name, content, words, other_name, changed, option = REFUSED[label]

    ended = came(tmp_path, content, name=name)

    assert ended.code == 2
    assert words in ended.said
    assert not ImportRun.objects.exists()
    again = came(tmp_path, changed(content), *filter(None, [option]), name=other_name)
    assert again.code == 0, again.said
    assert everybody() == [ANN]


def test_one_letter_of_another_encoding_in_line_9000(tmp_path: Path) -> None:
    content = LATE + "z@x.io,Zoë\n".encode("cp1252")

    ended = came(tmp_path, content)

    assert ended.code == 2
    assert "line 9002: is not UTF-8. It may be cp1252, and then has: Zoë." in ended.said
    assert not ImportRun.objects.exists()
    found = re.search(r"give (--encoding \S+);", ended.said)
    assert found is not None
    assert came(tmp_path, content, "--quiet", *found[1].split()).code == 0
    assert Subscriber.objects.count() == 9_001
    assert Subscriber.objects.get(email="z@x.io").first_name == "Zoë"


def test_a_file_of_an_archive_can_be_given_by_itself(tmp_path: Path) -> None:
    content = zipped(left__zip=zipped(left__csv=PLAIN), a__csv=PLAIN)

    ended = came(tmp_path, content, name="a.zip")

    found = re.search(r"or give (\S+) by itself,", ended.said)
    assert found is not None
    assert came(tmp_path, b"email,firstName\nb@x.io,Bob\n", more=found[1]).code == 0
    assert Subscriber.objects.count() == 2


def test_a_bomb_is_refused_unread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpacking, "MOST_UNPACKED_BYTES", 1_000_000)
    content = zipped(a__csv=PLAIN + bytes(500_000), b__csv=bytes(600_000))

    ended = came(tmp_path, content, name="a.zip")

    assert ended.code == 2
    assert "unpacks to 1,100,027 bytes; at most 1,000,000 are read." in ended.said


@pytest.mark.parametrize("header", ["plan", "State"])
def test_one_word_that_stops_no_mail_is_no_reason_to_refuse(tmp_path: Path, header: str) -> None:
    content = f"email,firstName,{header}\na@x.io,Ann,active\n".encode()

    assert came(tmp_path, content).code == 0

    assert everybody() == [ANN]


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl"])
def test_columns_that_nobody_looks_at_refuse_the_file(tmp_path: Path, name: str) -> None:
    """One of them may say who left."""
    names = ["email", *(f"c{number}" for number in range(1, survey.MOST_COLUMNS))]
    said = {"State": "Unsubscribed"}
    row = dict.fromkeys(names, "1") | {"email": "a@x.io"}
    table = f"{','.join([*row, *said])}\n{','.join([*row.values(), *said.values()])}\n"
    content = table if name == "a.csv" else f"{json.dumps(row | said)}\n"

    ended = came(tmp_path, content.encode(), name=name)

    assert ended.code == 2
    assert "has more than 2,000" in ended.said
    assert not ImportRun.objects.exists()
