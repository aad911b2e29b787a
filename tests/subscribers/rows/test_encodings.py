"""Encodings: asked for with a guess, before a row is read."""

import re
from pathlib import Path

import pytest

from subscribers.rows import blocks
from subscribers.rows.files import check_encoding, read_rows, sources_of
from subscribers.rows.row import InvalidFile


def fields_of(path: Path, *, encoding: str) -> list[object]:
    return [row.fields for row in read_rows(sources=sources_of(str(path), encoding=encoding))]


def test_another_encoding_is_asked_for_with_a_guess_and_never_half_read(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    rows = "".join(f"p{n}@x.io,Ann\n" for n in range(9000))
    path.write_bytes(f"email,name\n{rows}z@x.io,Zoë Müller\n".encode("cp1252"))
    (source,) = sources_of(str(path))

    with pytest.raises(InvalidFile, match=r"line 9002: is not UTF-8.*--encoding \S+"):
        check_encoding(source)

    assert fields_of(path, encoding="cp1252")[-1] == {"email": "z@x.io", "name": "Zoë Müller"}


@pytest.mark.parametrize(
    ("encoding", "cells"),
    [
        ("cp1252", "José;Nuñez"),
        ("cp1252", "Müller;Größe"),
        ("cp1252", "François;Élodie"),
        ("cp1252", "García;Muñoz"),
        ("cp1252", "Hélène;Mère"),
        ("cp1250", "Łukasz;Wałęsa"),
        ("cp1250", "Žofie;Šťastný"),
        ("mac_roman", "Zoë;Müller"),
        ("mac_roman", "Jörg;Größe"),
        ("cp1251", "Иван;Петров"),
        ("shift_jis", "山田;太郎;東京"),
    ],
)
@pytest.mark.parametrize("count", [1, 5])
def test_the_encoding_of_a_few_names_is_guessed(
    tmp_path: Path, encoding: str, cells: str, count: int
) -> None:
    path = tmp_path / "a.csv"
    rows = f"ann@x.io;{cells};2023-05-01\n" * count
    path.write_bytes(f"email;a;b;c;d\nb@x.io;b;b;b;b\n{rows}".encode(encoding))

    with pytest.raises(InvalidFile, match=r"line 3: is not UTF-8") as caught:
        check_encoding(sources_of(str(path))[0])

    said = str(caught.value)
    assert f"It may be {encoding}, and then has: {cells.replace(';', ', ')}. If" in said


@pytest.mark.parametrize(
    ("encoding", "cells"), [("cp1250", "Jiří, Dvořák"), ("cp1254", "Şükrü, Doğan")]
)
def test_other_alphabets_that_fit_are_shown(tmp_path: Path, encoding: str, cells: str) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f"email,a,b\na@x.io,{cells.replace(' ', '')}\n", encoding=encoding)

    with pytest.raises(InvalidFile, match="It may be cp1252") as caught:
        check_encoding(sources_of(str(path))[0])

    found = re.search(rf"It is a guess: .*as {encoding} it has ([^;]*)[;.]", str(caught.value))
    assert found is not None
    assert found[1] == cells
    first, second = cells.split(", ")
    assert fields_of(path, encoding=encoding) == [{"email": "a@x.io", "a": first, "b": second}]


@pytest.mark.parametrize("chunk", [1, 2, 3, 7])
def test_letters_on_the_edge_of_two_blocks_are_utf_8(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunk: int
) -> None:
    path = tmp_path / "a.csv"
    monkeypatch.setattr(blocks, "CHUNK_BYTES", chunk)
    path.write_text("email,name\na@x.io,Zoë 山田 🔥\n")
    (source,) = sources_of(str(path))

    check_encoding(source)
    path.write_bytes(path.read_bytes()[:-2])

    with pytest.raises(InvalidFile, match="line 2: is not UTF-8"):
        check_encoding(source)


def test_a_long_cell_is_shown_where_its_letters_are(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f"email,note\na@x.io,{'long ' * 50}über Köln\n", encoding="cp1252")

    with pytest.raises(InvalidFile, match=r"cp1252, and then has: long long long long über Köln\."):
        check_encoding(sources_of(str(path))[0])
