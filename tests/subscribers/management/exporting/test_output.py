"""The file of an export: whole or not there, never in the place of what is no file."""

import os
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError

from subscribers.management.exporting.output import opened


def test_the_file_appears_at_the_end(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text("before")

    with opened(name=str(file), standard_output=StringIO()) as sink:
        sink.write(b"after")
        assert file.read_text() == "before"

    assert file.read_text() == "after"
    assert [each.name for each in tmp_path.iterdir()] == ["a.csv"]


def test_nothing_is_left_of_a_part(tmp_path: Path) -> None:
    output = opened(name=str(tmp_path / "a.csv.gz"), standard_output=StringIO())
    output.__enter__().write(b"half")

    output.__exit__(KeyboardInterrupt, KeyboardInterrupt(), None)

    assert list(tmp_path.iterdir()) == []


def test_a_link_stays_one_and_its_file_is_written(tmp_path: Path) -> None:
    file, link = tmp_path / "a.csv", tmp_path / "link.csv"
    link.symlink_to(file)

    with opened(name=str(link), standard_output=StringIO()) as sink:
        sink.write(b"lines")

    assert link.is_symlink()
    assert file.read_bytes() == b"lines"


def test_a_pipe_is_written_to_and_stays(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.csv"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)

    with opened(name=str(pipe), standard_output=StringIO()) as sink:
        sink.write(b"lines")

    assert os.read(reader, 100) == b"lines"
    os.close(reader)
    assert pipe.is_fifo()


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with (
        pytest.raises(CommandError, match="cannot be written: Is a directory"),
        opened(name=str(tmp_path), standard_output=StringIO()),
    ):
        pass
