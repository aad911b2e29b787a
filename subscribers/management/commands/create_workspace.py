"""`create_workspace NAME`: creates a workspace and prints its slug."""

from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from subscribers.services.workspaces import workspaces


class Command(BaseCommand):
    help = "Create a workspace; prints its slug."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", metavar="NAME", help="Shown to people who get mail.")
        parser.add_argument("--slug", default="", help="Short name; made from NAME when absent.")
        parser.add_argument(
            "--double-opt-in", action="store_true", help="New people must confirm their address."
        )
        parser.add_argument(
            "--default-list",
            action="append",
            default=[],
            metavar="NAME",
            help="A list that new people join; may be given several times.",
        )
        parser.add_argument(
            "--from-email", default="", metavar="ADDRESS", help="The address that mail comes from."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            workspace = workspaces.create(
                name=options["name"].strip(),
                slug=options["slug"],
                double_opt_in=options["double_opt_in"],
                from_email=options["from_email"],
                default_lists=options["default_list"],
            )
        except ValidationError as error:
            faults = [f"{name}: {' '.join(words)}" for name, words in error.message_dict.items()]
            raise CommandError("; ".join(faults)) from error
        except workspaces.SlugTaken as error:
            raise CommandError(str(error)) from error
        self.stdout.write(workspace.slug)
