"""Deletes old events in portions: each is one short transaction, so that live traffic goes on.

It keeps the events that started or released a current enrollment: conditions and mails read them.
Locks: the subscribers of a portion, in the order of their ids.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from events.models import Enrollment, Event, EventDefinition
from events.services.counts.touched import COLUMNS, Bygone, Touched
from events.services.people.erasing import delete_events
from subscribers.models import Subscriber, Workspace

MOST_AT_ONCE = 1000


class NoSuchName(LookupError):
    """The workspace has no events of that name."""

    code = "NOT_FOUND"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruned:
    """How many old events of one name were deleted, and how many kept for current enrollments."""

    name: str
    deleted: int
    kept: int


def preview(*, workspace: Workspace, before: datetime, name: str | None = None) -> Iterator[Pruned]:
    """Yield for each name how many events `portions` would delete and keep. Changes nothing.

    Raises `NoSuchName`.
    """
    needed = Enrollment.objects.filter(
        subscriber=OuterRef("subscriber"), status__in=Enrollment.UNDER_WAY
    )
    started = needed.filter(started_by=OuterRef("pk"))
    released = needed.filter(released_by=OuterRef("pk"))
    for definition in _definitions(workspace, name):
        old = Event.objects.filter(definition=definition, occurred_at__lt=before)
        every = old.count()
        kept = old.filter(Exists(started) | Exists(released)).count() if every else 0
        yield Pruned(name=definition.name, deleted=every - kept, kept=kept)


def portions(
    *, workspace: Workspace, before: datetime, name: str | None = None
) -> Iterator[Pruned]:
    """Delete the events that occurred before a moment; yields after each portion's commit.

    Idempotent: a caller may stop between portions and go on with another call. A day's roll-up is
    recounted with the last portion of that day. Raises `NoSuchName`.
    """
    for definition in _definitions(workspace, name):
        events = Event.objects.filter(definition=definition, occurred_at__lt=before)
        touched = Touched()
        position: Bygone | None = None
        while True:
            portion = _Portion(events, position)
            if not portion.events:
                break
            with transaction.atomic():
                kept = portion.delete(touched)
            yield Pruned(name=definition.name, deleted=len(portion.events) - kept, kept=kept)
            if portion.following is None:
                break
            position = portion.events[-1]


class _Portion:
    """The oldest events after a position, and the one that follows them."""

    def __init__(self, events: QuerySet[Event], position: Bygone | None) -> None:
        if position is not None:
            events = events.filter(
                Q(occurred_at__gt=position.occurred_at) | Q(pk__gt=position.id),
                # The index is read by this part alone.
                occurred_at__gte=position.occurred_at,
            )
        rows = events.order_by("occurred_at", "id").values(*COLUMNS, "subscriber_id")
        found = list(rows[: MOST_AT_ONCE + 1])
        self.owner_by_event: dict[UUID, UUID] = {
            row["id"]: row["subscriber_id"] for row in found[:MOST_AT_ONCE]
        }
        self.events = [_bygone(row) for row in found[:MOST_AT_ONCE]]
        self.following = _bygone(found[MOST_AT_ONCE]) if len(found) > MOST_AT_ONCE else None

    def delete(self, touched: Touched) -> int:
        """Delete what no current enrollment needs, in a transaction; returns how many were kept."""
        owners = set(self.owner_by_event.values())
        # So that no operator restarts an ended enrollment with an event that is being deleted.
        list(Subscriber.objects.filter(pk__in=owners).locked().values_list("pk", flat=True))
        needed = self._needed(owners)
        going = [event for event in self.events if event.id not in needed]
        delete_events([event.id for event in going])
        touched.add(going)
        touched.recount(unfinished_days=[self.following.day] if self.following else [])
        return len(self.events) - len(going)

    def _needed(self, owners: set[UUID]) -> set[UUID | None]:
        under_way = Enrollment.objects.filter(
            Q(started_by__in=self.owner_by_event) | Q(released_by__in=self.owner_by_event),
            subscriber__in=owners,
            status__in=Enrollment.UNDER_WAY,
        )
        pairs = under_way.values_list("started_by_id", "released_by")
        return {event_id for pair in pairs for event_id in pair}


def _bygone(row: Mapping[str, Any]) -> Bygone:
    return Bygone(**{name: row[name] for name in COLUMNS})


def _definitions(workspace: Workspace, name: str | None) -> list[EventDefinition]:
    every = EventDefinition.objects.filter(workspace=workspace).order_by("name")
    if name is None:
        return list(every)
    named = list(every.filter(name=name.strip()))
    if not named:
        raise NoSuchName(f"No event named {name!r} was ever recorded in {workspace.slug}.")
    return named
