"""`export_subscribers [FILE]`: writes subscribers, which `import_subscribers` reads back."""

from dataclasses import replace
from typing import Any

from django.core.management.base import CommandParser

from subscribers.management import people
from subscribers.management.exporting import arguments
from subscribers.management.exporting.command import ExportCommand
from subscribers.services.people import exporting


class Command(ExportCommand):
    help = (
        "Write subscribers with their tags, lists and consent as CSV or JSONL, in the order in "
        "which they came."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        arguments.add_to(parser)
        arguments.add_times_to(parser, what="Created")
        arguments.add_people_to(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        workspace = people.workspace_of(slug=options["workspace"])
        chosen = replace(
            arguments.people_of(options, workspace),
            since=arguments.time_of(options, "since"),
            before=arguments.time_of(options, "until"),
        )
        self.export(
            options=options,
            pages=lambda: exporting.subscriber_pages(workspace=workspace, chosen=chosen),
            row_type=exporting.SubscriberRow,
            noun="subscribers",
        )
