"""The rows of enrollments: read, started, released and stopped, as `decisions.triggers` decides.

The caller holds the subscriber's lock, inside a transaction. Enrollments are changed in the order
of their ids. A claim of the engine does not matter here: a stop takes its token, so that its later
writes are dropped, and a release leaves it alone.
"""

import json
from collections.abc import Collection, Iterable
from collections.abc import Sequence as Several
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Case, Exists, F, JSONField, OuterRef, Q, QuerySet, Value, When

from events.decisions.enrollments import EnrollmentsBySlot, EnrollmentState, Start
from events.models import Enrollment, Sequence
from subscribers.models import Subscriber

ENROLLMENT_COLUMNS = (
    "id", "sequence_id", "status", "entry_slot", "entry_key", "awaits", "step_id", "released_by",
)  # fmt: skip
ANY = Q()
STOP_CONDITION = "stop_condition"
SUPERSEDED = "superseded"


def enrollments_of(
    *, subscriber_id: UUID, sequence_ids: Collection[UUID], with_entry: bool = False
) -> EnrollmentsBySlot:
    """Return the person's enrollments that hold a slot of the sequences; at most one query."""
    if not sequence_ids:
        return {}
    found = enrollments_of_many(
        subscriber_ids=[subscriber_id], sequence_ids=sequence_ids, with_entry=with_entry
    )
    return found.get(subscriber_id, {})


def enrollments_of_many(
    *,
    subscriber_ids: Collection[UUID],
    sequence_ids: Collection[UUID],
    condition: Q = ANY,
    with_entry: bool = False,
) -> dict[UUID, EnrollmentsBySlot]:
    """Return the enrollments that hold a slot of the sequences and meet a condition, by person.

    Those `with_entry` have the properties of the event that began them.
    """
    rows = Enrollment.objects.filter(
        condition,
        subscriber__in=subscriber_ids,
        sequence__in=sequence_ids,
        entry_slot__isnull=False,
    )
    by_person: dict[UUID, list[Several[Any]]] = {}
    entry = F("started_by__properties") if with_entry else Value(None, output_field=JSONField())
    found = rows.annotate(entry=entry).values_list("subscriber_id", *ENROLLMENT_COLUMNS, "entry")
    for subscriber_id, *values in found:
        by_person.setdefault(subscriber_id, []).append(values)
    return {subscriber_id: by_slot(values) for subscriber_id, values in by_person.items()}


def by_slot(rows: Iterable[Several[Any]]) -> EnrollmentsBySlot:
    """Return rows, read as `ENROLLMENT_COLUMNS`, by the slot that each holds.

    The entry may be JSON as text; None without a starting event, or where it is deleted.
    """
    states = []
    for *values, entry in rows:
        columns = dict(zip(ENROLLMENT_COLUMNS, values, strict=True))
        known = json.loads(entry) if isinstance(entry, str) else entry or {}
        states.append(EnrollmentState(**columns, entry=known))
    return {state.slot: state for state in states}


def start(
    *,
    subscriber: Subscriber,
    starts: Several[Start],
    now: datetime,
    event_id: UUID | None = None,
    since: datetime | None = None,
    is_test: bool = False,
) -> None:
    """Insert the enrollments in one statement; their waits count from `since`, or now.

    First stops those that they supersede. Raises `IntegrityError` when another process took a slot
    without the subscriber's lock.
    """
    superseded = [each.supersedes for each in starts if each.supersedes]
    stop(enrollment_ids=superseded, now=now, reason=SUPERSEDED)
    Enrollment.objects.bulk_create(
        Enrollment(
            workspace_id=subscriber.workspace_id,
            subscriber_id=subscriber.pk,
            **columns(each, now=now, event_id=event_id, since=since, is_test=is_test),
        )
        for each in starts
    )


def columns(
    begun: Start,
    *,
    now: datetime,
    event_id: UUID | None,
    since: datetime | None = None,
    is_test: bool = False,
    depth: int = 0,
) -> dict[str, Any]:
    """Return a new enrollment's columns, without its owner; missing ones have their default."""
    sequence, enrollment = begun.sequence, begun.enrollment
    is_waiting = enrollment.status == Enrollment.Status.WAITING_CONFIRMATION
    via = {"kind": begun.by, "name": begun.name}
    return {
        "id": enrollment.id,
        "sequence_id": sequence.id,
        "version_id": sequence.version_id,
        "status": enrollment.status,
        "entry_slot": enrollment.entry_slot,
        "entry_key": enrollment.entry_key,
        "started_by_id": event_id,
        "entered_via": {**via, "value": begun.value} if begun.value else via,
        "is_test": is_test,
        "depth": depth,
        "step_id": sequence.first_step_id,
        "step_since": since or now,
        "due_at": None if is_waiting else now,
        "lane": sequence.lane,
        "entered_at": since or now,
        "updated_at": now,
    }


def release(*, enrollments: Several[EnrollmentState], event_id: UUID, now: datetime) -> None:
    """Let enrollments go on with the event that they awaited, paused ones when they are resumed."""
    if not enrollments:
        return
    locked([enrollment.id for enrollment in enrollments]).update(
        released_by=event_id, **_due_columns(now)
    )


def wake(*, enrollment_ids: Collection[UUID], now: datetime) -> None:
    """Let enrollments look again at what they wait for, paused ones when they are resumed."""
    if enrollment_ids := list(enrollment_ids):
        locked(enrollment_ids).update(**_due_columns(now))


def _due_columns(now: datetime) -> dict[str, Any]:
    is_paused = Q(status=Enrollment.Status.PAUSED)
    return {
        "due_at": Case(When(is_paused, then=F("due_at")), default=Value(now)),
        "due_before_pause": Case(When(is_paused, then=Value(now)), default=F("due_before_pause")),
        "updated_at": now,
    }


def stop(*, enrollment_ids: Collection[UUID], now: datetime, reason: str = STOP_CONDITION) -> None:
    """End enrollments that are under way; `reason` is a word.

    Their slots are free again, except where people enter once.
    """
    enrollment_ids = list(enrollment_ids)
    if not enrollment_ids:
        return
    once_ever = Sequence.objects.filter(
        pk=OuterRef("sequence_id"), enrollment_mode=Sequence.Mode.ONE_TIME
    )
    locked(enrollment_ids).update(
        **stopped_columns(now=now, reason=reason),
        entry_slot=Case(When(Exists(once_ever), then=F("entry_slot")), default=Value(None)),
    )


def stopped_columns(*, now: datetime, reason: str = STOP_CONDITION) -> dict[str, Any]:
    """Return the columns of a stopped enrollment, without its slot."""
    return {
        "status": Enrollment.Status.STOPPED,
        "reason": reason,
        "ended_at": now,
        "due_at": None,
        "lease_token": None,
        "lease_expires_at": None,
        "awaits": "",
        "released_by": None,
        "updated_at": now,
    }


def locked(enrollment_ids: Collection[UUID]) -> QuerySet[Enrollment]:
    """Lock the enrollments in the order of their ids; returns those still under way."""
    rows = Enrollment.objects.filter(pk__in=enrollment_ids, status__in=Enrollment.UNDER_WAY)
    in_order = rows.order_by("id").select_for_update(no_key=True).values_list("pk", flat=True)
    return Enrollment.objects.filter(pk__in=list(in_order))
