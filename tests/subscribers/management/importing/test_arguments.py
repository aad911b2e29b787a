"""Tests of what the imports refuse before they begin: usage, exit code 2."""

import gzip
import os
from pathlib import Path

import pytest

from subscribers.models import ImportRun, Workspace
from tests.support.tags_in import Ran

pytestmark = pytest.mark.django_db


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A file of one tag."""
    path = tmp_path / "tags.csv"
    path.write_text("tag\none\n")
    return path


def refused(*arguments: str | Path) -> str:
    """Run a command that is not to begin; return what it says."""
    ran = Ran(*map(str, arguments))
    assert ran.code == 2
    assert not ImportRun.objects.exists()
    return ran.error


def test_an_unknown_workspace(source: Path) -> None:
    said = refused(source, "--workspace", "nowhere")

    assert said == "--workspace: there is no workspace with the slug 'nowhere'."


def test_a_file_that_is_not_there(tmp_path: Path, workspace: Workspace) -> None:
    said = refused(tmp_path / "nowhere.csv", "--workspace", workspace.slug)

    assert said.endswith("nowhere.csv cannot be read: No such file or directory.")


def test_a_file_in_utf_16(source: Path, workspace: Workspace) -> None:
    source.write_text("tag\none\n", encoding="utf-16-le")

    assert "--encoding utf-16-le" in refused(source, "--workspace", workspace.slug)


def test_a_header_in_another_encoding(source: Path, workspace: Workspace) -> None:
    source.write_text("tag;Straße;Größe\none;a;b\n", encoding="cp1252")

    said = refused(source, "--workspace", workspace.slug)

    assert "line 1: is not UTF-8. It may be cp1252, and then has: Straße, Größe." in said
    assert "give --encoding cp1252;" in said


def test_a_column_without_a_name(source: Path, workspace: Workspace) -> None:
    source.write_text("tag;;name;\none;;a;\n")

    said = refused(source, "--workspace", workspace.slug)

    assert said.endswith("column 2 of the header has no name: give it one, or delete the column.")


def test_a_format_that_nothing_says(workspace: Workspace) -> None:
    said = refused("-", "--workspace", workspace.slug)

    assert "give --format csv or --format jsonl" in said


def test_the_standard_input_twice(workspace: Workspace) -> None:
    said = refused("-", "-", "--format", "csv", "--workspace", workspace.slug)

    assert said == "FILE: the standard input (-) can be read only once."


@pytest.mark.parametrize("text", ["email", "=email", "mail=", " = "])
def test_a_map_that_is_none(source: Path, workspace: Workspace, text: str) -> None:
    said = refused(source, "--workspace", workspace.slug, "--map", text)

    assert said == f"--map: {text!r} is not THEIRS=OURS."


def test_a_dry_run_that_is_to_be_resumed(source: Path, workspace: Workspace) -> None:
    said = refused(source, "--workspace", workspace.slug, "--dry-run", "--resume")

    assert said.startswith("--resume: a dry run is never stored")


def test_rejects_in_the_file_that_is_imported(source: Path, workspace: Workspace) -> None:
    os.link(source, source.with_name("same.csv"))

    said = refused(source, "--workspace", workspace.slug, "--rejects", source.with_name("same.csv"))

    assert said == "--rejects: this is the file that is imported; name another one."
    assert source.read_text() == "tag\none\n"


def test_rejects_in_a_file_that_is_there_already(source: Path, workspace: Workspace) -> None:
    mended = source.with_name("mended.csv")
    mended.write_text("somebody's work")

    said = refused(source, "--workspace", workspace.slug, "--rejects", mended)

    assert said == f"--rejects: {mended} exists already; name another file, or --resume."
    assert mended.read_text() == "somebody's work"


def test_rejects_in_a_folder_that_is_not_there(source: Path, workspace: Workspace) -> None:
    ran = Ran(str(source), "--workspace", workspace.slug, "--rejects", "/nowhere/r.csv")

    assert ran.code == 2
    assert ran.error == "--rejects: /nowhere/r.csv cannot be written: No such file or directory."
    assert ImportRun.objects.get().status == "failed"


def test_rejects_of_another_format(source: Path, workspace: Workspace) -> None:
    said = refused(source, "--workspace", workspace.slug, "--rejects", "rejects.jsonl")

    assert said == "--rejects: the name must end in .csv, as the rows' format is."


def test_rejects_of_files_of_both_formats(source: Path, workspace: Workspace) -> None:
    other = source.with_suffix(".jsonl.gz")
    other.write_bytes(gzip.compress(b'{"tag":"two"}\n'))

    said = refused(source, other, "--workspace", workspace.slug, "--rejects", "r.csv")

    assert said.startswith("--rejects: the files must be all CSV or all JSONL")


@pytest.mark.parametrize("name", ["nothing", "base64", "idna", "punycode"])
def test_an_encoding_that_no_file_can_have(source: Path, workspace: Workspace, name: str) -> None:
    ran = Ran(str(source), "--workspace", workspace.slug, "--encoding", name)

    assert ran.error.endswith(f"{name!r} is no encoding; give one such as cp1252.")
