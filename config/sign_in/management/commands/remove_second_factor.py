"""`remove_second_factor NAME`: for a user who lost the device and the recovery codes."""

from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError, CommandParser

from config.sign_in import second_factor


class Command(BaseCommand):
    help = "Remove a user's second factor."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="The user's name.")

    def handle(self, *args: Any, **options: Any) -> None:
        person = User.objects.filter(username=options["name"]).first()
        if person is None:
            raise CommandError("There is no user of this name.")
        if not second_factor.remove(person=person, by=None):
            raise CommandError("This user has no second factor.")
        self.stdout.write("Removed.")
