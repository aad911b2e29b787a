"""`unlock_sign_in`: forgets wrong passwords and codes, so that nobody is refused for them."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from config.sign_in import limits


class Command(BaseCommand):
    help = "Forget the wrong passwords and codes that count now."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--name", default="", help="Of this user alone.")

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(f"{limits.unlock(name=options['name'])} forgotten.")
