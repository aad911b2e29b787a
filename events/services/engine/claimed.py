"""Claimed enrollments with their locked people, and the facts that their steps check.

Facts are read for the whole batch at once, on first use.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, cast
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import connection

from events.language import filters as property_filters
from events.language import timing
from events.language.filters import Filter
from events.models import Enrollment, Event
from events.services.engine import loaded_versions
from events.services.engine.loaded_versions import LoadedVersion
from events.services.engine.walking import Position, SeenEvent
from subscribers.ids import encode
from subscribers.models import ListMembership, Subscriber, SubscriberTag, Workspace
from subscribers.services.storage.sql_values import adapted, id_of
from subscribers.wire import profile
from subscribers.wire.names import plain

# How many of the latest events of a name are compared with filters.
MOST_EVENTS_SEEN = 1000
# Columns of a workspace that apply to the very next mail.
SWITCHES = ("is_mail_paused", "mail_cap", "mail_cap_hours")
_OF_PERSON = ("status", "email", "external_id", *profile.NAMES)
_LOCK_PEOPLE = f"""
SELECT id, attributes, {", ".join(_OF_PERSON)} FROM subscribers_subscriber
WHERE id IN ({{ids}}) ORDER BY id {{lock}}
"""  # noqa: S608 - no values in it
_READ_SWITCHES = f"""
SELECT e.id, q.status, EXISTS (
        SELECT 1 FROM subscribers_suppression s
        WHERE s.workspace_id = e.workspace_id AND s.address_hash = %s
    ), {", ".join(f"w.{name}" for name in SWITCHES)}
FROM events_enrollment e
JOIN events_sequence q ON q.id = e.sequence_id
JOIN subscribers_workspace w ON w.id = e.workspace_id
WHERE e.lease_token = %s AND e.id IN ({{ids}})
"""  # noqa: S608 - as above


@dataclass(slots=True)
class Shared:
    """Facts for the enrollments of a batch, by subscriber and by event."""

    subscriber_ids: Sequence[UUID]
    event_ids: Sequence[UUID]
    _tags: dict[UUID, set[str]] | None = None
    _lists: dict[UUID, set[str]] | None = None
    _properties: Mapping[UUID, Mapping[str, Any]] | None = None

    def tags(self, subscriber_id: UUID) -> set[str]:
        if self._tags is None:
            self._tags = {}
            links = SubscriberTag.objects.filter(subscriber__in=self.subscriber_ids)
            for owner, name in links.values_list("subscriber_id", "tag__name"):
                self._tags.setdefault(owner, set()).add(name)
        return self._tags.setdefault(subscriber_id, set())

    def lists(self, subscriber_id: UUID) -> set[str]:
        if self._lists is None:
            self._lists = {}
            joined = ListMembership.objects.filter(
                subscriber__in=self.subscriber_ids, unsubscribed_at=None
            )
            for owner, list_id in joined.values_list("subscriber_id", "list_id"):
                self._lists.setdefault(owner, set()).add(encode("lst", list_id))
        return self._lists.setdefault(subscriber_id, set())

    def properties(self, event_id: UUID | None) -> Mapping[str, Any]:
        """Return an event's properties; empty without an event, or when it is deleted."""
        if event_id is None:
            return {}
        if self._properties is None:
            rows = Event.objects.filter(pk__in=self.event_ids)
            self._properties = dict(rows.values_list("pk", "properties"))
        return self._properties.get(event_id, {})


@dataclass(slots=True)
class ClaimedEnrollment:
    """One claimed enrollment, with facts as of the transaction that loaded it."""

    row: Enrollment
    version: LoadedVersion
    subscriber: Subscriber
    workspace: Workspace
    shared: Shared = field(repr=False)

    @property
    def subscriber_id(self) -> UUID:
        return self.subscriber.pk

    @property
    def entered_at(self) -> datetime:
        return self.row.entered_at

    @property
    def tags(self) -> set[str]:
        return self.shared.tags(self.subscriber.pk)

    @property
    def lists(self) -> set[str]:
        return self.shared.lists(self.subscriber.pk)

    @property
    def attributes(self) -> Mapping[str, Any]:
        return cast("Mapping[str, Any]", self.subscriber.attributes)

    @property
    def event_properties(self) -> Mapping[str, Any]:
        return self.shared.properties(self.row.started_by_id)

    @property
    def position(self) -> Position:
        return Position(
            placed=self.version.at(self.row.step_id),
            since=self.row.step_since,
            is_waiting=self.row.status == Enrollment.Status.WAITING,
            due_at=self.row.due_at,
            released_by=self.row.released_by,
        )

    def zone(self, timezone: str) -> ZoneInfo:
        return timing.zone_for(
            timezone, subscriber=self.subscriber.timezone, workspace=self.workspace.timezone
        )

    def find_event(
        self, name: str, filters: Sequence[Filter], *, since: datetime
    ) -> SeenEvent | None:
        rows = self._events(name).filter(
            is_historical=False,
            received_at__gte=since,
            # A live event is never older on receipt; this bound uses the index by occurrence.
            occurred_at__gte=since - settings.HISTORY_AFTER - timedelta(minutes=1),
        )
        for event in rows.order_by("id")[:MOST_EVENTS_SEEN]:
            is_later = event.received_at > since or self._came_after_start(event)
            if is_later and property_filters.are_met(filters, event.properties):
                return SeenEvent(event.pk, event.received_at)
        return None

    def received_at(self, event_id: UUID) -> datetime | None:
        return Event.objects.filter(pk=event_id).values_list("received_at", flat=True).first()

    def has_happened(self, name: str, filters: Sequence[Filter], *, since: datetime | None) -> bool:
        rows = self._events(name)
        if since is not None:
            rows = rows.filter(received_at__gte=since, is_historical=False)
        latest = rows.order_by("-occurred_at", "-id")[:MOST_EVENTS_SEEN]
        return any(
            property_filters.are_met(filters, event.properties)
            for event in latest
            if since is None or event.received_at > since or self._came_after_start(event)
        )

    def _events(self, name: str) -> Any:  # noqa: ANN401 - a queryset of events
        # As release 0.2.0 stored both, and as events are named today.
        spellings = sorted({name, plain(name)})
        return Event.objects.filter(
            subscriber=self.subscriber,
            definition__workspace=self.workspace,
            definition__name__in=spellings,
        ).only("id", "received_at", "properties")

    def _came_after_start(self, event: Event) -> bool:
        """Tell whether the event followed the starting event in the same request."""
        started_by = self.row.started_by_id
        return started_by is not None and event.pk > started_by


