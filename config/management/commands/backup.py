"""`backup FILE`: the database and the secret key in one file, while everything runs."""

import io
import os
import sys
import tempfile
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

from config.management.backups import archive, databases
from config.management.backups.faults import CannotCopy

STREAM = "-"


class Command(BaseCommand):
    help = (
        "Write the database, as of one moment, and the secret key to a new file. Web and workers "
        "go on meanwhile. restore brings it back."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", metavar="FILE", help="A new file; - is standard output.")

    def handle(self, *args: Any, **options: Any) -> None:
        is_stream = options["file"] == STREAM
        path = None if is_stream else Path(options["file"]).absolute()
        if is_stream and sys.stdout.isatty():
            raise CommandError("A backup is no text: send it to a file or a program.")
        if path and path.exists():
            raise CommandError(f"{path} exists already.")
        try:
            with tempfile.TemporaryDirectory(dir=path and path.parent, prefix=".backup-") as folder:
                size = _write(Path(folder), path)
        except CannotCopy as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(f"The backup cannot be written: {error.strerror}.") from error
        if found := databases.not_ours():
            self.stderr.write(
                f"The database has {', '.join(found)}, which Cueline does not make: this backup is"
                " restored with --trusted.",
                self.style.WARNING,
            )
        self.stderr.write(
            f"Backup of {size / 1e6:,.1f} MB written. It holds the secret key and personal data.",
            self.style.SUCCESS,
        )


def _write(folder: Path, path: Path | None) -> int:
    """Make the parts in a private folder, then the file; returns the size of the database."""
    database, draft = folder / archive.DATABASE, folder / "backup"
    databases.dump(to=database)
    secret_key: bytes = settings.SECRET_KEY.encode()
    with database.open("rb") as content:
        parts = {archive.DATABASE: archive.part_of(content)}
    parts[archive.SECRET_KEY] = archive.part_of(io.BytesIO(secret_key))
    applied = MigrationRecorder(connection).applied_migrations()
    manifest = archive.Manifest(
        made_at=datetime.now(tz=UTC),
        version=_version(),
        database=connection.vendor,
        migrations=sorted(f"{app}.{name}" for app, name in applied),
        files=parts,
    )
    if path is None:
        archive.write(
            to=sys.stdout.buffer, manifest=manifest, database=database, secret_key=secret_key
        )
        sys.stdout.flush()
        return parts[archive.DATABASE].bytes
    with open(draft, "xb", opener=_private) as file:
        archive.write(to=file, manifest=manifest, database=database, secret_key=secret_key)
        file.flush()
        os.fsync(file.fileno())
    # Fails, unlike a rename, if the name was taken meanwhile.
    os.link(draft, path)
    return parts[archive.DATABASE].bytes


def _private(name: str, flags: int) -> int:
    return os.open(name, flags, 0o600)


def _version() -> str:
    text = (settings.BASE_DIR / "pyproject.toml").read_text()
    return str(tomllib.loads(text)["project"]["version"])
