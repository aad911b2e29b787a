"""The file of a backup: a tar of `manifest.json`, `database` and `secret_key`, in this order.

The manifest names the size and SHA-256 of the others, which are checked as they are read. It is
written and read as a stream, so it may come from a pipe.
"""

import hashlib
import io
import tarfile
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO, Annotated

import msgspec

from config.env import SHORTEST_SECRET_KEY

FORMAT = 1
MANIFEST, DATABASE, SECRET_KEY = "manifest.json", "database", "secret_key"
# No manifest or key is larger; more is not read into memory.
MOST_BYTES = 1024 * 1024
BLOCK = 1024 * 1024
# What `tarfile` reads between two parts: headers, and what it reads ahead. Python takes a header
# of any length into memory.
MOST_BYTES_OF_HEADERS = 2 * tarfile.RECORDSIZE
# What is shown on a terminal.
PLAIN = msgspec.Meta(pattern=r"\A[\w.+-]{1,200}\Z")
A_DAY = timedelta(days=1)
# Python's `tarfile` raises ValueError, too, for headers that no program writes.
UNREADABLE = (
    tarfile.TarError, EOFError, ValueError, OverflowError, msgspec.MsgspecError, RecursionError
)  # fmt: skip


class BadBackup(ValueError):
    """The file is not a backup, is damaged, or is of a format that this version does not know."""

    code = "BAD_BACKUP"


class Part(msgspec.Struct):
    bytes: int
    sha256: str


class Manifest(msgspec.Struct, kw_only=True):
    """What a backup holds; `migrations` are `app.name`, `files` are the parts by name."""

    made_at: Annotated[datetime, msgspec.Meta(tz=True)]
    version: Annotated[str, PLAIN]
    database: Annotated[str, PLAIN]
    migrations: list[Annotated[str, PLAIN]]
    files: dict[str, Part]
    format: Annotated[int, msgspec.Meta(ge=1, le=1000)] = FORMAT


def part_of(content: IO[bytes]) -> Part:
    """Return size and checksum of a file that is read to its end."""
    digest = hashlib.sha256()
    size = 0
    while block := content.read(BLOCK):
        digest.update(block)
        size += len(block)
    return Part(size, digest.hexdigest())


def write(*, to: IO[bytes], manifest: Manifest, database: Path, secret_key: bytes) -> None:
    with tarfile.open(fileobj=to, mode="w|") as tar, database.open("rb") as content:
        _add(tar, MANIFEST, io.BytesIO(msgspec.json.encode(manifest)))
        _add(tar, DATABASE, content)
        _add(tar, SECRET_KEY, io.BytesIO(secret_key))


class Bounded(io.RawIOBase):
    """A source of which no more is read than `left`; None is no bound."""

    def __init__(self, source: IO[bytes]) -> None:
        self._source = source
        self.left: int | None = MOST_BYTES_OF_HEADERS

    def read(self, size: int = -1, /) -> bytes:
        if self.left is not None:
            self.left -= size
            if self.left < 0:
                raise tarfile.ReadError("The headers are too large.")
        return self._source.read(size)


class Reader:
    """Reads a backup from its beginning to its end. Every method raises `BadBackup`."""

    def __init__(self, source: IO[bytes]) -> None:
        self._source = Bounded(source)
        try:
            self._tar = tarfile.open(fileobj=self._source, mode="r|")  # noqa: SIM115 - read in parts
            text = self._next(MANIFEST).read(MOST_BYTES)
            self.manifest = msgspec.json.decode(text, type=Manifest)
            # In every time zone it is still a date.
            _ = self.manifest.made_at - A_DAY, self.manifest.made_at + A_DAY
        except UNREADABLE as error:
            raise BadBackup("This is not a backup of Cueline.") from error
        if self.manifest.format != FORMAT:
            raise BadBackup(f"The backup has format {self.manifest.format}, not {FORMAT}.")

    def read(self, *, database: Path) -> str:
        """Write the database to a file, and return the secret key."""
        try:
            with database.open("wb") as file:
                content = self._next(DATABASE)
                while block := content.read(BLOCK):
                    file.write(block)
            secret_key = self._next(SECRET_KEY).read(MOST_BYTES)
        except UNREADABLE as error:
            raise BadBackup("The backup is damaged, or ends too early.") from error
        with database.open("rb") as file:
            self._check(DATABASE, part_of(file))
        self._check(SECRET_KEY, part_of(io.BytesIO(secret_key)))
        try:
            text = secret_key.decode()
        except UnicodeDecodeError:
            text = ""
        if len(text.strip()) < SHORTEST_SECRET_KEY:
            raise BadBackup("The backup's secret key cannot be used.")
        return text

    def _next(self, name: str) -> IO[bytes]:
        """Return the next part, which is stored as it is: a sparse file has gaps of any size."""
        self._source.left = MOST_BYTES_OF_HEADERS
        member = self._tar.next()
        self._source.left = None
        if member and member.name == name and member.isreg() and not member.issparse():
            content = self._tar.extractfile(member)
            if content:
                return content
        raise tarfile.ReadError(f"{name} is missing.")

    def _check(self, name: str, found: Part) -> None:
        if self.manifest.files.get(name) != found:
            raise BadBackup(f"The backup is damaged: {name} differs from its checksum.")


def _add(tar: tarfile.TarFile, name: str, content: IO[bytes]) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = content.seek(0, io.SEEK_END)
    content.seek(0)
    entry.mode = 0o600
    tar.addfile(entry, content)
