"""`export_subscriber PERSON`: prints everything that is known of one person, as JSON."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from events.services.people import document
from subscribers.management import people
from subscribers.management.exporting.endings import early_endings
from subscribers.management.exporting.output import STANDARD_OUTPUT, opened


class Command(BaseCommand):
    help = (
        "Print everything that is known of one person as one JSON document: profile, consent, "
        "events with their effects, sequences, mails."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        people.add_to(parser)
        parser.add_argument(
            "file",
            nargs="?",
            default=STANDARD_OUTPUT,
            metavar="FILE",
            help="The file to write; without it, or -: standard output.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        person = people.named_by(options)
        name: str = options["file"]
        with (
            early_endings(name=name, say=self.stderr.write),
            opened(name=name, standard_output=self.stdout) as sink,
        ):
            for chunk in document.chunks(subscriber=person, now=timezone.now()):
                sink.write(chunk)
