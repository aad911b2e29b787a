"""The demo's imports from its company's old system, by the product's own importers."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any

from django.conf import settings

from events.intake.payloads import Limits
from events.intake.rows import EventReader
from events.services.demo.catalogue import COUNTRIES, FIRST_NAMES, LAST_NAMES
from events.services.demo.mail_server import Clock
from events.services.history.importing import EventImporter
from subscribers import ids
from subscribers.models import ImportRun, Workspace
from subscribers.rows.row import Row
from subscribers.services.consent.ledger import Circumstances
from subscribers.services.imports import loop, runs
from subscribers.services.imports.loop import Importer
from subscribers.services.imports.people import (
    Duplicates,
    ImportOptions,
    OptInMode,
    SubscriberImporter,
)
from subscribers.services.imports.runs import Counted, Rejected

Now = Callable[[], datetime]
Report = Callable[[int], object]
Rows = Iterable[Mapping[str, Any]]
# How long ago the company imported its old data.
AGO = timedelta(days=83)
# The actor of these import runs, which marks a demo.
OWNER = "seed_demo"
PEOPLE, ORDERS_EACH = 30, 3
ORDER = "order.imported"
REFUSED_PEOPLE: Rows = (
    {"email": "hanna.example.com", "firstName": "Hanna"},
    {"firstName": "Jo"},
    {"email": "li.wei@example.com", "createdAt": "2025-02-30T10:00:00Z"},
    {"email": "marc@example.org", "status": "maybe"},
)
REFUSED_ORDERS: Rows = (
    {"email": "crm.3@example.com", "name": ORDER, "occurredAt": "03/04/2025"},
    {"email": "crm.17@example.com", "name": ORDER, "properties": "EUR 12"},
)


@dataclass(frozen=True, slots=True)
class ImportTarget:
    """Where rows are imported to; `report` gets the number of rows of each batch."""

    workspace: Workspace
    limits: Limits
    clock: Now
    report: Report | None = None


class _NoRejectsFile:
    """Writes no file of rejected rows; the run's own rows keep them."""

    def write(self, rejected: Sequence[Rejected], *, at: int) -> int:  # noqa: ARG002 - as files do
        return at


def add_old_customers(
    *, workspace: Workspace, limits: Limits, random: Random, at: datetime
) -> None:
    """Import people and their orders as of a moment; some rows are refused, two repeat."""
    people: list[dict[str, Any]] = []
    orders: list[dict[str, Any]] = []
    for number in range(1, PEOPLE + 1):
        created_at = at - timedelta(days=random.randint(120, 700))
        person = {"email": f"crm.{number}@example.com", "externalId": f"crm_{number}"}
        people.append(
            {
                **person,
                "firstName": random.choice(FIRST_NAMES),
                "lastName": random.choice(LAST_NAMES),
                "customAttributes": {"country": random.choice(COUNTRIES)},
                "createdAt": created_at.isoformat(),
            }
        )
        orders += [
            {
                "email": person["email"],
                "name": ORDER,
                "eventId": f"crm_{number}-{order + 1}",
                "occurredAt": (created_at + timedelta(days=35 * order, hours=3)).isoformat(),
                "properties": {"total": random.randint(9, 240), "currency": "EUR"},
            }
            for order in range(ORDERS_EACH)
        ]
    clock = Clock(at)
    into = ImportTarget(workspace, limits, clock)
    with ids.made_at(clock):
        rows = [*people, *people[:2], *REFUSED_PEOPLE]
        import_people(file="crm-contacts.csv", rows=rows, into=into)
        clock.reach(at + timedelta(minutes=6))
        import_events(file="crm-orders.jsonl", rows=[*orders, *REFUSED_ORDERS], into=into)


def import_people(*, file: str, rows: Rows, into: ImportTarget) -> ImportRun:
    options = ImportOptions(
        workspace=into.workspace,
        circumstances=Circumstances(actor=OWNER),
        attributes_bytes=into.limits.attributes_bytes,
        furthest_ahead=settings.MAX_EVENT_LEAD,
        duplicates=Duplicates.SKIP,
        opt_in_mode=OptInMode.CONFIRMED,
        creates_lists=False,
    )
    importer = SubscriberImporter(options=options)
    return _import(file, rows, into, importer, ImportRun.Kind.SUBSCRIBERS)


def import_events(*, file: str, rows: Rows, into: ImportTarget) -> ImportRun:
    reader = EventReader(limits=into.limits)
    workspace, limits, clock = into.workspace, into.limits, into.clock
    importer = EventImporter(workspace=workspace, reader=reader, limits=limits, clock=clock)
    return _import(file, rows, into, importer, ImportRun.Kind.EVENTS)


def _import(
    file: str, rows: Rows, into: ImportTarget, importer: Importer[Any], kind: ImportRun.Kind
) -> ImportRun:
    clock = into.clock
    options = {"optInMode": "confirmed"} if kind == ImportRun.Kind.SUBSCRIBERS else {}
    run = runs.begin(
        workspace=into.workspace, kind=kind, files=[file], options=options, actor=OWNER, now=clock()
    )

    def report_rows(counted: Counted, rejected: Sequence[Rejected]) -> None:  # noqa: ARG001 - as the loop calls
        if into.report:
            into.report(counted.rows)

    try:
        loop.run(
            run=run,
            rows=_numbered(rows),
            importer=importer,
            rejects=_NoRejectsFile(),
            report=report_rows,
            clock=clock,
        )
    except BaseException as error:
        runs.fail(run=run, now=clock(), error=str(error) or type(error).__name__)
        raise
    runs.finish(run=run, now=clock())
    return run


def _numbered(rows: Rows) -> Iterator[Row]:
    for line, fields in enumerate(rows, start=1):
        yield Row(file_index=0, line=line, fields=dict(fields), end_offset=line, end_line=line + 1)
