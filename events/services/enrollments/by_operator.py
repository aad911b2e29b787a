"""Enrollments changed by an operator: entered, paused, resumed, cancelled, retried, moved.

Each change locks the subscriber, then the enrollment, reads it again, and takes it from the worker
that has claimed it, whose write is then dropped. Functions on one enrollment return whether they
changed it, and refresh the row that was passed in.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from events.models import Enrollment, Sequence, Step
from events.services.counts import touched_hours
from events.services.enrollments.entering import Enrolled, enroll
from events.services.enrollments.moving import Move, move_enrollments, preview_move
from events.services.sequences import parked_enrollments
from events.services.sequences.versions import lane_of
from subscribers.models import Subscriber
from subscribers.services.outbox import outbox

__all__ = [
    "AlreadyEnrolled", "Enrolled", "EnrollmentEnded", "Move", "NotFailed", "NotWaitingForTime",
    "cancel", "cancel_many", "enroll", "move_enrollments", "pause", "pause_many", "preview_move",
    "resume", "resume_many", "retry", "send_now",
]  # fmt: skip

Status = Enrollment.Status
LONGEST_REASON = 200
# What pausing, resuming and cancelling change.
CHANGED_COLUMNS = (
    "status", "status_before_pause", "reason", "entry_slot", "awaits", "released_by", "step_since",
    "due_at", "due_before_pause", "paused_at", "ended_at", "lease_token", "lease_expires_at",
    "updated_at",
)  # fmt: skip


class EnrollmentEnded(ValueError):
    code = "CONFLICT"


class NotFailed(ValueError):
    code = "CONFLICT"


class NotWaitingForTime(ValueError):
    """The enrollment waits for something other than time."""

    code = "CONFLICT"


class AlreadyEnrolled(ValueError):
    """Another enrollment holds the person's place."""

    code = "CONFLICT"


def pause(*, enrollment: Enrollment, now: datetime, reason: str = "paused_by_hand") -> bool:
    """Pause an enrollment; `resume` restores its due time. Atomic, idempotent.

    Raises `EnrollmentEnded`.
    """
    with _changing(enrollment, now) as locked:
        return _pause(locked, now, reason)


def _pause(locked: Enrollment, now: datetime, reason: str) -> bool:
    _refuse_ended(locked)
    is_paused = locked.status == Status.PAUSED
    # One that the engine parked would go on with its sequence; an operator may keep it paused.
    if is_paused and locked.reason != parked_enrollments.REASON:
        return False
    if not is_paused:
        locked.status_before_pause = locked.status
        locked.due_before_pause = locked.due_at
        locked.paused_at = now
    locked.status = Status.PAUSED
    locked.due_at = None
    locked.reason = reason[:LONGEST_REASON]
    return True


def resume(*, enrollment: Enrollment, now: datetime) -> bool:
    """Resume a paused enrollment at its due time, or at once if its event has come meanwhile.

    Enrollments parked with their sequence stay paused until it is active. Atomic, idempotent.
    Raises `EnrollmentEnded`.
    """
    with _changing(enrollment, now) as locked:
        return _resume(locked, now)


def _resume(locked: Enrollment, now: datetime) -> bool:
    _refuse_ended(locked)
    is_active = locked.sequence.status == Sequence.Status.ACTIVE
    if locked.status != Status.PAUSED or (
        locked.reason == parked_enrollments.REASON and not is_active
    ):
        return False
    before = locked.status_before_pause or Status.ACTIVE
    is_pending = locked.subscriber.status == Subscriber.Status.PENDING
    if before == Status.WAITING_CONFIRMATION and not is_pending:
        # Confirmed meanwhile: its waits count from now.
        before, locked.step_since = Status.ACTIVE, now
    locked.status = before
    locked.due_at = now if locked.released_by else locked.due_before_pause or now
    if before == Status.WAITING_CONFIRMATION:
        locked.due_at = None
    locked.status_before_pause = locked.reason = ""
    locked.due_before_pause = locked.paused_at = None
    return True


def cancel(*, enrollment: Enrollment, now: datetime, reason: str = "cancelled_by_hand") -> bool:
    """End an enrollment; a mail being sent still arrives. Atomic. Raises `EnrollmentEnded`."""
    with _changing(enrollment, now) as locked:
        return _cancel(locked, now, reason)


def _cancel(locked: Enrollment, now: datetime, reason: str) -> bool:
    _refuse_ended(locked)
    locked.status = Status.CANCELLED
    locked.reason = reason[:LONGEST_REASON]
    locked.ended_at = now
    locked.due_at = locked.due_before_pause = None
    locked.awaits = ""
    locked.released_by = None
    if locked.sequence.enrollment_mode != Sequence.Mode.ONE_TIME:
        locked.entry_slot = None
    return True


# Enrollments that were under way when they were locked, and whether each was changed.
Changed = list[tuple[Enrollment, bool]]


def pause_many(*, enrollments: QuerySet[Enrollment], now: datetime, reason: str) -> Changed:
    """Pause those that are under way, as `pause`, in a few statements. Atomic, idempotent."""
    return _change_many(enrollments, now, lambda locked: _pause(locked, now, reason))


def resume_many(*, enrollments: QuerySet[Enrollment], now: datetime) -> Changed:
    return _change_many(enrollments, now, lambda locked: _resume(locked, now))


