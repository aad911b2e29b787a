"""More people for a demo, as many as are asked for: brought in as files are, by both imports.

They are history: their events run no rule and start nothing, so they bring their tags along.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from random import Random
from typing import Any

from django.conf import settings

from events.intake.payloads import Limits
from events.intake.rows import EventReader
from events.services.counts import roll_ups
from events.services.demo import lives
from events.services.demo.catalogue import NEWS, RULES
from events.services.demo.imports import OWNER
from events.services.demo.lives import Deed, Life
from events.services.history.importing import EventImporter
from subscribers.models import ImportRun, Workspace
from subscribers.rows.row import Row
from subscribers.services.imports import loop, runs
from subscribers.services.imports.loop import Importer
from subscribers.services.imports.people import (
    Duplicates,
    ImportOptions,
    OptInMode,
    SubscriberImporter,
)
from subscribers.services.imports.runs import Counted, Rejected

SEED = 40_260
PEOPLE_FILE, EVENTS_FILE = "crowd-people.jsonl", "crowd-events.jsonl"
Clock = Callable[[], datetime]
Report = Callable[[int], object]


class _KeptNowhere:
    """Nothing of a crowd is refused."""

    def write(self, rejected: Sequence[Rejected], *, at: int) -> int:  # noqa: ARG002 - as files do
        return at


def add(
    *, workspace: Workspace, people: int, limits: Limits, clock: Clock, report: Report
) -> tuple[int, int]:
    """Add so many people and what they did; returns how many people and events came in.

    Many transactions, one a batch; `report` is told of the rows of each. The same moment gives the
    same people.
    """
    now = clock().replace(microsecond=0)
    importer = SubscriberImporter(
        options=ImportOptions(
            workspace=workspace,
            actor=OWNER,
            attributes_bytes=limits.attributes_bytes,
            furthest_ahead=settings.MAX_EVENT_LEAD,
            duplicates=Duplicates.SKIP,
            opt_in_mode=OptInMode.CONFIRMED,
            creates_lists=False,
        )
    )
    people_run = _import(
        workspace,
        ImportRun.Kind.SUBSCRIBERS,
        PEOPLE_FILE,
        _numbered(_person(life, now) for life in _crowd(people, now)),
        importer,
        clock,
        report,
    )
    event_importer = EventImporter(
        workspace=workspace,
        reader=EventReader(limits=limits, mapping={}),
        limits=limits,
        clock=clock,
    )
    events_run = _import(
        workspace,
        ImportRun.Kind.EVENTS,
        EVENTS_FILE,
        _numbered(row for life in _crowd(people, now) for row in _events(life, now)),
        event_importer,
        clock,
        report,
    )
    while roll_ups.roll_up(now=clock(), since=now) >= roll_ups.MOST_HOURS:
        pass
    return people_run.subscribers_created, events_run.recorded


def _import(
    workspace: Workspace,
    kind: ImportRun.Kind,
    file: str,
    rows: Iterator[Row],
    importer: Importer[Any],
    clock: Clock,
    report: Report,
) -> ImportRun:
    run = runs.begin(
        workspace=workspace, kind=kind, files=[file], options={}, actor=OWNER, now=clock()
    )

    def tell(counted: Counted, rejected: Sequence[Rejected]) -> None:  # noqa: ARG001 - as the loop calls
        report(counted.rows)

    try:
        loop.run(
            run=run,
            rows=rows,
            importer=importer,
            rejects=_KeptNowhere(),
            report=tell,
            clock=clock,
        )
    except BaseException as error:
        runs.fail(run=run, now=clock(), error=str(error) or type(error).__name__)
        raise
    runs.finish(run=run, now=clock())
    return run


def _crowd(people: int, now: datetime) -> Iterator[Life]:
    """Yield lives one by one, the same each time."""
    random = Random(SEED)  # noqa: S311 - the same chance every time
    for number in range(people):
        age = lives.SPAN * random.random() + timedelta(hours=2)
        yield lives.draw_one(random=random, number=10_000 + number, at=now - age, now=now)


def _person(life: Life, now: datetime) -> dict[str, Any]:
    names = [
        each.name for _, each in life.moments(until=now) if isinstance(each, lives.PlannedEvent)
    ]
    left_at = next((at for at, deed in life.deeds if deed is Deed.LEAVES and at < now), None)
    given = {
        "email": life.email,
        "externalId": f"user_{life.number}",
        "firstName": life.first_name,
        "lastName": life.last_name or None,
        "customAttributes": life.attributes,
        "timezone": life.timezone or None,
        "createdAt": life.signed_up_at.isoformat(),
        "tags": _tags_after(names),
        "lists": [NEWS],
        "status": "unsubscribed" if left_at else "active",
        "unsubscribedAt": left_at.isoformat() if left_at else None,
    }
    return {name: value for name, value in given.items() if value is not None}


def _events(life: Life, now: datetime) -> Iterator[dict[str, Any]]:
    for number, (at, each) in enumerate(life.moments(until=now)):
        if isinstance(each, lives.PlannedEvent):
            yield {
                "email": life.email,
                "name": each.name,
                "eventId": f"{each.name}-{life.number}-{number}",
                "occurredAt": at.isoformat(),
                "properties": each.properties,
            }


def _tags_after(names: Sequence[str]) -> list[str]:
    """Return what the rules leave of tags after such events."""
    borne: set[str] = set()
    for name in names:
        for rule in RULES:
            if rule.trigger_event == name and borne.issuperset(rule.requires):
                borne = (borne - set(rule.remove)) | set(rule.add)
    return sorted(borne)


def _numbered(rows: Iterator[Mapping[str, Any]]) -> Iterator[Row]:
    """Return rows as if they were lines of a file."""
    for line, fields in enumerate(rows, start=1):
        yield Row(file_index=0, line=line, fields=dict(fields), end_offset=line, end_line=line + 1)
