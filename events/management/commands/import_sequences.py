"""`import_sequences FILE`: creates and edits the sequences that a file describes."""

import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from events.language import files
from events.services.sequences import files as sequence_files
from events.services.sequences.files import Imported
from subscribers.management import people
from subscribers.wire.payloads import InvalidRequest


class Command(BaseCommand):
    help = "Create and edit sequences from a YAML or JSON file; all of them or none."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", metavar="FILE", help="The file; - for standard input.")
        parser.add_argument("--workspace", required=True, metavar="SLUG")
        parser.add_argument(
            "--activate", action="store_true", help="Activate those that are not active."
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="Say what would change, and change nothing."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        workspace = people.workspace_of(slug=options["workspace"])
        try:
            imported = sequence_files.import_sequences(
                workspace=workspace,
                elements=files.load(_read(options["file"])),
                is_activating=options["activate"],
                now=timezone.now(),
                is_dry_run=options["dry_run"],
            )
        except files.InvalidFile as error:
            raise CommandError(str(error)) from error
        except InvalidRequest as error:
            faults = "\n".join(f"{fault.path} {fault.message}" for fault in error.faults)
            raise CommandError(f"Nothing was imported:\n{faults}") from error
        for each in imported:
            self.stdout.write(_sentence(each))
            for warning in each.warnings:
                self.stderr.write(f"{each.key}: {warning}")
        if options["dry_run"]:
            self.stdout.write("Dry run: nothing was changed.")


def _read(name: str) -> bytes:
    """Return a file's bytes, at most one more than allowed."""
    most = files.MOST_BYTES + 1
    if name == "-":
        return sys.stdin.buffer.read(most)
    try:
        with Path(name).open("rb") as file:
            return file.read(most)
    except OSError as error:
        raise CommandError(f"{name} cannot be read: {error.strerror}.") from error


def _sentence(imported: Imported) -> str:
    parts = [imported.change.value]
    if imported.is_switched_on:
        parts.append("activated")
    if imported.resumed:
        parts.append(f"{imported.resumed} waiting enrollments continue")
    return f"{imported.key}: {', '.join(parts)}"
