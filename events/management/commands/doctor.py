"""`manage.py doctor`: checks the installation, and says how to mend what it finds."""

import json
from collections.abc import Sequence
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from config import schema
from events import enqueue
from events.services import doctor
from events.wording import doctor as doctor_text
from subscribers.management import people
from subscribers.services.audits.audits import MOST_ROWS, Audit, Check, Finding, Level, fact

# The ticker keeps two batches for each process; with many more no worker takes them.
MOST_BATCHES = 300
UNREACHABLE = Finding(
    what="The database does not answer",
    remedy="Start it, and check DATABASE_URL: host, port, name, password.",
)


def queue(audit: Audit) -> Sequence[Finding]:
    """Check whether the worker empties the queue."""
    depth = enqueue.depth(now=audit.now)
    waiting = depth.all_waiting
    if waiting <= MOST_BATCHES:
        return fact(f"{waiting} batches wait in the queue, {depth.taken} are being worked on.")
    return [
        Finding(
            what="Batches pile up in the queue",
            remedy="Start a worker, or more of them; nothing is lost or done twice.",
            count=waiting,
        )
    ]


QUEUE = Check("Worker", "queue", "The queue is short.", queue)


class Command(BaseCommand):
    help = (
        "Check settings, database, worker, mail and data, and say what to do. Changes nothing. "
        "Exit code 1 when there is a problem, 0 for warnings alone."
    )
    # The doctor reports what the checks would, and goes on.
    requires_system_checks = []  # noqa: RUF012 - Django declares it on the instance

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="Print one JSON object.")
        parser.add_argument("--workspace", metavar="SLUG", help="Check the data of this workspace.")
        parser.add_argument(
            "--full",
            action="store_true",
            help=f"Check all rows; without it the newest {MOST_ROWS:,} of each table.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        reports = list(self._examine(options))
        if options["json"]:
            self.stdout.write(json.dumps(doctor_text.as_wire(reports)))
        else:
            for line in doctor_text.lines(reports):
                self.stdout.write(line)
            self.stdout.write(doctor_text.verdict(reports))
        if doctor_text.count(reports, Level.PROBLEM):
            raise SystemExit(1)

    def _examine(self, options: dict[str, Any]) -> list[doctor.Report]:
        now = timezone.now()
        if not doctor.is_reachable():
            unreachable = Check("Database", "version", "", lambda _: [UNREACHABLE])
            checks = (*doctor.WITHOUT_DATABASE, unreachable)
            return list(doctor.examine(audit=Audit(now=now), checks=checks))
        if schema.problem():
            return list(doctor.examine(audit=Audit(now=now), checks=doctor.WITHOUT_TABLES))
        slug = options["workspace"]
        audit = Audit(
            now=now,
            workspace=None if slug is None else people.workspace_of(slug=slug),
            most_rows=None if options["full"] else MOST_ROWS,
        )
        checks = (*doctor.SURROUNDINGS, QUEUE, *doctor.DATA_CHECKS)
        return list(doctor.examine(audit=audit, checks=checks))