def cancel_many(*, enrollments: QuerySet[Enrollment], now: datetime, reason: str) -> Changed:
    return _change_many(enrollments, now, lambda locked: _cancel(locked, now, reason))


def _change_many(
    enrollments: QuerySet[Enrollment], now: datetime, change: Callable[[Enrollment], bool]
) -> Changed:
    with transaction.atomic():
        pairs = dict(enrollments.values_list("pk", "subscriber_id"))
        list(Subscriber.objects.filter(pk__in=pairs.values()).locked())
        rows = Enrollment.objects.filter(pk__in=pairs).select_related(
            "sequence", "subscriber", "step"
        )
        locked = rows.order_by("pk").select_for_update(no_key=True, of=("self",))
        done = [(row, change(row)) for row in locked if row.is_under_way]
        changed = [row for row, is_changed in done if is_changed]
        for row in changed:
            row.lease_token = row.lease_expires_at = None
            row.updated_at = now
        if changed:
            Enrollment.objects.bulk_update(changed, CHANGED_COLUMNS)
    return done


def retry(
    *,
    enrollment: Enrollment,
    now: datetime,
    due_at: datetime | None = None,
    target: Step | None = None,
) -> bool:
    """Carry out the failed step once more, as another visit, now or when `due_at`. Atomic.

    With a `target` the enrollment moves to that step of another version.
    The error stays, so the enrollment is claimed alone. A mail that an operator has sent again
    meanwhile is not sent twice. Raises `NotFailed`, and `AlreadyEnrolled` when the place is taken.
    """
    try:
        with _changing(enrollment, now) as locked:
            if locked.status != Status.FAILED or locked.step is None:
                status = _in_words(locked)
                raise NotFailed(f"The enrollment is {status}: only a failed one is tried again.")
            if locked.ended_at:
                touched_hours.touch([locked.ended_at])
            cause = locked.mail_cause
            locked.status = Status.ACTIVE
            locked.visit += 1
            if target:
                locked.step, locked.version_id = target, target.version_id
                locked.lane = lane_of(target)
            outbox.replace_failed(workspace_id=locked.workspace_id, cause=cause)
            outbox.hand_on(workspace_id=locked.workspace_id, cause=cause, to=locked.mail_cause)
            locked.attempts = 0
            locked.due_at = due_at or now
            locked.ended_at = locked.released_by = None
            locked.reason = ""
            is_keyed = locked.sequence.enrollment_mode == Sequence.Mode.MATCHING_FIELD
            locked.entry_slot = locked.entry_key if is_keyed else ""
    except IntegrityError as error:
        message = "The person has entered the sequence again since: that enrollment is under way."
        raise AlreadyEnrolled(message) from error
    return True


def send_now(*, enrollment: Enrollment, now: datetime) -> bool:
    """End a delay now, or the pause before a retry. Atomic, idempotent.

    Raises `EnrollmentEnded`, and `NotWaitingForTime` for an enrollment that is paused, or waits for
    an event, a confirmation or its sending window.
    """
    with _changing(enrollment, now) as locked:
        _refuse_ended(locked)
        is_at_delay = locked.step is not None and locked.step.kind == Step.Kind.DELAY
        is_delayed = locked.status == Status.WAITING and is_at_delay
        if locked.due_at is None or not (is_delayed or locked.status == Status.ACTIVE):
            wait = _wait_of(locked)
            raise NotWaitingForTime(f"The enrollment does not wait for time alone: {wait}.")
        if locked.due_at <= now:
            return False
        locked.due_at = now
        # No event, but itself: the engine does not read a date again.
        locked.released_by, locked.awaits = locked.pk, ""
    return True


@contextmanager
def _changing(enrollment: Enrollment, now: datetime) -> Iterator[Enrollment]:
    """Yield the enrollment as it is now, under its subscriber's lock, and store its changes."""
    with transaction.atomic():
        list(Subscriber.objects.filter(pk=enrollment.subscriber_id).locked())
        rows = Enrollment.objects.select_related("sequence", "subscriber", "step")
        locked = rows.select_for_update(no_key=True, of=("self",)).get(pk=enrollment.pk)
        before = _columns(locked)
        yield locked
        if _columns(locked) != before:
            locked.lease_token = locked.lease_expires_at = None
            locked.updated_at = now
            locked.save()
    enrollment.refresh_from_db()


def _columns(enrollment: Enrollment) -> dict[str, object]:
    return {field.attname: getattr(enrollment, field.attname) for field in Enrollment._meta.fields}


def _refuse_ended(enrollment: Enrollment) -> None:
    if not enrollment.is_under_way:
        raise EnrollmentEnded(f"The enrollment is over: {_in_words(enrollment)}.")


def _in_words(enrollment: Enrollment) -> str:
    return Status(enrollment.status).label.lower()


def _wait_of(enrollment: Enrollment) -> str:
    """Return what an enrollment that `send_now` refuses waits for."""
    if enrollment.status == Status.PAUSED:
        return "it is paused"
    if enrollment.status == Status.WAITING_CONFIRMATION:
        return "the person has not confirmed"
    if enrollment.awaits:
        return f"it waits for the event {enrollment.awaits}"
    return "it waits until mail may be sent"
