"""`simulate_sequence SEQUENCE`: what a sequence would do for one person; writes nothing."""

import json
from datetime import datetime
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from events.intake.payloads import LONGEST_NAME
from events.models import Sequence
from events.services import simulation as simulating
from events.services.simulation import MOST_VISITS, AssumedEvent, Awaited
from events.services.simulation.wire import as_wire
from events.wording import simulation as simulation_text
from subscribers.ids import decode
from subscribers.management import people
from subscribers.wire import json_gate
from subscribers.wire.payloads import InvalidField, read_email, read_moment, read_object, read_text


class Command(BaseCommand):
    help = (
        "Show what a sequence would do for one person: the dates, each decision and the mails. "
        "Writes, sends and calls nothing."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("sequence", metavar="SEQUENCE", help="Its key or id (seq_…).")
        parser.add_argument(
            "--email",
            required=True,
            metavar="ADDRESS",
            help="The person's address; an unknown one stands for a new person.",
        )
        parser.add_argument(
            "--event", metavar="NAME", help="The event that comes; default: the sequence's trigger."
        )
        parser.add_argument(
            "--properties", metavar="JSON", help="The event's properties, an object."
        )
        parser.add_argument(
            "--now", metavar="TIME", help="When it happens, as 2026-01-31T09:30:00Z; default: now."
        )
        parser.add_argument(
            "--wait",
            choices=[each.value for each in Awaited],
            default=Awaited.TIMEOUT.value,
            help="Whether events that steps wait for never come (timeout) or at once (event).",
        )
        parser.add_argument(
            "--workspace", metavar="SLUG", help="Its workspace; needed only if there are several."
        )
        parser.add_argument(
            "--limit",
            type=int,
            default=MOST_VISITS,
            metavar="N",
            help=f"The most steps to show, 1 to {MOST_VISITS}.",
        )
        parser.add_argument("--html", action="store_true", help="Show the mails' HTML too.")
        parser.add_argument("--json", action="store_true", help="Print one JSON object.")

    def handle(self, *args: Any, **options: Any) -> None:
        sequence = _sequence(options["sequence"], options["workspace"])
        if not 1 <= options["limit"] <= MOST_VISITS:
            raise CommandError(f"--limit must be 1 to {MOST_VISITS}.")
        try:
            address = read_email(options["email"])
        except InvalidField as error:
            raise CommandError(f"--email {error}") from error
        simulation = simulating.simulate(
            sequence=sequence,
            address=address,
            now=_now(options["now"]),
            happening=_happening(options["event"], options["properties"], sequence),
            awaited=Awaited(options["wait"]),
            most_visits=options["limit"],
        )
        if options["json"]:
            self.stdout.write(json.dumps(as_wire(simulation, may_edit=True), indent=2))
            return
        for line in simulation_text.lines(simulation, with_html=options["html"]):
            self.stdout.write(line)


def _sequence(name: str, slug: str | None) -> Sequence:
    rows = Sequence.objects.select_related("workspace", "current_version")
    sequence_id = decode("seq", name)
    if slug is None and sequence_id is not None:
        found = rows.filter(pk=sequence_id).first()
        if found is None:
            raise CommandError(f"SEQUENCE: there is no sequence {name!r}.")
        return found
    workspace = people.workspace_or_only(slug=slug)
    own = rows.filter(workspace=workspace)
    found = own.filter(pk=sequence_id).first() if sequence_id else None
    found = found or own.filter(key=name).first()
    if found is None:
        message = f"SEQUENCE: the workspace {workspace.slug} has none with the key or id {name!r}."
        raise CommandError(message)
    return found


def _now(text: str | None) -> datetime:
    if text is None:
        return timezone.now()
    try:
        return read_moment(text)
    except InvalidField as error:
        raise CommandError(f"--now {error}") from error


def _happening(name: str | None, properties: str | None, sequence: Sequence) -> AssumedEvent | None:
    """Return the event that is given, or its properties for the one that starts the sequence."""
    if properties is None and name is None:
        return None
    if name is None:
        name = sequence.trigger_config.get("event_name", "")
        if not name:
            raise CommandError("--properties: no event starts this sequence; name one by --event.")
    try:
        name = read_text(name, longest=LONGEST_NAME)
    except InvalidField as error:
        raise CommandError(f"--event {error}") from error
    return AssumedEvent(
        name=name, properties=_properties(properties) if properties is not None else {}
    )


def _properties(text: str) -> dict[str, Any]:
    try:
        value = json_gate.decode(text.encode("utf-8", "surrogatepass"))
    except json_gate.InvalidJson as error:
        raise CommandError(f"--properties is not usable JSON: {error}") from error
    try:
        return read_object(value, settings.MAX_PROPERTIES_BYTES)
    except InvalidField as error:
        raise CommandError(f"--properties {error}") from error
