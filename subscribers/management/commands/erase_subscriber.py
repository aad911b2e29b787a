"""`erase_subscriber PERSON`: deletes a person everywhere; a hash of the address is kept."""

from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from subscribers.management import asking_first, people
from subscribers.services.people import erasing

SUPPRESSED = "No more mail goes to the address; only its hash is kept."
FREE = "Nothing blocks mail to the address if it is used again."


class Command(BaseCommand):
    help = (
        "Delete a person with all that names them: events, enrollments, mails, ledger, log "
        "entries, kept answers, rejected rows. It cannot be undone. Repeat it when it was "
        "interrupted."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        people.add_to(parser)
        parser.add_argument(
            "--allow-return",
            action="store_true",
            help="Keep no hash that blocks mail if they come again; an earlier one stays.",
        )
        asking_first.add_to(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        person = people.named_by(options)
        whom = f"{person.email} ({person.public_id}) of {options['workspace']}"
        asking_first.make_sure(question=f"Erase {whom} for ever?", is_sure=options["yes"])
        try:
            erased = erasing.erase(
                subscriber_id=person.pk,
                circumstances=asking_first.by_command(),
                now=datetime.now(tz=UTC),
                allows_return=options["allow_return"],
            )
        except erasing.SubscriberGone as error:
            raise CommandError(str(error)) from error
        went = f"Erased, with {erased.events:,} events and {erased.mails:,} mails."
        self.stdout.write(f"{went} {SUPPRESSED if erased.is_suppressed else FREE}")
