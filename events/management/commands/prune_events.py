"""`prune_events --older-than 365d`: deletes old events, in portions."""

import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from events.services.history import pruning
from subscribers.management import asking_first, people

_AGE = re.compile(r"([1-9][0-9]{0,4})([hdw])", re.ASCII)
_UNITS = {"h": "hours", "d": "days", "w": "weeks"}
KEPT = "for enrollments under way"


class Command(BaseCommand):
    help = (
        "Delete events that occurred long ago, except those that began an enrollment under way. "
        "It works in portions: stop it at any time, and repeat it to continue. A deleted event id "
        "counts as new when it comes again."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--workspace", required=True, metavar="SLUG")
        parser.add_argument(
            "--older-than", required=True, metavar="AGE", help="Such as 365d, 52w or 48h."
        )
        parser.add_argument("--name", metavar="NAME", help="Only events of this name.")
        parser.add_argument(
            "--dry-run", action="store_true", help="Count the events, and delete nothing."
        )
        asking_first.add_to(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        workspace = people.workspace_of(slug=options["workspace"])
        before = datetime.now(tz=UTC) - _age(options["older_than"])
        chosen = {"workspace": workspace, "before": before, "name": options["name"]}
        try:
            if options["dry_run"]:
                self._preview(**chosen)
                return
            asking_first.make_sure(
                question=f"Delete the events of {workspace.slug} that occurred before "
                f"{before:%Y-%m-%d %H:%M} UTC, for ever?",
                is_sure=options["yes"],
            )
            self._prune(**chosen)
        except pruning.NoSuchName as error:
            raise CommandError(str(error)) from error

    def _preview(self, **chosen: Any) -> None:
        deleted = kept = 0
        for found in pruning.preview(**chosen):
            deleted, kept = deleted + found.deleted, kept + found.kept
            if found.deleted or found.kept:
                self.stdout.write(f"{found.name}: {found.deleted:,} and {found.kept:,} {KEPT}")
        self.stdout.write(f"Would delete {deleted:,} events and keep {kept:,} {KEPT}.")

    def _prune(self, **chosen: Any) -> None:
        deleted: Counter[str] = Counter()
        kept = 0
        try:
            for portion in pruning.portions(**chosen):
                deleted[portion.name] += portion.deleted
                kept += portion.kept
        except KeyboardInterrupt as error:
            message = f"Stopped after {deleted.total():,} events; repeat it to continue."
            raise CommandError(message, returncode=130) from error
        for name, count in deleted.items():
            self.stdout.write(f"{name}: {count:,}")
        self.stdout.write(f"Deleted {deleted.total():,} events and kept {kept:,} {KEPT}.")


def _age(text: str) -> timedelta:
    match = _AGE.fullmatch(text.strip())
    if match is None:
        raise CommandError("--older-than must be a number and h, d or w, such as 365d.")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})
