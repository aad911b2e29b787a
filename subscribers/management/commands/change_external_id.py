"""`change_external_id PERSON NEW`: gives a subscriber another external id, or none."""

from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from subscribers.management import asking_first, people
from subscribers.services.people import editing, erasing
from subscribers.services.people.editing import Edit
from subscribers.wire.payloads import InvalidField, read_external_id


class Command(BaseCommand):
    help = "Change a subscriber's external id to one that is free, or remove it."

    def add_arguments(self, parser: CommandParser) -> None:
        people.add_to(parser)
        parser.add_argument(
            "new", metavar="NEW", help='The new external id; "" leaves the subscriber without one.'
        )

    def handle(self, *args: Any, **options: Any) -> None:
        person = people.named_by(options)
        try:
            new = read_external_id(options["new"]) if options["new"].strip() else None
            editing.edit(
                subscriber_id=person.pk,
                wanted=Edit(columns={"external_id": new}),
                attributes_bytes=settings.MAX_ATTRIBUTES_BYTES,
                starts_sequences=False,
                circumstances=asking_first.by_command(),
                now=datetime.now(tz=UTC),
            )
        except InvalidField as error:
            raise CommandError(f"NEW {error}") from error
        except editing.ExternalIdTaken as error:
            raise CommandError(f"{error} Use merge_subscribers.") from error
        except erasing.SubscriberGone as error:
            raise CommandError(str(error)) from error
        became = f"has the external id {new}" if new else "has no external id"
        self.stdout.write(f"{person.email} {became} now.")
