"""`import_events FILE…`: imports history fast; a second start continues an interrupted import."""

import gc
import os
import sys
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.core.management.base import CommandParser

from events.intake.presets import Preset
from events.intake.products import PRESETS
from events.services.counts import roll_ups
from events.services.history.importing import FILES, Attributes
from subscribers.management.importing import ImportCommand
from subscribers.management.importing.arguments import wrong
from subscribers.models import ImportRun

# Processes that answer requests come first.
NICENESS = 5
# Rows make many objects and no cycles: a frequent search for cycles wastes time.
OBJECTS_BETWEEN_SEARCHES = 100_000
# A thread that waited for the database gets the interpreter after this time, not after 5 ms.
SECONDS_OF_A_TURN = 0.0003


class Command(ImportCommand):
    help = (
        "Record events from files as history, whatever their age: with their own times, without"
        " running a rule, a sequence or a mail. Creates people and definitions as the API does."
    )
    kind = ImportRun.Kind.EVENTS
    files = FILES
    is_surveyed_whole = False

    def run_from_argv(self, argv: list[str]) -> None:
        """Run as a process of its own."""
        _lower_priority()
        super().run_from_argv(argv)

    def add_own_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--from",
            dest="preset",
            choices=sorted(PRESETS),
            help="The product that wrote the export; --map overrides it.",
        )
        parser.add_argument(
            "--event-id-from",
            nargs="+",
            default=[],
            metavar="COLUMN",
            help="Columns that identify a row: without an eventId, a stable one is made of them, "
            "so that the same file imports nothing twice.",
        )
        parser.add_argument(
            "--attributes",
            choices=list(map(str, Attributes)),
            default=str(Attributes.FILL),
            help="What rows do with attributes of people: fill what is empty (the default), newest "
            "(a row that is newer than all events of the person replaces them), or ignore.",
        )
        parser.add_argument(
            "--occurred-now",
            action="store_true",
            help="Give events without a time the time of the import; without it they are refused.",
        )
        parser.add_argument(
            "--trigger",
            action="store_true",
            help="Run rules, sequences and mails for events that are less than an hour old.",
        )

    def own_options(self, options: dict[str, Any]) -> dict[str, Any]:
        preset = PRESETS.get(options["preset"])
        if preset is not None:
            _refuse_beside(preset, options)
        kept = {
            "from": options["preset"],
            "eventIdFrom": options["event_id_from"],
            "trigger": options["trigger"],
        }
        # Only where given, so that runs of earlier releases are resumed.
        if options["occurred_now"]:
            kept["occurredNow"] = True
        if options["attributes"] != Attributes.FILL:
            kept["attributes"] = options["attributes"]
        return kept

    def after_run(self, *, run: ImportRun, now: datetime) -> None:
        """Count the imported events, so that pages show them before the worker's next count."""
        while roll_ups.roll_up(now=now, since=run.started_at) >= roll_ups.MOST_HOURS:
            pass


def _refuse_beside(preset: Preset, options: Mapping[str, Any]) -> None:
    """Refuse what says how columns are read that the preset reads itself."""
    for name in ("date_format", "timezone"):
        if options[name]:
            raise wrong(f"--{name.replace('_', '-')}: --from reads the times itself.")
    for text in options["value"]:
        field = text.partition(":")[0]
        if field in preset.names and field not in options["map"].values():
            raise wrong(f"--value: --from reads {field} itself; name a column with --map.")


def _lower_priority() -> None:
    """Run at low priority, and collect garbage less often."""
    os.nice(NICENESS)
    sys.setswitchinterval(SECONDS_OF_A_TURN)
    gc.freeze()
    gc.set_threshold(OBJECTS_BETWEEN_SEARCHES, 20, 100)
