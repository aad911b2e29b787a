"""The options of all exports."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.db.models import Q
from django.utils import timezone

from events.services.segments import segments
from events.services.segments.compiling import TooManyReferences
from subscribers.management import people
from subscribers.management.exporting.output import STANDARD_OUTPUT
from subscribers.models import Segment, Subscriber, Workspace
from subscribers.rows import row
from subscribers.services.audience import named_people
from subscribers.services.people.exporting import Chosen
from subscribers.wire.payloads import InvalidField, read_moment


def add_to(parser: CommandParser) -> None:
    parser.add_argument(
        "file",
        nargs="?",
        default=STANDARD_OUTPUT,
        metavar="FILE",
        help="Where to; .csv or .jsonl, with .gz compressed. Without it, or -: standard output.",
    )
    parser.add_argument("--workspace", required=True, metavar="SLUG")
    parser.add_argument(
        "--format",
        choices=[row.CSV, row.JSONL],
        help="When the file's name does not say it; the standard output gets csv otherwise.",
    )


def add_people_to(parser: CommandParser) -> None:
    parser.add_argument(
        "--email", metavar="ADDRESS", help=f"One person, named by {named_people.FORMS}."
    )
    for name, text in (
        ("--tag", "People with the tag; given several times: with all of them."),
        ("--list", "People on the list now; given several times: on all of them."),
    ):
        parser.add_argument(name, action="append", default=[], metavar="NAME", help=text)
    parser.add_argument("--segment", metavar="NAME", help="People in the segment now.")
    parser.add_argument(
        "--status",
        action="append",
        default=[],
        choices=Subscriber.Status.values,
        help="People with the status; given several times: with one of them.",
    )


def add_times_to(parser: CommandParser, *, what: str) -> None:
    """Add `--since` and `--until`; `what` says which time they limit."""
    form = "as 2026-01-31T09:30:00Z"
    parser.add_argument("--since", metavar="TIME", help=f"{what} then or later, {form}.")
    parser.add_argument("--until", metavar="TIME", help=f"{what} before then, {form}.")


def format_of(options: Mapping[str, Any]) -> str:
    """Return `csv` or `jsonl`; raises `CommandError` when nothing says which."""
    given: str | None = options["format"]
    if given is None and options["file"] == STANDARD_OUTPUT:
        return row.CSV
    try:
        return row.source_of(options["file"], format=given).format
    except row.InvalidFile as error:
        raise CommandError(str(error)) from error


def people_of(options: Mapping[str, Any], workspace: Workspace) -> Chosen:
    """Return which people the options choose; raises `CommandError` for an unknown person."""
    name = options["email"]
    person = None if name is None else people.person_of(workspace=workspace, name=name)
    return Chosen(
        subscriber_id=person.pk if person else None,
        statuses=tuple(options["status"]),
        tags=tuple(options["tag"]),
        lists=tuple(options["list"]),
        condition=_members(options["segment"], workspace) if options["segment"] else None,
    )


def _members(name: str, workspace: Workspace) -> Q:
    segment = Segment.objects.filter(workspace=workspace, name=name).first()
    if segment is None:
        raise CommandError(f"There is no segment {name!r} in the workspace.")
    try:
        return segments.members_condition(segment=segment, now=timezone.now())
    except TooManyReferences as error:
        raise CommandError(str(error)) from error


def time_of(options: Mapping[str, Any], name: str) -> datetime | None:
    """Return an option's time in UTC; raises `CommandError` for any other text."""
    text = options[name]
    if text is None:
        return None
    try:
        return read_moment(text)
    except InvalidField as error:
        raise CommandError(f"--{name} {error}") from error
