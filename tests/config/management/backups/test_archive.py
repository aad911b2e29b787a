"""The file of a backup: whole, or refused with a sentence."""

import io
import json
import os
import tarfile
import tracemalloc
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

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
        json.dumps({"database": "\x1b[2J"}).encode(),
        json.dumps({"made_at": "0001-01-01T00:00:00+14:00"}).encode(),
        json.dumps({"made_at": "9999-12-31T23:59:59-14:00"}).encode(),
        b'{"format": 1' + b"0" * 400 + b"}",
        b"\xff",
    ],
)
def test_a_manifest_of_nobodys_making_is_refused(
    content: bytes, tmp_path: Path, manifest: bytes
) -> None:
    whole = json.loads(msgspec.json.encode(Reader(io.BytesIO(content)).manifest))
    try:
        text = json.dumps(whole | json.loads(manifest)).encode()
    except (RecursionError, UnicodeDecodeError):
        text = manifest
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w|") as tar:
        entry = tarfile.TarInfo(archive.MANIFEST)
        entry.size = len(text)
        tar.addfile(entry, io.BytesIO(text))

    with pytest.raises(BadBackup, match="not a backup of Cueline"):
        Reader(io.BytesIO(written.getvalue()))


def header(name: str, type_: bytes, size: int) -> bytes:
    entry = tarfile.TarInfo(name)
    entry.type, entry.size = type_, size
    return entry.tobuf(tarfile.GNU_FORMAT)


@pytest.mark.parametrize("type_", [tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME])
@pytest.mark.parametrize("comes_first", [True, False])
def test_a_huge_header_is_refused_unread(
    content: bytes, tmp_path: Path, type_: bytes, *, comes_first: bool
) -> None:
    size = 100_000_000
    file = tmp_path / "forged"
    begin = b"" if comes_first else content[: content.index(archive.DATABASE.encode() + b"\0")]
    file.write_bytes(begin + header("header", type_, size))
    os.truncate(file, size + 10_000)

    tracemalloc.start()
    try:
        with file.open("rb") as source, pytest.raises(BadBackup, match=r"not a backup|damaged"):
            Reader(source).read(database=tmp_path / "read")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert peak < size / 10


def test_a_database_that_is_larger_than_the_file_is_refused(tmp_path: Path) -> None:
    """A sparse member: a gap that takes no room in the file, and as much on the disk as it says."""
    size = 50_000_000
    zeros = archive.part_of(io.BytesIO(bytes(size)))
    whole = Reader(io.BytesIO(made(tmp_path))).manifest
    whole.files[archive.DATABASE] = zeros
    text = msgspec.json.encode(whole)
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w|") as tar:
        entry = tarfile.TarInfo(archive.MANIFEST)
        entry.size = len(text)
        tar.addfile(entry, io.BytesIO(text))
        gap = tarfile.TarInfo("gap")
        cast("dict[str, str]", gap.pax_headers).update(
            {
                "GNU.sparse.name": archive.DATABASE, "GNU.sparse.size": str(size),
                "GNU.sparse.map": f"{size},0",
            }
        )  # fmt: skip
        tar.addfile(gap)
        key = tarfile.TarInfo(archive.SECRET_KEY)
        key.size = len(KEY)
        tar.addfile(key, io.BytesIO(KEY))

    with pytest.raises(BadBackup, match="damaged"):
        read(written.getvalue(), tmp_path)

    assert not (tmp_path / "read").stat().st_size


@pytest.mark.parametrize(
    "words", [{"GNU.sparse.map": "a,b"}, {"GNU.sparse.major": "1", "GNU.sparse.minor": "0"}]
)
def test_a_header_that_python_cannot_read_is_refused(words: dict[str, str]) -> None:
    entry = tarfile.TarInfo(archive.MANIFEST)
    cast("dict[str, str]", entry.pax_headers).update(words)
    entry.size = 4
    forged = entry.tobuf(tarfile.PAX_FORMAT) + b"a\nb\n".ljust(20_000, b"\n")

    with pytest.raises(BadBackup, match="not a backup of Cueline"):
        Reader(io.BytesIO(forged))


def test_a_database_of_more_than_8_gib_can_be_read(tmp_path: Path, content: bytes) -> None:
    """Its size is in a header of its own."""
    entry = tarfile.TarInfo(archive.DATABASE)
    entry.size = 9 * 1024**3
    begin = content[: content.index(archive.DATABASE.encode() + b"\0")]
    cut_off = ROWS.ljust(2_000_000, b"\0")

    with pytest.raises(BadBackup, match="ends too early"):
        read(begin + entry.tobuf(tarfile.PAX_FORMAT) + cut_off, tmp_path)

    assert (tmp_path / "read").read_bytes().startswith(ROWS)
