"""`resume`: ends the hold of a restored copy."""

from typing import Any

from django.core.management.base import BaseCommand

from subscribers.services.workspaces import installation


class Command(BaseCommand):
    help = "End the hold of a restored copy: mails and webhooks that are due go out at once."

    def handle(self, *args: Any, **options: Any) -> None:
        done = "Resumed: due work goes out now." if installation.resume() else "It was not on hold."
        self.stdout.write(done)
