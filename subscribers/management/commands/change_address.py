"""`change_address PERSON NEW`: gives a subscriber another address."""

from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from subscribers.management import asking_first, people
from subscribers.services.people import changing_address, erasing
from subscribers.wire.addresses import InvalidAddress


class Command(BaseCommand):
    help = "Change a subscriber's address to one that is free; waiting mail goes there."

    def add_arguments(self, parser: CommandParser) -> None:
        people.add_to(parser)
        parser.add_argument("new", metavar="NEW", help="The new address.")

    def handle(self, *args: Any, **options: Any) -> None:
        person = people.named_by(options)
        try:
            changed = changing_address.change(
                subscriber_id=person.pk,
                address=options["new"],
                circumstances=asking_first.by_command(),
                now=datetime.now(tz=UTC),
            )
        except InvalidAddress as error:
            raise CommandError(f"NEW {error}") from error
        except changing_address.AddressTaken as error:
            raise CommandError(f"{error} Use merge_subscribers.") from error
        except erasing.SubscriberGone as error:
            raise CommandError(str(error)) from error
        asked = " A confirmation was sent to it." if changed.is_asked else ""
        self.stdout.write(f"{person.email} is {changed.email} now, {changed.status}.{asked}")
