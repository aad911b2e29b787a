"""`export_sequences`: prints a workspace's sequences as a file that `import_sequences` reads."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from events.language import files
from events.services.sequences import files as sequence_files
from subscribers.management import people


class Command(BaseCommand):
    help = "Print sequences as YAML: all that are not archived, or those with the keys given."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--workspace", required=True, metavar="SLUG")
        parser.add_argument(
            "--key",
            action="append",
            default=[],
            metavar="KEY",
            help="The key of a sequence; may be given several times.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        workspace = people.workspace_of(slug=options["workspace"])
        try:
            elements = sequence_files.exported(workspace=workspace, keys=options["key"])
        except sequence_files.UnknownKeys as error:
            raise CommandError(str(error)) from error
        text = files.dump(elements)
        self.stdout.write(text, ending="")
        if len(text.encode()) > files.MOST_BYTES:
            most = files.MOST_BYTES // 1024
            self.stderr.write(
                f"This is larger than the {most} KiB that an import takes: use --key."
            )
