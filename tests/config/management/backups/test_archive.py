"""The file of a backup: whole, or refused with a sentence."""

import io
import json
import tarfile
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from config.management.backups import archive
from config.management.backups.archive import BadBackup, Manifest, Reader

KEY = b"a key that nobody else has, and that is long enough: 0123456789"
ROWS = b"rows" * 50_000


def made(tmp_path: Path, *, key: bytes = KEY) -> bytes:
    """Return a backup that is good but for what is given."""
    database = tmp_path / "rows"
    database.write_bytes(ROWS)
    parts = {
        archive.DATABASE: archive.part_of(io.BytesIO(ROWS)),
        archive.SECRET_KEY: archive.part_of(io.BytesIO(key)),
    }
    manifest = Manifest(
        made_at=datetime(2026, 11, 24, 12, tzinfo=UTC),
        version="0.2.0",
        database="sqlite",
        migrations=["events.0001_tables"],
        files=parts,
    )
    written = io.BytesIO()
    archive.write(to=written, manifest=manifest, database=database, secret_key=key)
    return written.getvalue()


@pytest.fixture
def content(tmp_path: Path) -> bytes:
    return made(tmp_path)


def read(content: bytes, tmp_path: Path) -> tuple[Manifest, str, bytes]:
    reader = Reader(io.BytesIO(content))
    key = reader.read(database=tmp_path / "read")
    return reader.manifest, key, (tmp_path / "read").read_bytes()


def test_what_was_written_is_read(content: bytes, tmp_path: Path) -> None:
    manifest, key, rows = read(content, tmp_path)

    assert (key.encode(), rows) == (KEY, ROWS)
    assert (manifest.version, manifest.migrations) == ("0.2.0", ["events.0001_tables"])


@pytest.mark.parametrize("length", [0, 100, 2000, 100_000])
def test_a_backup_that_ends_early_is_refused(content: bytes, tmp_path: Path, length: int) -> None:
    with pytest.raises(BadBackup):
        read(content[:length], tmp_path)


def test_a_changed_byte_is_noticed(content: bytes, tmp_path: Path) -> None:
    with pytest.raises(BadBackup, match="database differs from its checksum"):
        read(content.replace(b"rowsrows", b"rowsRows", 1), tmp_path)
    with pytest.raises(BadBackup, match="secret_key differs from its checksum"):
        read(content.replace(KEY, KEY[::-1]), tmp_path)


def test_another_format_and_other_files_are_refused(content: bytes, tmp_path: Path) -> None:
    later = content.replace(b'"format":1', b'"format":2')

    with pytest.raises(BadBackup, match="format 2, not 1"):
        read(later, tmp_path)
    with pytest.raises(BadBackup, match="not a backup of Cueline"):
        read(b"PK\3\4" + bytes(2000), tmp_path)


def test_a_manifest_is_json_that_people_can_read(content: bytes) -> None:
    text = content[512 : content.index(b"\0", 512)]

    assert msgspec.json.decode(text)["files"]["database"]["bytes"] == len(ROWS)


@pytest.mark.parametrize("key", [b"", b"too short", b"\xff\xfe" * 30, b" " * 60])
def test_a_key_that_no_process_could_start_with_is_refused(tmp_path: Path, key: bytes) -> None:
    with pytest.raises(BadBackup, match="secret key cannot be used"):
        read(made(tmp_path, key=key), tmp_path)


@pytest.mark.parametrize(
    "manifest",
    [
        b'{"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        json.dumps({"made_at": "2026-11-24T12:00:00"}).encode(),
        json.dumps({"version": "\x1b[2J", "made_at": "2026-11-24T12:00:00Z"}).encode(),
    ],
)
def test_a_manifest_of_nobodys_making_is_refused(
    content: bytes, tmp_path: Path, manifest: bytes
) -> None:
    whole = json.loads(msgspec.json.encode(Reader(io.BytesIO(content)).manifest))
    text = manifest if b"[[" in manifest else json.dumps(whole | json.loads(manifest)).encode()
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w|") as tar:
        entry = tarfile.TarInfo(archive.MANIFEST)
        entry.size = len(text)
        tar.addfile(entry, io.BytesIO(text))

    with pytest.raises(BadBackup, match="not a backup of Cueline"):
        Reader(io.BytesIO(written.getvalue()))