@dataclass(slots=True)
class Claimed:
    """What the token still holds, by subscriber id; the subscribers' rows are locked."""

    enrollments: list[ClaimedEnrollment]
    # Enrollments whose sequence is no longer active.
    parked: list[Enrollment]
    # Enrollments whose workspace suppresses the address in question.
    suppressed: set[UUID] = field(default_factory=set)

    def enrollment(self, enrollment_id: UUID) -> ClaimedEnrollment | None:
        return next((each for each in self.enrollments if each.row.pk == enrollment_id), None)


def load_locked(*, token: UUID, ids: Sequence[UUID]) -> Claimed:
    """Lock the people of claimed enrollments, then read the enrollments; in a transaction.

    Enrollments that another process took are left out. They are read after the locks, by a second
    statement: one that waits for a lock sees other rows as they were before the wait.
    """
    held = Enrollment.objects.filter(pk__in=ids, lease_token=token)
    owners = list(held.values_list("subscriber_id", flat=True))
    locked = Subscriber.objects.filter(pk__in=owners).locked()
    people = {person.pk: person for person in locked}
    rows = [
        row for row in held.select_related("sequence", "workspace") if row.subscriber_id in people
    ]
    rows.sort(key=lambda row: (row.subscriber_id, row.pk))
    active = [row for row in rows if row.sequence.status == row.sequence.Status.ACTIVE]
    shared = Shared(
        subscriber_ids=[row.subscriber_id for row in active],
        event_ids=[row.started_by_id for row in active if row.started_by_id],
    )
    return Claimed(
        enrollments=[
            ClaimedEnrollment(
                row=row,
                version=loaded_versions.load(row.version_id),
                subscriber=people[row.subscriber_id],
                workspace=row.workspace,
                shared=shared,
            )
            for row in active
        ],
        parked=[row for row in rows if row.sequence.status != row.sequence.Status.ACTIVE],
    )


def lock_again(
    *, token: UUID, enrollments: Sequence[ClaimedEnrollment], address_hash: str = ""
) -> Claimed:
    """Lock the people of loaded enrollments again, and read what may have changed since.

    With the `address_hash` of a recipient, also reads whether the address is suppressed. While the
    token holds, no other process moves an enrollment, but its sequence, workspace and person may
    change. Raw statements, since they run for every mail: the ORM takes ten times as long.
    """
    people = _lock_people({each.subscriber.pk: each.subscriber for each in enrollments})
    seen = _read_switches(token, enrollments, address_hash)
    claimed = Claimed(enrollments=[], parked=[])
    for enrollment in enrollments:
        if enrollment.row.pk not in seen or enrollment.subscriber.pk not in people:
            continue
        status, is_suppressed, *switches = seen[enrollment.row.pk]
        if status != enrollment.row.sequence.Status.ACTIVE:
            claimed.parked.append(enrollment.row)
            continue
        for name, value in zip(SWITCHES, switches, strict=True):
            setattr(enrollment.workspace, name, value)
        event_ids = [enrollment.row.started_by_id] if enrollment.row.started_by_id else []
        shared = Shared(subscriber_ids=[enrollment.subscriber.pk], event_ids=event_ids)
        claimed.enrollments.append(replace(enrollment, shared=shared))
        if is_suppressed:
            claimed.suppressed.add(enrollment.row.pk)
    return claimed


def _lock_people(people: Mapping[UUID, Subscriber]) -> set[UUID]:
    """Lock people in the order of their ids, and refresh the columns that mails and steps read."""
    lock = "FOR NO KEY UPDATE" if connection.features.has_select_for_update else ""
    statement = _LOCK_PEOPLE.format(ids=_placeholders(people), lock=lock)
    found: set[UUID] = set()
    with connection.cursor() as cursor:
        cursor.execute(statement, adapted(*people))
        for row_id, attributes, *columns in cursor.fetchall():
            person = people[id_of(row_id)]
            person.attributes = json.loads(attributes)
            for name, value in zip(_OF_PERSON, columns, strict=True):
                setattr(person, name, value)
            found.add(person.pk)
    return found


def _read_switches(
    token: UUID, enrollments: Sequence[ClaimedEnrollment], address_hash: str
) -> dict[UUID, tuple[Any, ...]]:
    ids = [enrollment.row.pk for enrollment in enrollments]
    with connection.cursor() as cursor:
        statement = _READ_SWITCHES.format(ids=_placeholders(ids))
        cursor.execute(statement, adapted(address_hash, token, *ids))
        return {id_of(row_id): tuple(rest) for row_id, *rest in cursor.fetchall()}


def _placeholders(values: Collection[object]) -> str:
    return ", ".join(["%s"] * len(values))
