"""`retry_failed --sequence KEY`: carries failed steps out again, and sends failed mails."""

from datetime import UTC, datetime, timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from events.models import Sequence
from events.services.enrollments import retrying
from subscribers.management import people
from subscribers.wire.payloads import InvalidField, read_moment

MOST_MINUTES = 7 * 24 * 60


class Command(BaseCommand):
    help = (
        "Retry what failed in a sequence: a failed enrollment carries its step out again; a mail "
        "that failed while its enrollment went on is sent, and moves nothing. Mails whose delivery "
        "is unknown are left alone. Repeating it finds nothing to do."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--workspace", default="default", metavar="SLUG")
        parser.add_argument("--sequence", required=True, metavar="KEY")
        parser.add_argument("--reason", choices=retrying.REASONS, default="", metavar="R")
        parser.add_argument(
            "--since", metavar="T", help="Only what failed since, such as 2026-01-31T09:30:00Z."
        )
        parser.add_argument(
            "--minutes", type=int, default=0, help="Spread them evenly over so many minutes."
        )
        parser.add_argument("--dry-run", action="store_true", help="Count them only.")

    def handle(self, *args: Any, **options: Any) -> None:
        workspace = people.workspace_of(slug=options["workspace"])
        key, minutes = options["sequence"], options["minutes"]
        sequence = Sequence.objects.filter(workspace=workspace, key=key).first()
        if sequence is None:
            raise CommandError(f"The workspace has no sequence with the key {key}.")
        if not 0 <= minutes <= MOST_MINUTES:
            raise CommandError(f"--minutes must be from 0 to {MOST_MINUTES:,}.")
        wanted = {"reason": options["reason"], "since": _since(options["since"])}
        if options["dry_run"]:
            count = len(retrying.chosen(sequence=sequence, **wanted))
            many = "at least " if count >= retrying.MOST_READ else ""
            self.stdout.write(f"Would retry {many}{count:,} of {sequence.name}.")
            return
        retried = 0
        while True:
            done = retrying.retry_all(
                sequence=sequence,
                now=datetime.now(tz=UTC),
                spread=timedelta(minutes=minutes),
                **wanted,
            )
            retried += done.retried
            # What cannot be retried is found again.
            if not done.retried:
                break
        left = f"{done.left:,} could not be retried"
        self.stdout.write(f"Retried {retried:,} of {sequence.name}; {left}.")


def _since(text: str | None) -> datetime | None:
    try:
        return read_moment(text) if text else None
    except InvalidField as error:
        raise CommandError(f"--since {error}") from error
