"""What backup and restore refuse, with a sentence, before anything is changed."""

import io
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection
from pytest_django.fixtures import Settings

from config import up_lock
from config.management.backups import archive, databases
from config.management.backups.archive import Manifest
from config.management.backups.faults import CannotCopy

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def own_data_folder(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> None:
    """A folder that no process of another test can hold."""
    settings.DATA_DIR = tmp_path_factory.mktemp("data")


def make_backup(folder: Path, **changes: object) -> str:
    """Write a backup that says what the test wants of itself; its database is no database."""
    database = folder / "rows"
    database.write_bytes(b"rows")
    facts: dict[str, object] = {
        "made_at": datetime(2026, 11, 24, 12, tzinfo=UTC), "version": "9.0.0",
        "database": connection.vendor, "migrations": ["events.0001_tables"],
        "files": {
            archive.DATABASE: archive.part_of(io.BytesIO(b"rows")),
            archive.SECRET_KEY: archive.part_of(io.BytesIO(b"key")),
        },
    }  # fmt: skip
    file = folder / "backup.tar"
    with file.open("wb") as written:
        manifest = Manifest(**(facts | changes))  # type: ignore[arg-type]
        archive.write(to=written, manifest=manifest, database=database, secret_key=b"key")
    return str(file)


def test_a_backup_of_another_kind_of_database_is_refused(tmp_path: Path) -> None:
    other = "postgresql" if connection.vendor == "sqlite" else "sqlite"

    with pytest.raises(CommandError, match=f"This is a backup of {other}"):
        call_command("restore", make_backup(tmp_path, database=other))


def test_a_backup_of_a_newer_version_is_refused_by_name(tmp_path: Path) -> None:
    file = make_backup(tmp_path, migrations=["events.0001_tables", "events.0777_future"])

    with pytest.raises(CommandError, match=r"version 9\.0\.0.*events\.0777_future is unknown"):
        call_command("restore", file)


def test_a_database_that_is_not_empty_is_kept(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="is not empty: give --replace"):
        call_command("restore", make_backup(tmp_path))
    with pytest.raises(CommandError, match="no terminal to ask at"):
        call_command("restore", make_backup(tmp_path), "--replace")


def test_nothing_is_restored_into_a_folder_in_use(tmp_path: Path) -> None:
    with (
        up_lock.claim(folder=settings.DATA_DIR, url="http://127.0.0.1:8000"),
        pytest.raises(CommandError, match="already runs in this folder"),
    ):
        call_command("restore", make_backup(tmp_path))


def test_what_is_no_backup_and_what_is_no_file_are_said(tmp_path: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("hello")

    with pytest.raises(CommandError, match="not a backup of Cueline"):
        call_command("restore", str(text))
    with pytest.raises(CommandError, match="No such file"):
        call_command("restore", str(tmp_path / "none"))
    with pytest.raises(CommandError, match="exists already"):
        call_command("backup", str(text))
    with pytest.raises(CommandError, match="cannot be written: No such file"):
        call_command("backup", str(tmp_path / "none" / "file"))
    assert text.read_text() == "hello"
    assert list(tmp_path.iterdir()) == [text]


@pytest.mark.postgresql
def test_programs_that_are_missing_or_older_than_the_server_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = tmp_path / "pg_dump"

    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CannotCopy, match="pg_dump was not found: install"):
        databases.dump(to=tmp_path / "dump")
    old.write_text("#!/bin/sh\necho 'pg_dump (PostgreSQL) 9.6.24'\n")
    old.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}/bin")
    with pytest.raises(CannotCopy, match=r"older than the server \(pg_dump \(PostgreSQL\) 9"):
        databases.dump(to=tmp_path / "dump")
