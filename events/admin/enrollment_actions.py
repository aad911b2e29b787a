"""What an operator may do to an enrollment, and when."""

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from config.admin_base import RowAction
from events.models import Enrollment, Step
from events.services.enrollments import by_operator
from events.services.sequences import parked_enrollments

Status = Enrollment.Status
REFUSALS = (
    by_operator.AlreadyEnrolled,
    by_operator.NotFailed,
    by_operator.NotWaitingForTime,
    by_operator.EnrollmentEnded,
)
NOTHING_CHANGED = "Nothing changed: it has that state already, or the sequence is not active."


class EnrollmentChange(Protocol):
    """A service that changes one enrollment; returns whether it did."""

    def __call__(self, *, enrollment: Enrollment, now: datetime) -> bool: ...


# By the last part of the URL: the service, and its words in the log.
CHANGES: Mapping[str, tuple[EnrollmentChange, str]] = {
    "pause": (by_operator.pause, "Paused"),
    "resume": (by_operator.resume, "Resumed"),
    "cancel": (by_operator.cancel, "Cancelled"),
    "retry": (by_operator.retry, "Failed step retried"),
    "send-now": (by_operator.send_now, "Continued without waiting"),
}
PAUSE = RowAction(
    name="pause", label="Pause", explanation="Stops it where it is until you resume it."
)
HOLD = RowAction(
    name="pause", label="Keep paused",
    explanation="It stays paused when the sequence is activated again.",
)  # fmt: skip
RESUME = RowAction(
    name="resume", label="Resume", explanation="It continues when it would have been due."
)
CANCEL = RowAction(
    name="cancel", label="Cancel", is_dangerous=True,
    explanation="Ends it. An email that is being sent still arrives.",
)  # fmt: skip
RETRY = RowAction(name="retry", label="Retry", explanation="Runs the failed step again.")
SEND_NOW = RowAction(name="send-now", label="Continue now", explanation="Ends the wait.")


def allowed(enrollment: Enrollment) -> list[RowAction]:
    """Return the actions for the enrollment's current state; services refuse the rest."""
    if enrollment.status == Status.FAILED:
        return [RETRY]
    if not enrollment.is_under_way:
        return []
    if enrollment.status == Status.PAUSED:
        is_by_engine = enrollment.reason == parked_enrollments.REASON
        return [RESUME, HOLD, CANCEL] if is_by_engine else [RESUME, CANCEL]
    return [SEND_NOW, PAUSE, CANCEL] if _waits_for_time(enrollment) else [PAUSE, CANCEL]


def _waits_for_time(enrollment: Enrollment) -> bool:
    if enrollment.due_at is None:
        return False
    is_delay = enrollment.step is not None and enrollment.step.kind == Step.Kind.DELAY
    is_retried = enrollment.status == Status.ACTIVE and enrollment.attempts > 0
    return is_retried or (enrollment.status == Status.WAITING and is_delay)
