"""Runs, changed by hand: begun, paused, resumed, cancelled, tried again, sent on, moved.

Each change locks the subscriber, re-reads the run and takes it from the worker that has it, whose
write then drops. Functions on one run return whether they changed it; the row that was passed in is
read anew. Locks: subscriber, then run.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from django.db import IntegrityError, transaction

from events.models import Enrollment, Sequence, Step
from events.services.enrollments.entering import Enrolled, enroll
from events.services.enrollments.moving import Move, move_runs, preview_move
from events.services.sequences import parked_runs
from subscribers.models import Subscriber
from subscribers.services.outbox import outbox

__all__ = [
    "AlreadyEnrolled", "Enrolled", "Move", "NotFailed", "NotWaitingForTime", "RunEnded", "cancel",
    "enroll", "move_runs", "pause", "preview_move", "resume", "retry", "send_now",
]  # fmt: skip

Status = Enrollment.Status
LONGEST_REASON = 200


class RunEnded(ValueError):
    """The run is over."""

    code = "CONFLICT"


class NotFailed(ValueError):
    """Only what failed is tried again."""

    code = "CONFLICT"


class NotWaitingForTime(ValueError):
    """The run waits for something that no hand can bring forward."""

    code = "CONFLICT"


class AlreadyEnrolled(ValueError):
    """Another run under way, or an ended one of a sequence entered once, has the place."""

    code = "CONFLICT"


def pause(*, enrollment: Enrollment, now: datetime, reason: str = "paused_by_hand") -> bool:
    """Hold a run where it is; it keeps its wall-clock wait. Atomic, idempotent.

    Raises `RunEnded`.
    """
    with _changing(enrollment, now) as run:
        _refuse_ended(run)
        is_paused = run.status == Status.PAUSED
        # One that the engine parked would go on with its sequence: a hand may hold it for good.
        if is_paused and run.reason != parked_runs.REASON:
            return False
        if not is_paused:
            run.status_before_pause = run.status
            run.due_before_pause = run.due_at
            run.paused_at = now
        run.status = Status.PAUSED
        run.due_at = None
        run.reason = reason[:LONGEST_REASON]
    return True


def resume(*, enrollment: Enrollment, now: datetime) -> bool:
    """Let a paused run go on: when it would be due, or at once with an event that came meanwhile.

    What the engine holds because the sequence is not active stays held until it is. Atomic,
    idempotent. Raises `RunEnded`.
    """
    with _changing(enrollment, now) as run:
        _refuse_ended(run)
        is_active = run.sequence.status == Sequence.Status.ACTIVE
        if run.status != Status.PAUSED or (run.reason == parked_runs.REASON and not is_active):
            return False
        before = run.status_before_pause or Status.ACTIVE
        is_pending = run.subscriber.status == Subscriber.Status.PENDING
        if before == Status.WAITING_CONFIRMATION and not is_pending:
            # Confirmed meanwhile: its waits count from now.
            before, run.step_since = Status.ACTIVE, now
        run.status = before
        run.due_at = run.due_before_pause or now
        if run.released_by:
            run.due_at = now
        if before == Status.WAITING_CONFIRMATION:
            run.due_at = None
        run.status_before_pause = ""
        run.due_before_pause = None
        run.paused_at = None
        run.reason = ""
    return True


def cancel(*, enrollment: Enrollment, now: datetime, reason: str = "cancelled_by_hand") -> bool:
    """End a run; a mail that is on its way still arrives. Atomic. Raises `RunEnded`."""
    with _changing(enrollment, now) as run:
        _refuse_ended(run)
        run.status = Status.CANCELLED
        run.reason = reason[:LONGEST_REASON]
        run.ended_at = now
        run.due_at = None
        run.due_before_pause = None
        run.awaits = ""
        run.released_by = None
        if run.sequence.enrollment_mode != Sequence.Mode.ONE_TIME:
            run.entry_slot = None
    return True


def retry(*, enrollment: Enrollment, now: datetime) -> bool:
    """Carry out the step at which a run failed once more, as another visit. Atomic.

    The error stays to be read, so the run is worked on alone. Its mail, where a hand has sent that
    again meanwhile, does not go twice. Raises `NotFailed`, and `AlreadyEnrolled` when a later run
    has taken the place.
    """
    try:
        with _changing(enrollment, now) as run:
            if run.status != Status.FAILED or run.step is None:
                raise NotFailed(f"The run is {_in_words(run)}: only a failed one is tried again.")
            cause = run.mail_cause
            run.status = Status.ACTIVE
            run.visit += 1
            outbox.hand_on(workspace_id=run.workspace_id, cause=cause, to=run.mail_cause)
            run.attempts = 0
            run.due_at = now
            run.ended_at = None
            run.reason = ""
            run.released_by = None
            is_keyed = run.sequence.enrollment_mode == Sequence.Mode.MATCHING_FIELD
            run.entry_slot = run.entry_key if is_keyed else ""
    except IntegrityError as error:
        raise AlreadyEnrolled(
            "The person has entered the sequence again since: that run is under way."
        ) from error
    return True


def send_now(*, enrollment: Enrollment, now: datetime) -> bool:
    """End a delay now, or the time before a failed step is tried again. Atomic, idempotent.

    Raises `RunEnded`, and `NotWaitingForTime` for a run that is paused, or waits for an event, a
    confirmation or its sending window.
    """
    with _changing(enrollment, now) as run:
        _refuse_ended(run)
        is_delayed = run.status == Status.WAITING and _kind(run) == Step.Kind.DELAY
        if run.due_at is None or not (is_delayed or run.status == Status.ACTIVE):
            raise NotWaitingForTime(f"The run does not wait for time alone: {_wait_of(run)}.")
        if run.due_at <= now:
            return False
        run.due_at = now
    return True


@contextmanager
def _changing(enrollment: Enrollment, now: datetime) -> Iterator[Enrollment]:
    """Give the run as it is now, under its subscriber's lock, and store what was changed of it."""
    with transaction.atomic():
        list(Subscriber.objects.filter(pk=enrollment.subscriber_id).locked())
        rows = Enrollment.objects.select_related("sequence", "subscriber", "step")
        run = rows.select_for_update(no_key=True, of=("self",)).get(pk=enrollment.pk)
        before = _columns(run)
        yield run
        if _columns(run) != before:
            run.lease_token = None
            run.lease_expires_at = None
            run.updated_at = now
            run.save()
    enrollment.refresh_from_db()


def _columns(run: Enrollment) -> dict[str, object]:
    return {field.attname: getattr(run, field.attname) for field in Enrollment._meta.fields}


def _refuse_ended(run: Enrollment) -> None:
    if not run.is_under_way:
        raise RunEnded(f"The run is over: {_in_words(run)}.")


def _kind(run: Enrollment) -> str:
    return run.step.kind if run.step else ""


def _in_words(run: Enrollment) -> str:
    return Status(run.status).label.lower()


def _wait_of(run: Enrollment) -> str:
    """Return what a run that `send_now` refuses waits for."""
    if run.status == Status.PAUSED:
        return "it is paused"
    if run.status == Status.WAITING_CONFIRMATION:
        return "the person has not confirmed"
    if run.awaits:
        return f"it waits for the event {run.awaits}"
    return "it waits until mail may leave"
