"""`export_events [FILE]`: writes events, which `import_events` reads back."""

from typing import Any

from django.core.management.base import CommandParser

from events.services.history import exporting
from subscribers.management import people
from subscribers.management.exporting import arguments
from subscribers.management.exporting.command import ExportCommand


class Command(ExportCommand):
    help = (
        "Write events as CSV or JSONL, person after person, as they occurred; with --name "
        "alone, name after name."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        arguments.add_to(parser)
        parser.add_argument(
            "--name",
            action="append",
            default=[],
            metavar="NAME",
            help="Only events of this name; may be given several times.",
        )
        arguments.add_times_to(parser, what="Occurred")
        arguments.add_people_to(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        workspace = people.workspace_of(slug=options["workspace"])
        chosen = exporting.Chosen(
            names=tuple(options["name"]),
            since=arguments.time_of(options, "since"),
            before=arguments.time_of(options, "until"),
            people=arguments.people_of(options, workspace),
        )
        self.export(
            options=options,
            pages=lambda: exporting.event_pages(workspace=workspace, chosen=chosen),
            row_type=exporting.ExportedEvent,
            noun="events",
        )
