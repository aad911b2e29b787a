"""Deletes what people did: their events, failed stages, enrollments and step runs.

The caller holds the subscriber's lock, in a transaction. The events of a person with a hundred
thousand go in portions, oldest first, each with its roll-ups, so that a process that dies leaves no
wrong count.
"""

from collections.abc import Sequence
from uuid import UUID

from events.models import Enrollment, Event, FailedStage
from events.services.counts import touched_hours
from events.services.counts.touched import COLUMNS, Bygone, Touched
from subscribers.services.people import traces

# How many events one transaction deletes: well under a second.
MOST_AT_ONCE = 2000


def erase_some(*, subscriber_id: UUID) -> int:
    """Delete all enrollments and a portion of the oldest events; returns how many events.

    Idempotent. The enrollments go first, so that a person who is half erased gets no mail. If less
    than a portion is left, `erase` deletes it: new events must not keep this going.
    """
    touched_hours.touch_people([subscriber_id])
    _delete_enrollments([subscriber_id])
    oldest = _oldest([subscriber_id])
    if len(oldest) < MOST_AT_ONCE:
        return 0
    _delete_counted(oldest)
    return len(oldest)


def erase(*, subscriber_ids: Sequence[UUID]) -> int:
    """Delete enrollments and events, few after `erase_some`; returns how many events."""
    touched_hours.touch_people(subscriber_ids)
    _delete_enrollments(subscriber_ids)
    deleted = 0
    while oldest := _oldest(subscriber_ids):
        _delete_counted(oldest)
        deleted += len(oldest)
    return deleted


def delete_events(event_ids: Sequence[UUID]) -> None:
    """Delete events and their failed stages; enrollments that they started stay, without them."""
    if not event_ids:
        return
    FailedStage.objects.filter(event__in=event_ids).delete()
    Enrollment.objects.filter(started_by__in=event_ids).update(started_by=None)
    # One statement: Django's own deletion reads every event, and searches for the rows above.
    events = Event.objects.filter(pk__in=event_ids)
    events._raw_delete(events.db)  # noqa: SLF001 - see above


def _delete_enrollments(subscriber_ids: Sequence[UUID]) -> None:
    enrollments = Enrollment.objects.filter(subscriber__in=subscriber_ids).order_by("id")
    enrollment_ids = list(enrollments.select_for_update().values_list("pk", flat=True))
    if enrollment_ids:
        traces.forget_log_of(model=Enrollment, row_ids=enrollment_ids)
        Enrollment.objects.filter(pk__in=enrollment_ids).delete()


def _oldest(subscriber_ids: Sequence[UUID]) -> list[Bygone]:
    """Return the first of the events, by the index of the timeline, read backwards."""
    events = Event.objects.filter(subscriber__in=subscriber_ids).order_by("occurred_at", "id")
    return [Bygone(**row) for row in events.values(*COLUMNS)[:MOST_AT_ONCE]]


def _delete_counted(events: Sequence[Bygone]) -> None:
    delete_events([event.id for event in events])
    touched = Touched()
    touched.add(events)
    touched.recount()
