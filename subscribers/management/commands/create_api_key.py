"""`create_api_key --workspace SLUG`: creates a key and prints it, once."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from subscribers.management import people
from subscribers.models.api_key import Scope
from subscribers.services.workspaces import api_keys


class Command(BaseCommand):
    help = "Create an API key; prints the key and nothing else."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--workspace", required=True, metavar="SLUG")
        parser.add_argument("--name", default="API key", help="Which application uses it.")
        parser.add_argument(
            "--scope",
            action="append",
            default=[],
            choices=Scope.values,
            metavar="SCOPE",
            help="What it may do; may be given several times. None: everything. One of: "
            + ", ".join(Scope.values),
        )
        parser.add_argument(
            "--test",
            action="store_true",
            help="Enrollments it starts send no mail and call no webhook. Cannot be changed.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        workspace = people.workspace_of(slug=options["workspace"])
        name = options["name"].strip()
        if not 1 <= len(name) <= 200:  # noqa: PLR2004 - the column's length
            raise CommandError("--name must have 1-200 characters.")
        created = api_keys.create(
            workspace=workspace,
            name=name,
            scopes=[Scope(scope) for scope in options["scope"]] or None,
            is_test=options["test"],
        )
        self.stdout.write(created.text)
