"""Exports the events of a workspace, page by page.

People come in the order of their creation, each with their events as they occurred, so that an
import looks up each person once. With only names chosen, events are sorted by name, then time.
Each page is a short query along an index, without locks, and continues where the last one ended:
memory stays constant. New events may be included or not; no event comes twice.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from django.db.models import Q, QuerySet, TextField
from django.db.models.functions import Cast

from events.models import Event, EventDefinition
from subscribers.models import Subscriber, Workspace
from subscribers.rows import lines
from subscribers.services.people import exporting as people_exporting
from subscribers.services.people.exporting import EVERYBODY, UnknownName

PAGE = 5000
PEOPLE_AT_ONCE = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """Which events are exported: all that match every condition."""

    # One of these; empty: any name.
    names: tuple[str, ...] = ()
    # Occurred at or after, and before.
    since: datetime | None = None
    before: datetime | None = None
    people: people_exporting.Chosen = EVERYBODY


EVERYTHING = Chosen()


class ExportedEvent(msgspec.Struct, frozen=True, kw_only=True, gc=False, rename="camel"):
    """One event, in the columns of `import_events`; `id` and `receivedAt` are for reading only."""

    id: str
    email: str
    external_id: str | None
    name: str
    event_id: str | None
    # ISO 8601 in UTC.
    occurred_at: str
    received_at: str
    properties: dict[str, Any]


class _Person(NamedTuple):
    email: str
    external_id: str | None


class _Found(NamedTuple):
    """An event as the database writes it; the texts sort like the ids and times.

    Ids and times as objects took half of the time of an export (measured).
    """

    subscriber_id: str
    occurred_at: str
    id: str
    received_at: str
    definition_id: str
    event_id: str | None
    properties: str


def event_pages(
    *, workspace: Workspace, chosen: Chosen = EVERYTHING, page_rows: int = PAGE
) -> Iterator[list[ExportedEvent]]:
    """Yield the chosen events, at most `page_rows` at a time.

    Raises `UnknownName`, before the first page, for a name, tag or list that does not exist.
    """
    names = _Names(workspace, chosen.names)
    people = people_exporting.people(workspace=workspace, chosen=chosen.people)
    events = _in_time(Event.objects.filter(workspace=workspace), chosen)
    if chosen.names and chosen.people == EVERYBODY:
        pages = _by_name(events, names.wanted, page_rows)
        return (_rows(page, _people_of(page), names) for page in pages)
    if chosen.names:
        events = events.filter(definition__in=names.wanted)
    return _by_person(people, events, names, page_rows)


def _in_time(events: QuerySet[Event], chosen: Chosen) -> QuerySet[Event]:
    bounds = {"occurred_at__gte": chosen.since, "occurred_at__lt": chosen.before}
    return events.filter(**{name: at for name, at in bounds.items() if at is not None})


def _by_name(
    events: QuerySet[Event], definition_ids: Sequence[UUID], page_rows: int
) -> Iterator[list[_Found]]:
    for definition_id in definition_ids:
        yield from _in_order(events.filter(definition=definition_id), page_rows)


def _by_person(
    people: QuerySet[Subscriber], events: QuerySet[Event], names: "_Names", page_rows: int
) -> Iterator[list[ExportedEvent]]:
    rows = people.order_by("pk").values_list("pk", "email", "external_id")
    some = list(rows[:PEOPLE_AT_ONCE])
    while some:
        persons = {pk.hex: _Person(email, external_id) for pk, email, external_id in some}
        for page in _of_people([pk for pk, *_ in some], events, page_rows):
            yield _rows(page, persons, names)
        some = list(rows.filter(pk__gt=some[-1][0])[:PEOPLE_AT_ONCE])


def _of_people(
    person_ids: Sequence[UUID], events: QuerySet[Event], page_rows: int
) -> Iterator[list[_Found]]:
    """Yield the events of some people, person by person; halves the group if it has too many."""
    if len(person_ids) == 1:
        yield from _in_order(events.filter(subscriber=person_ids[0]), page_rows)
        return
    # Without an order the database stops at the limit, and sorts nothing.
    page = _fetched(events.filter(subscriber__in=person_ids).order_by(), page_rows)
    if len(page) < page_rows:
        if page:
            yield sorted(page)
        return
    middle = len(person_ids) // 2
    yield from _of_people(person_ids[:middle], events, page_rows)
    yield from _of_people(person_ids[middle:], events, page_rows)


def _in_order(events: QuerySet[Event], page_rows: int) -> Iterator[list[_Found]]:
    ordered = events.order_by("occurred_at", "id")
    page = _fetched(ordered, page_rows)
    while page:
        yield page
        if len(page) < page_rows:
            return
        occurred_at, last_id = datetime.fromisoformat(_moment(page[-1].occurred_at)), page[-1].id
        is_after = Q(occurred_at__gt=occurred_at) | Q(id__gt=last_id)
        page = _fetched(ordered.filter(is_after, occurred_at__gte=occurred_at), page_rows)


def _fetched(events: QuerySet[Event], page_rows: int) -> list[_Found]:
    names = _Found._fields
    columns = [each if each == "event_id" else Cast(each, TextField()) for each in names]
    return [_Found(*row) for row in events.values_list(*columns)[:page_rows]]


def _people_of(page: Sequence[_Found]) -> dict[str, _Person]:
    wanted = {row.subscriber_id for row in page}
    rows = Subscriber.objects.filter(pk__in=wanted).values_list("pk", "email", "external_id")
    return {pk.hex: _Person(email, external_id) for pk, email, external_id in rows}


def _rows(
    page: Sequence[_Found], persons: Mapping[str, _Person], names: "_Names"
) -> list[ExportedEvent]:
    """Return the exported rows; leaves out people who were erased meanwhile."""
    return [
        ExportedEvent(
            id=f"evt_{_digits(row.id)}",
            email=person.email,
            external_id=person.external_id,
            name=names.of(_digits(row.definition_id)),
            event_id=row.event_id,
            occurred_at=_moment(row.occurred_at),
            received_at=_moment(row.received_at),
            properties=lines.stored(row.properties),
        )
        for row in page
        if (person := persons.get(_digits(row.subscriber_id)))
    ]


def _digits(row_id: str) -> str:
    """Return an id's 32 hex digits; PostgreSQL writes it with hyphens."""
    return row_id.replace("-", "")


def _moment(text: str) -> str:
    """Return a time in the API's form from `2026-01-31 09:30:00.5+00` or `… 09:30:00.500000`.

    The connection is in UTC; SQLite stores times in UTC too, without the offset.
    """
    text = text.removesuffix("+00")
    day, clock = text[:10], text[11:]
    return f"{day}T{clock}Z" if len(clock) == len("HH:MM:SS") else f"{day}T{clock:0<15}Z"


class _Names:
    """The names of a workspace's definitions, at most some thousands; read again for a new one."""

    def __init__(self, workspace: Workspace, wanted: Sequence[str]) -> None:
        self._workspace = workspace
        self._by_id = self._read()
        ids = {name: UUID(hex=digits) for digits, name in self._by_id.items()}
        for name in wanted:
            if name not in ids:
                raise UnknownName(f"There is no event {name!r} in the workspace.")
        self.wanted = [ids[name] for name in sorted(set(wanted))]

    def of(self, digits: str) -> str:
        if digits not in self._by_id:
            self._by_id = self._read()
        return self._by_id[digits]

    def _read(self) -> dict[str, str]:
        rows = EventDefinition.objects.filter(workspace=self._workspace)
        return {pk.hex: name for pk, name in rows.values_list("pk", "name")}
