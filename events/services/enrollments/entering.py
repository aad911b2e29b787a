"""Enters people into a sequence on request, whatever its trigger is."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction

from events.models import Enrollment, Sequence, Step
from events.services.sequences.sequences import NotActive
from events.services.sequences.versions import lane_of
from subscribers.models import Subscriber

PENDING = Subscriber.Status.PENDING
# Why people may not enter, by their status.
REFUSED = {
    Subscriber.Status.UNSUBSCRIBED: "subscriber_unsubscribed",
    Subscriber.Status.COMPLAINED: "subscriber_unsubscribed",
    Subscriber.Status.BOUNCED: "subscriber_bounced",
}


class NoSuchStep(ValueError):
    code = "VALIDATION_ERROR"


@dataclass(frozen=True, slots=True)
class Enrolled:
    """The new enrollments, and why other people did not enter, by the subscriber's id.

    The reasons are those of an event's effects, and `subscriber_pending`.
    """

    enrolled: tuple[Enrollment, ...]
    skipped: Mapping[UUID, str]


def enroll(
    *,
    sequence: Sequence,
    subscribers: Collection[Subscriber],
    now: datetime,
    is_for_active_only: bool = True,
    segment_name: str = "",
    step_key: str = "",
    is_test: bool = False,
) -> Enrolled:
    """Begin an enrollment for each subscriber of the sequence's workspace who may enter. Atomic.

    Raises `NotActive`. Locks the subscribers, then the sequence, so that it cannot change
    meanwhile. When not for active people only, a pending person's enrollment waits for the
    confirmation, and people who left or bounced enter, unless the sequence takes active subscribers
    only. The enrollment keeps the segment's name, where they enter by one. With a `step_key` it
    begins at that step; raises `NoSuchStep`.
    """
    with transaction.atomic():
        mine = Subscriber.objects.filter(workspace_id=sequence.workspace_id)
        people = list(mine.filter(pk__in=[each.pk for each in subscribers]).locked())
        rows = Sequence.objects.select_for_update(no_key=True, of=("self",))
        locked = rows.get(pk=sequence.pk)
        first = entry_step(locked, key=step_key)
        holders = Enrollment.objects.filter(sequence=locked, subscriber__in=people, entry_slot="")
        status_by_person = dict(holders.values_list("subscriber_id", "status"))
        enrollments, skipped = [], {}
        for person in people:
            reason = _refusal(locked, person, status_by_person, is_for_active_only)
            if reason:
                skipped[person.pk] = reason
            else:
                begun = _enrollment(locked, person, first, now, segment_name)
                begun.is_test = is_test
                enrollments.append(begun)
        Enrollment.objects.bulk_create(enrollments)
    return Enrolled(enrolled=tuple(enrollments), skipped=skipped)


def entry_step(sequence: Sequence, *, key: str = "") -> Step:
    """Return where enrollments begin, or the step of a key; raises `NotActive`, `NoSuchStep`."""
    if sequence.status != Sequence.Status.ACTIVE:
        status = sequence.get_status_display().lower()
        raise NotActive(f"The sequence is {status}: only an active one lets people in.")
    if sequence.is_enrollment_paused:
        raise NotActive("The sequence lets nobody in at the moment.")
    steps = Step.objects.filter(version_id=sequence.current_version_id).order_by("position")
    chosen = (steps.filter(key=key) if key else steps).first()
    if chosen is not None:
        return chosen
    if key:
        raise NoSuchStep(f"The sequence has no step {key}.")
    raise NotActive("The sequence has no steps.")


def _refusal(
    sequence: Sequence,
    person: Subscriber,
    status_by_person: Mapping[UUID, str],
    is_for_active_only: bool,  # noqa: FBT001 - passed on
) -> str:
    if sequence.enrollment_mode == Sequence.Mode.MATCHING_FIELD:
        return "entry_key_missing"
    keeps_out = is_for_active_only or sequence.active_subscribers_only
    if keeps_out and person.status in REFUSED:
        return REFUSED[Subscriber.Status(person.status)]
    if is_for_active_only and person.status == PENDING and not sequence.runs_while_pending:
        return "subscriber_pending"
    if person.pk not in status_by_person:
        return ""
    is_under_way = status_by_person[person.pk] in Enrollment.UNDER_WAY
    return "already_enrolled" if is_under_way else "entered_before"


def _enrollment(
    sequence: Sequence, person: Subscriber, first: Step, now: datetime, segment_name: str
) -> Enrollment:
    is_held = person.status == PENDING and not sequence.runs_while_pending
    statuses = Enrollment.Status
    return Enrollment(
        workspace_id=sequence.workspace_id,
        sequence=sequence,
        version_id=first.version_id,
        subscriber=person,
        status=statuses.WAITING_CONFIRMATION if is_held else statuses.ACTIVE,
        entry_slot="",
        entered_via={"kind": "segment", "name": segment_name}
        if segment_name
        else {"kind": "manual"},
        step=first,
        step_since=now,
        due_at=None if is_held else now,
        lane=lane_of(first),
        entered_at=now,
        updated_at=now,
    )
