"""Reads a page of a person's time line: the sources merged by time, newest first.

A page goes on after a position (moment, source, id), so rows that share a moment are neither left
out nor repeated, and each page costs as much as the first.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Q

from events.models import Event
from events.services.counts.roll_ups import first_id_at
from events.services.people.timeline import told
from events.services.people.timeline.sources import (
    MOST_SCANNED,
    SEE_EVENTS,
    SOURCES,
    LineKind,
    Show,
    Source,
    TimelineEntry,
    model_of,
)
from subscribers.models import Subscriber, SubscriberTag

PAGE = 50
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
Position = tuple[datetime, int, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Lines, newest first.

    `older` is where the next page goes on; empty at the end. `is_cut`: the page ends because the
    search through events did, not because it is full. `causes` has the events that added the tags
    of lines of the kind `TAG`, where one did. `knows_all`: no source is hidden from the reader.
    """

    entries: Sequence[TimelineEntry]
    older: str
    is_cut: bool
    causes: dict[Any, Event]
    knows_all: bool


def read(*, person: Subscriber, show: Show, after: str, sees: Callable[[str], bool]) -> Page:
    """Return the lines after a position, of the sources whose permission `sees` grants.

    An `after` that cannot be read means the newest lines.
    """
    position = _parsed(after, person)
    found: list[TimelineEntry] = []
    floors: list[tuple[Position, bool]] = []
    for rank, source in enumerate(SOURCES):
        if show not in source.shows or not sees(source.permission):
            continue
        entries, end_of_source = _read(source, rank, person, position)
        found += [each for each in entries if not source.keeps or source.keeps(each.row)]
        if end_of_source:
            floors.append((end_of_source, source.keeps is not None))
    # Below it, a source may have lines that were not read.
    floor, is_scan = max(floors, default=(None, False))
    facts = told.facts_in(found)
    lines = [
        each
        for each in found
        if (floor is None or each.position >= floor) and not facts.tells(each)
    ]
    lines.sort(key=lambda each: each.position, reverse=True)
    shown = lines[:PAGE]
    end = shown[-1].position if len(lines) > PAGE else floor
    return Page(
        entries=shown,
        older=_written(end) if end else "",
        is_cut=is_scan and len(lines) <= PAGE,
        causes=_causes(person, shown) if sees(SEE_EVENTS) else {},
        knows_all=all(sees(source.permission) for source in SOURCES),
    )


def _read(
    source: Source, rank: int, person: Subscriber, position: Position | None
) -> tuple[list[TimelineEntry], Position | None]:
    """Return the source's next lines, and down to where they are all; None: to the beginning."""
    most = MOST_SCANNED if source.keeps else PAGE + 1
    rows = source.rows(person).annotate(moment=source.at).filter(moment__isnull=False)
    if position:
        rows = rows.filter(_after(position, rank))
    read_rows = list(rows.order_by("-moment", "-pk")[:most])
    entries = [
        TimelineEntry(at=row.moment, rank=rank, kind=source.kind, row=row) for row in read_rows
    ]
    floor = entries[-1].position if len(entries) == most else None
    return entries, floor


def _after(position: Position, rank: int) -> Q:
    at, last_rank, row_id = position
    if rank < last_rank:
        return Q(moment__lte=at)
    if rank > last_rank:
        return Q(moment__lt=at)
    # The index is read by the first part alone.
    return Q(moment__lte=at) & (Q(moment__lt=at) | Q(pk__lt=row_id))


def _written(position: Position) -> str:
    at, rank, row_id = position
    return f"{(at - _EPOCH) // _MICROSECOND}.{rank}.{row_id}"


def _parsed(text: str, person: Subscriber) -> Position | None:
    try:
        moment, rank, row_id = text.split(".")
        at = _EPOCH + int(moment) * _MICROSECOND
        key = model_of(SOURCES[int(rank)], person)._meta.pk
        return at, int(rank), key.to_python(row_id)
    except (ValueError, OverflowError, IndexError, ValidationError):
        return None


def _causes(person: Subscriber, shown: Sequence[TimelineEntry]) -> dict[Any, Event]:
    """Return the events that added the tags of lines, by the id of the tag's row.

    Their own lines may be far away: events may arrive long after they occurred.
    """
    links: list[SubscriberTag] = [each.row for each in shown if each.kind is LineKind.TAG]
    if not links:
        return {}
    received = Q(pk__in=[])
    for link in links:
        received |= Q(
            pk__gte=first_id_at(link.created_at - told.NEAR),
            pk__lt=first_id_at(link.created_at + told.NEAR),
        )
    rows = Event.objects.filter(received, subscriber=person).select_related("definition")
    by_tag = {
        (each["tagId"], event.pk): event
        for event in rows.defer("properties")[:MOST_SCANNED]
        for each in event.effects.get("tagsAdded", ())
    }
    return {
        link.pk: event
        for link in links
        for (tag_id, _), event in by_tag.items()
        if tag_id == link.tag_id.hex and told.is_near(event.received_at, link.created_at)
    }
