"""Where an enrollment is, what it waits for, and why nothing happens, in sentences."""

from datetime import datetime

from config.readable import moment
from events.language.timing import ATTRIBUTE_MARK, zone_of
from events.models import Enrollment, Sequence, Step
from events.wording.reasons import reason_in_words, with_error
from events.wording.sequences import WAYS_IN
from subscribers.models import Subscriber, Workspace
from subscribers.services.outbox import brakes

COLOURS = {
    "waiting_confirmation": "warning", "active": "info", "waiting": "info", "paused": "warning",
    "completed": "success", "stopped": "", "cancelled": "", "failed": "danger", "expired": "",
}  # fmt: skip
Status = Enrollment.Status


def on_both_clocks(at: datetime, workspace: Workspace, person: Subscriber | None = None) -> str:
    """Return a moment by the workspace's clock, and by the person's where that differs."""
    zone = zone_of(workspace.timezone)
    own = zone_of(person.timezone, workspace.timezone) if person else zone
    if at.astimezone(own).utcoffset() == at.astimezone(zone).utcoffset():
        return moment(at, zone)
    return f"{moment(at, zone)} ({moment(at, own)} for the person)"


def entry_in_words(enrollment: Enrollment) -> str:
    via = enrollment.entered_via
    kind = via.get("kind") or "an unknown way"
    _, words = WAYS_IN.get(kind, ("", kind))
    return f"{words} {via.get('name') or ''}".strip()


def why(enrollment: Enrollment) -> str:
    """Return why it waits, is held or ended, and its last error; may be empty."""
    return with_error(enrollment.reason, enrollment.last_error)


def what_next(enrollment: Enrollment, *, now: datetime) -> str:
    if not enrollment.is_under_way:
        return _how_it_ended(enrollment)
    if enrollment.status == Status.PAUSED:
        return _why_paused(enrollment)
    if enrollment.sequence.status != Sequence.Status.ACTIVE:
        word = enrollment.sequence.get_status_display().lower()
        return f"Nothing: the sequence is {word}. It waits until the sequence is activated."
    if enrollment.status == Status.WAITING_CONFIRMATION:
        return "It waits until the person confirms the address."
    if enrollment.status == Status.WAITING:
        return _what_it_waits_for(enrollment, now)
    return _what_is_due(enrollment, now)


def _how_it_ended(enrollment: Enrollment) -> str:
    when = f" at {moment(enrollment.ended_at)}" if enrollment.ended_at else ""
    why = f": {reason_in_words(enrollment.reason)}" if enrollment.reason else ""
    word = enrollment.get_status_display().lower()
    verb = word if enrollment.status in (Status.FAILED, Status.EXPIRED) else f"was {word}"
    return f"Nothing more: it {verb}{when}{why}."


def _why_paused(enrollment: Enrollment) -> str:
    since = f" since {moment(enrollment.paused_at)}" if enrollment.paused_at else ""
    if enrollment.reason == "sequence_paused":
        return f"Nothing: it is paused{since}, and continues when the sequence is activated again."
    why = f" ({reason_in_words(enrollment.reason)})" if enrollment.reason else ""
    later = enrollment.due_before_pause
    due = f" It would have been due at {_both(later, enrollment)}." if later else ""
    return f"Nothing until somebody resumes it: it is paused{since}{why}.{due}"


def _what_it_waits_for(enrollment: Enrollment, now: datetime) -> str:
    if enrollment.awaits and enrollment.released_by:
        return f"The event {enrollment.awaits} came; a worker takes it within seconds."
    until = _both(enrollment.due_at, enrollment) if enrollment.due_at else "no time that is known"
    if enrollment.awaits.startswith(ATTRIBUTE_MARK):
        name = enrollment.awaits.removeprefix(ATTRIBUTE_MARK)
        return f"It waits until {until}, or another time when the attribute {name} changes."
    if enrollment.awaits:
        return f"It waits for the event {enrollment.awaits}, until {until} at most."
    if enrollment.reason:
        return f"It waits until {until}: {reason_in_words(enrollment.reason)}.{_held(enrollment)}"
    if enrollment.due_at and enrollment.due_at <= now:
        return f"Its wait is over since {until}; a worker takes it within seconds."
    return f"It waits until {until}."


def _held(enrollment: Enrollment) -> str:
    """Return what holds the mail of its step besides; nothing where nothing does."""
    if enrollment.step is None or enrollment.step.kind != Step.Kind.EMAIL:
        return ""
    workspace, person = enrollment.workspace, enrollment.subscriber
    verdict = brakes.verdict(
        workspace=workspace, recipient=person.email, is_test=enrollment.is_test
    )
    return f" Besides, {reason_in_words(verdict.reason)}." if verdict.is_hold else ""


def _what_is_due(enrollment: Enrollment, now: datetime) -> str:
    if enrollment.due_at is None:
        return "Nothing is planned."
    is_mail = enrollment.step is not None and enrollment.step.kind == Step.Kind.EMAIL
    if is_mail and enrollment.workspace.is_mail_paused:
        return "An email waits to be sent: the workspace's mail is paused."
    due = _both(enrollment.due_at, enrollment)
    if enrollment.lease_token is not None:
        return "A worker is at it right now."
    if enrollment.due_at > now:
        if enrollment.reason:
            return f"It is tried again at {due}: {why(enrollment)}."
        if enrollment.attempts:
            return f"The step failed {enrollment.attempts} times; it is tried again at {due}."
        return f"The step is carried out at {due}."
    return f"The step is due since {due}; a worker takes it within seconds, if one runs."


def _both(at: datetime, enrollment: Enrollment) -> str:
    return on_both_clocks(at, enrollment.workspace, enrollment.subscriber)
