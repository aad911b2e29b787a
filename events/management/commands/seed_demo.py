"""`manage.py seed_demo`: creates a workspace full of people, events and mails to try things out."""

import logging
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection
from django.utils import timezone
from tqdm import tqdm

from config import schema
from events.services import demo
from events.services.ingestion.request import current_limits
from subscribers.models import Workspace

MOST = 10_000


class Command(BaseCommand):
    help = (
        "Create a demo workspace: a software company's sign-ups, trials, purchases and churn over "
        "90 days, with sequences and mails in all states. None of its mail can be sent."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--workspace",
            default=demo.DEMO_SLUG,
            metavar="SLUG",
            help=f"Its slug, {demo.DEMO_SLUG} by default; created if it does not exist.",
        )
        parser.add_argument(
            "--scale",
            type=int,
            default=1,
            metavar="N",
            help=f"N times the people, 1 to {MOST}: the additional ones are imported as history.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        scale, slug = options["scale"], options["workspace"]
        if not 1 <= scale <= MOST:
            raise CommandError(f"--scale must be 1 to {MOST}.")
        if settings.MAIL_PAUSED or settings.EMAIL_ALLOW:
            raise CommandError(
                "MAIL_PAUSED and EMAIL_ALLOW would also hold the demo's mails, which never leave. "
                "Run the command with MAIL_PAUSED= and EMAIL_ALLOW= before it."
            )
        if not connection.introspection.table_names():
            self.stdout.write("The database has no tables yet: creating them first.")
            self.stdout.flush()
            call_command("migrate", verbosity=0, interactive=False)
        elif problem := schema.problem():
            raise CommandError(problem)
        try:
            if demo.find_demo(slug=slug) is not None:
                self.stdout.write(f"The demo is there already, in the workspace {slug}.")
                return
            made = self._seed(slug)
        except demo.HasOtherPeople as error:
            raise CommandError(str(error)) from error
        self.stdout.write(
            f"Made the workspace {slug}: {made.people} people, {made.events:,} events, "
            f"{made.enrollments} enrollments, {made.mails:,} mails."
        )
        if scale > 1:
            self._add_crowd(made.workspace, people=demo.PEOPLE * (scale - 1))
        self.stdout.write("Its mail is paused: none of it is sent. Have a look in the admin.")

    def _seed(self, slug: str) -> demo.Seeded:
        """Create the demo with a progress bar, and without a log line for each unsubscribe."""
        logger = logging.getLogger("cueline.unsubscribing")
        logger.setLevel(logging.WARNING)
        try:
            with tqdm(unit=" half days", disable=None, leave=False) as bar:
                return demo.seed(
                    slug=slug, now=timezone.now(), limits=current_limits(), report=bar.update
                )
        finally:
            logger.setLevel(logging.NOTSET)

    def _add_crowd(self, workspace: Workspace, *, people: int) -> None:
        """Import the rest, with a progress bar."""
        with tqdm(unit=" rows", disable=None, leave=False) as bar:
            came, events = demo.add_crowd(
                workspace=workspace,
                people=people,
                limits=current_limits(),
                clock=timezone.now,
                report=bar.update,
            )
        self.stdout.write(f"Imported {came:,} people more, with {events:,} events of theirs.")
