"""`restore FILE`: brings a backup back, on hold: it sends nothing until `resume`."""

import os
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection
from django.db.migrations.loader import MigrationLoader

from config import up_lock
from config.management.backups import archive, databases
from config.management.backups.faults import CannotCopy
from config.readable import moment
from subscribers.management import asking_first
from subscribers.services.workspaces import installation

STREAM = "-"
OTHER_KEY = (
    "SECRET_KEY is set, and it is not the backup's: links in mails that were sent, and the queue, "
    "need that one. Set it to the backup's (tar -xOf FILE secret_key), or remove it."
)


class Command(BaseCommand):
    help = (
        "Bring a backup back into an empty database. Until manage.py resume it sends no mail, calls"
        " no webhook and takes no imports."
    )
    # The checks need the tables.
    requires_system_checks = []  # noqa: RUF012 - Django declares it on the instance

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", metavar="FILE", help="A backup; - is standard input.")
        parser.add_argument(
            "--replace", action="store_true", help="Delete what the database has now."
        )
        parser.add_argument(
            "--trusted",
            action="store_true",
            help="The backup is your own: restore its triggers, functions and views, too.",
        )
        asking_first.add_to(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            with ExitStack() as opened:
                self._restore(opened, options)
        except (archive.BadBackup, CannotCopy, up_lock.AlreadyRuns) as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(f"The backup is not restored: {error}.") from error

    def _restore(self, opened: ExitStack, options: dict[str, Any]) -> None:
        settings.DATA_DIR.mkdir(mode=0o700, parents=True, exist_ok=True)
        opened.enter_context(up_lock.claim(folder=settings.DATA_DIR, url=settings.PUBLIC_URL))
        backup = archive.Reader(_open(opened, options["file"]))
        missing = _check_origin(backup.manifest)
        if databases.tables():
            _ask_to_replace(options)
        folder = opened.enter_context(
            tempfile.TemporaryDirectory(dir=settings.DATA_DIR, prefix=".restore-")
        )
        database = Path(folder) / archive.DATABASE
        secret_key = backup.read(database=database)
        is_set = bool(os.environ.get("SECRET_KEY"))
        if is_set and secret_key != settings.SECRET_KEY:
            raise CommandError(OTHER_KEY)
        draft = _draft_of(secret_key, Path(folder) / archive.SECRET_KEY)
        databases.restore(
            database=database,
            fingerprint=installation.fingerprint_of(secret_key),
            is_trusted=options["trusted"],
        )
        if not is_set:
            _put_key(draft, settings.DATA_DIR / "secret_key")
        self.stdout.write(
            f"Restored: the backup of {moment(backup.manifest.made_at)}, made by version"
            f" {backup.manifest.version}.\nIt is on hold: no mail, no webhook, no import. "
            f"{'Run manage.py migrate. ' if missing else ''}Start it, cancel in Outbox and"
            " Enrollments what was sent after the backup, then run manage.py resume."
        )


def _open(opened: ExitStack, name: str) -> IO[bytes]:
    return sys.stdin.buffer if name == STREAM else opened.enter_context(Path(name).open("rb"))


def _check_origin(manifest: archive.Manifest) -> bool:
    """Refuse another kind of database and a newer version; tell whether the backup's is older."""
    if manifest.database != connection.vendor:
        raise CommandError(
            f"This is a backup of {manifest.database}, and DATABASE_URL names {connection.vendor}:"
            " only the same kind can be restored."
        )
    known = {f"{app}.{name}" for app, name in MigrationLoader(None).disk_migrations}
    if ahead := sorted(set(manifest.migrations) - known):
        raise CommandError(
            f"The backup was made by version {manifest.version}, which is newer than this code"
            f" ({ahead[0]} is unknown here): restore it with that version."
        )
    return bool(known - set(manifest.migrations))


def _ask_to_replace(options: dict[str, Any]) -> None:
    name = connection.settings_dict["NAME"]
    if not options["replace"]:
        raise CommandError(f"The database {name} is not empty: give --replace to delete it.")
    if options["file"] == STREAM and not options["yes"]:
        raise CommandError("The backup comes by standard input: give --yes to replace.")
    question = f"Delete all tables of the database {name}, and restore the backup?"
    asking_first.make_sure(question=question, is_sure=options["yes"])


def _draft_of(secret_key: str, draft: Path) -> Path:
    """Write the key to a file, before the database is replaced: the disk may be full."""
    draft.touch(mode=0o600)
    draft.write_text(secret_key, encoding="utf-8")
    return draft


def _put_key(draft: Path, path: Path) -> None:
    """Put the key where the settings read it; it appears whole.

    Last: until then a restore that fails, or breaks off, leaves the key of what was here before.
    Between tables and key no worker starts, because the tables name the backup's key.
    """
    try:
        draft.replace(path)
    except OSError as error:
        raise CommandError(
            f"The tables are restored, but the secret key is not in {path} ({error.strerror}), and "
            "no worker starts without it. Write it there (tar -xOf FILE secret_key prints it)."
        ) from error
