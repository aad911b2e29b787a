"""Tests of files of rejects: complete, safe to open, mended and imported again, in step."""

import csv
import json
from pathlib import Path

import pytest

from subscribers.models import ImportRun, Workspace
from tests.support.tags_in import ImportTags, Ran, tag_names

pytestmark = pytest.mark.django_db


def lines_of(path: Path) -> list[list[str]]:
    """Return a CSV file's rows."""
    with path.open(newline="", encoding="utf-8", errors="surrogateescape") as file:
        return list(csv.reader(file))


def run(source: Path, workspace: Workspace, rejects: Path, *more: str) -> Ran:
    """Import a file with rejects."""
    return Ran(str(source), "--workspace", workspace.slug, "--rejects", str(rejects), *more)


def test_rejects_have_the_rows_columns_and_the_error(tmp_path: Path, workspace: Workspace) -> None:
    source, rejects = tmp_path / "tags.csv", tmp_path / "rejects.csv"
    source.write_bytes(
        b'note,tag\n=1+1,\nok,one\nbad\xfc,two\nfew\nmany,three,more,"and, more"\n'
        b'open,"quote\nlast,\n'
    )

    ran = run(source, workspace, rejects, "--json", "--encoding=utf-8")

    assert (ran.code, ran.result["rows"], ran.result["rejected"]) == (3, 7, 6)
    assert lines_of(rejects) == [
        ["error", "note", "tag"],
        ["line 2: tag is needed.", "'=1+1", ""],
        ["line 4: note is not UTF-8.", "bad\udcfc", "two"],
        ["line 5: row has 1 cells; the header has 2.", "few"],
        ["line 6: row has 4 cells; the header has 2.", "many", "three", "more", "and, more"],
        ["line 7: row opens a quote that is not closed.", 'open,"quote'],
        ["line 8: tag is needed.", "last", ""],
    ]


def test_mended_rejects_are_imported(tmp_path: Path, workspace: Workspace) -> None:
    source, rejects = tmp_path / "tags.csv", tmp_path / "rejects.csv"
    source.write_text("tag,note\none,=a\n,=b\n")
    run(source, workspace, rejects)

    mended = tmp_path / "mended.csv"
    mended.write_text(rejects.read_text().replace(",,'=b", ",two,'=b"))
    ran = run(mended, workspace, tmp_path / "again.csv")

    assert ran.code == 0
    assert tag_names() == {"one", "two"}


def test_rejects_of_rejects_have_one_error(tmp_path: Path, workspace: Workspace) -> None:
    source, again = tmp_path / "rejects.csv", tmp_path / "again.csv"
    source.write_text("error,tag,note\nline 9: old,,a\nline 10: old,b\n")

    run(source, workspace, again)

    assert lines_of(again) == [
        ["error", "tag", "note"],
        ["line 2: tag is needed.", "", "a"],
        ["line 3: row has 2 cells; the header has 3.", "b"],
    ]


def test_rejects_of_json_are_json(tmp_path: Path, workspace: Workspace) -> None:
    source, rejects = tmp_path / "tags.jsonl", tmp_path / "rejects.jsonl"
    source.write_bytes(
        b'{"tag":"one"}\n{"tag":"","n":{"a":[1]},"error":"old"}\n{"tag":\n'
        b'{"tag":"","half":"\\ud800"}\n\xff\n'
    )

    ran = run(source, workspace, rejects, "--encoding=utf-8")

    assert ran.code == 3
    assert [json.loads(line) for line in rejects.read_text().splitlines()] == [
        {"error": "line 2: tag is needed.", "tag": "", "n": {"a": [1]}},
        {
            "error": "line 3: row is not JSON: Expecting value (column 8).",
            "row": '{"tag":',
        },
        {"error": "line 4: tag is needed.", "tag": "", "half": "\ud800"},
        {"error": "line 5: row is not UTF-8 (column 1).", "row": "\N{REPLACEMENT CHARACTER}"},
    ]


def test_files_with_other_columns_share_a_file_of_rejects(
    tmp_path: Path, workspace: Workspace
) -> None:
    first, second, rejects = tmp_path / "a.csv", tmp_path / "b.csv", tmp_path / "rejects.csv"
    first.write_text("tag,note\n,a\n")
    second.write_text("hint,tag\nb,\nc\n")

    Ran(str(first), str(second), "--workspace", workspace.slug, "--rejects", str(rejects))

    assert lines_of(rejects) == [
        ["error", "tag", "note", "hint"],
        [f"{first} line 2: tag is needed.", "", "a"],
        [f"{second} line 2: tag is needed.", "", "", "b"],
        [f"{second} line 3: row has 1 cells; the header has 2.", "", "", "c"],
    ]


