"""Merges what two subscribers did, since they are one person.

The caller holds both subscribers' locks, in a transaction, and deletes the one afterwards. Locks:
the enrollments of both, in the order of their ids.
"""

from datetime import datetime
from uuid import UUID

from django.db.models import OuterRef, Q, Subquery

from events.models import Enrollment, Event
from events.services.counts.touched import COLUMNS, Bygone, Touched
from events.services.enrollments import rows as starting
from events.services.people.erasing import delete_events
from subscribers.reactions import Moved

Status = Enrollment.Status
# Why an enrollment ended: the kept subscriber is or was in the sequence.
MERGED = "merged"
MOST_AT_ONCE = 1000


def merge(*, kept_id: UUID, gone_id: UUID, is_held: bool, now: datetime) -> Moved:
    """Move events and enrollments from one subscriber to the other; idempotent.

    An event that the kept subscriber has too is deleted, and enrollments point to the kept one
    instead. An enrollment whose entry slot the kept subscriber has is cancelled, so that nobody is
    in a sequence twice. Claims of the engine end; it claims again. Nothing starts. With `is_held`,
    current enrollments wait for the confirmation of the kept subscriber.
    """
    both = Enrollment.objects.filter(subscriber__in=[kept_id, gone_id]).order_by("id")
    list(both.select_for_update().values_list("pk", flat=True))
    duplicates = _drop_duplicates(kept_id, gone_id)
    cancelled = _end_what_both_are_in(kept_id, gone_id, now)
    theirs = Enrollment.objects.filter(subscriber=gone_id)
    if is_held:
        _hold(gone_id, now)
    theirs.filter(status__in=Enrollment.UNDER_WAY).update(
        lease_token=None, lease_expires_at=None, updated_at=now
    )
    return Moved(
        events=Event.objects.filter(subscriber=gone_id).update(subscriber=kept_id),
        duplicates=duplicates,
        enrollments=theirs.update(subscriber=kept_id),
        cancelled=cancelled,
    )


def _drop_duplicates(kept_id: UUID, gone_id: UUID) -> int:
    """Delete the events that the kept subscriber has too; in portions, with their roll-ups."""
    twin = Event.objects.filter(
        subscriber=kept_id, definition=OuterRef("definition"), event_id=OuterRef("event_id")
    )
    repeated = (
        Event.objects.filter(subscriber=gone_id, event_id__isnull=False)
        .annotate(twin=Subquery(twin.values("pk")[:1]))
        .filter(twin__isnull=False)
        .order_by("occurred_at", "id")
    )
    dropped = 0
    while rows := list(repeated.values(*COLUMNS, "twin")[:MOST_AT_ONCE]):
        twin_by_id: dict[UUID, UUID] = {row["id"]: row.pop("twin") for row in rows}
        _point_to_twins(gone_id, twin_by_id)
        touched = Touched()
        touched.add(Bygone(**row) for row in rows)
        delete_events(list(twin_by_id))
        touched.recount()
        dropped += len(rows)
    return dropped


def _point_to_twins(gone_id: UUID, twin_by_id: dict[UUID, UUID]) -> None:
    enrollments = Enrollment.objects.filter(subscriber=gone_id)
    named = enrollments.filter(Q(started_by__in=twin_by_id) | Q(released_by__in=twin_by_id))
    for enrollment in named.only("started_by", "released_by"):
        started, released = enrollment.started_by_id, enrollment.released_by
        Enrollment.objects.filter(pk=enrollment.pk).update(
            started_by=twin_by_id.get(started, started) if started else None,
            released_by=twin_by_id.get(released, released) if released else None,
        )


def _end_what_both_are_in(kept_id: UUID, gone_id: UUID, now: datetime) -> int:
    """Cancel enrollments whose slot the kept subscriber has, and free their slots."""
    slots = Enrollment.objects.filter(subscriber=kept_id, entry_slot__isnull=False)
    taken = set(slots.values_list("sequence_id", "entry_slot"))
    rows = Enrollment.objects.filter(subscriber=gone_id, entry_slot__isnull=False)
    doubled = [
        enrollment_id
        for enrollment_id, sequence_id, slot in rows.values_list("pk", "sequence_id", "entry_slot")
        if (sequence_id, slot) in taken
    ]
    enrollments = Enrollment.objects.filter(pk__in=doubled)
    cancelled = enrollments.filter(status__in=Enrollment.UNDER_WAY).update(
        **{**starting.stopped_columns(now=now, reason=MERGED), "status": Status.CANCELLED},
        due_before_pause=None,
    )
    enrollments.update(entry_slot=None)
    return cancelled


def _hold(gone_id: UUID, now: datetime) -> None:
    """Make current enrollments wait for a confirmation, as a pending person's do."""
    under_way = Enrollment.objects.filter(
        subscriber=gone_id, status__in=Enrollment.UNDER_WAY, sequence__runs_while_pending=False
    )
    is_paused = Q(status=Status.PAUSED)
    under_way.filter(~is_paused).update(
        status=Status.WAITING_CONFIRMATION, due_at=None, awaits="", released_by=None, updated_at=now
    )
    under_way.filter(is_paused).update(status_before_pause=Status.WAITING_CONFIRMATION)
