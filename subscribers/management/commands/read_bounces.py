"""`read_bounces`: reads mail that came back, from the bounce mailbox or from standard input."""

import sys
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError, InterfaceError

from subscribers.services.dispatch import bounce_mailbox, notices, returned
from subscribers.services.workspaces import installation

# sysexits.h: a mail server tries again later.
EX_TEMPFAIL = 75


class Command(BaseCommand):
    help = (
        "Read bounces, complaints and mails to unsubscribe, from the mailbox of "
        "BOUNCE_MAILBOX_URL or from standard input. The worker reads the mailbox each minute."
    )
    # A mail server starts it for each mail.
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--stdin",
            action="store_true",
            help="Read one mail from standard input, for a pipe of a mail server. Ends with 0 "
            "also for other mail, and with 75 while the database is away.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            if options["stdin"]:
                self._read_standard_input()
            else:
                self._read_mailbox()
        except (DatabaseError, InterfaceError) as error:
            said = f"The database is away: {type(error).__name__}."
            raise CommandError(said, returncode=EX_TEMPFAIL) from error

    def _read_standard_input(self) -> None:
        content = sys.stdin.buffer.read(notices.MOST_BYTES)
        # The rest is taken too: a mail server takes a closed pipe for a failure.
        while sys.stdin.buffer.read(notices.MOST_BYTES):
            pass
        is_used = returned.take(content=content, now=_clock())
        self.stdout.write("The mail was used." if is_used else "The mail is no notice of ours.")

    def _read_mailbox(self) -> None:
        mailbox = settings.BOUNCE_MAILBOX
        if mailbox is None:
            raise CommandError("There is no mailbox: set BOUNCE_MAILBOX_URL, or use --stdin.")
        if installation.on_hold_since():
            raise CommandError("This copy is on hold; the mailbox is the original's.")
        try:
            run = bounce_mailbox.read(mailbox=mailbox, clock=_clock)
        except bounce_mailbox.MailboxAway as error:
            raise CommandError(f"The mailbox cannot be read: {error}") from error
        self.stdout.write(f"Read {run.read:,} mails, {run.used:,} of them were used and deleted.")


def _clock() -> datetime:
    return datetime.now(tz=UTC)