def test_resuming_cuts_off_what_was_not_stored_and_goes_on(
    tmp_path: Path, workspace: Workspace
) -> None:
    source, rejects = tmp_path / "tags.csv", tmp_path / "rejects.csv"
    source.write_text('tag\n""\none\n""\ntwo\n')
    batches = iter(range(1, 10))

    def break_down() -> None:
        if next(batches) == 2:
            raise OSError("no space left")

    failed = Ran(
        str(source),
        "--workspace",
        workspace.slug,
        "--rejects",
        str(rejects),
        command=ImportTags(break_down),
    )
    kept = rejects.read_bytes()
    with rejects.open("ab") as file:
        file.write(b"written, and then killed before the commit\n")
    resumed = run(source, workspace, rejects, "--resume", "--json")

    assert failed.code == 1
    assert ImportRun.objects.get().rejects_bytes == rejects.stat().st_size
    assert kept.endswith(b"\r\n")
    assert (resumed.code, resumed.result["rejected"]) == (3, 2)
    assert lines_of(rejects) == [
        ["error", "tag"],
        ["line 2: tag is needed.", ""],
        ["line 4: tag is needed.", ""],
    ]


def test_a_file_of_rejects_that_was_cut_is_not_gone_on_with(
    tmp_path: Path, workspace: Workspace
) -> None:
    source, rejects = tmp_path / "tags.csv", tmp_path / "rejects.csv"
    source.write_text('tag\n""\none\n""\ntwo\n')
    batches = iter(range(1, 10))

    def break_down() -> None:
        if next(batches) == 2:
            raise OSError("no space left")

    command = ImportTags(break_down)
    Ran(str(source), "--workspace", workspace.slug, "--rejects", str(rejects), command=command)
    rejects.write_bytes(b"")

    ran = run(source, workspace, rejects, "--resume")

    assert ran.code == 2
    assert "is shorter than when the import was broken off" in ran.error


ENCODINGS = ["utf-8", "cp1252", "utf-8-sig", "utf-16", "utf-16-be"]


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_rejects_open_as_the_file_does(tmp_path: Path, workspace: Workspace, encoding: str) -> None:
    source, rejects = tmp_path / "tags.csv", tmp_path / "rejects.csv"
    # More than a batch.
    source.write_text("tag;note\n;Zoë, a\ntoo;many;cells\n;c\n", encoding=encoding)

    run(source, workspace, rejects, f"--encoding={encoding}")

    assert rejects.read_text(encoding=encoding).splitlines() == [
        "error;tag;note",
        "line 2: tag is needed.;;Zoë, a",
        '"line 3: row has 3 cells; the header has 2.";too;many;cells',
        "line 4: tag is needed.;;c",
    ]


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_rejects_of_json_open_as_the_file_does(
    tmp_path: Path, workspace: Workspace, encoding: str
) -> None:
    source, rejects = tmp_path / "tags.jsonl", tmp_path / "rejects.jsonl"
    lines = "".join(f'{{"note":"Zoë {number}"}}\n' for number in range(3))
    source.write_text(lines, encoding=encoding)

    run(source, workspace, rejects, f"--encoding={encoding}")

    assert [json.loads(line)["note"] for line in rejects.read_text(encoding).splitlines()] == [
        "Zoë 0", "Zoë 1", "Zoë 2"
    ]  # fmt: skip


def test_a_row_keeps_its_bytes_beside_one_that_cannot_be_written(
    tmp_path: Path, workspace: Workspace
) -> None:
    # The file's name, which its error has, is in no Western encoding.
    first, second = tmp_path / "\u0391.csv", tmp_path / "b.csv"
    first.write_bytes(b"tag,note\n,Zo\xeb\n")
    second.write_bytes(b"tag,note\n,Zo\xeb \x81\n")
    rejects = tmp_path / "rejects.csv"

    more = ["--workspace", workspace.slug, "--rejects", str(rejects), "--encoding=cp1252"]
    Ran(str(first), str(second), *more)

    cells = [line.rpartition(b",")[2] for line in rejects.read_bytes().splitlines()]
    assert cells == [b"note", b"Zo\xeb", b"Zo\xeb \x81"]
