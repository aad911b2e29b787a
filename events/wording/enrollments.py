"""Where an enrollment stands, what it waits for, and why nothing happens, in sentences."""

from datetime import datetime

from config.readable import moment
from events.language.timing import zone_of
from events.models import Enrollment, Sequence, Step
from events.wording.sequences import WAYS_IN
from subscribers.models import Workspace

COLOURS = {
    "waiting_confirmation": "warning",
    "active": "info",
    "waiting": "info",
    "paused": "warning",
    "completed": "success",
    "stopped": "",
    "cancelled": "",
    "failed": "danger",
    "expired": "",
}
REASONS = {
    "sequence_paused": "the sequence was paused",
    "paused_by_hand": "by hand",
    "cancelled_by_hand": "by hand",
    "stop_condition": "what stops the sequence happened",
    "unsubscribed": "the person unsubscribed",
    "suppressed": "mail to the address is suppressed",
    "exit": "it came to a step that ends it",
    "condition_not_met": "a condition was not met",
    "timeout": "the event that it waited for did not come in time",
    "date_missing": "there was no date to wait for",
    "date_past": "the date to wait for was past",
    "webhook_failed": "a webhook failed",
    "gave_up": "a step failed too often, or for good",
}
# Why a step that is due is put off.
PUT_OFF = {
    "mail_paused": "mail is paused",
    "mail_server_away": "the mail server does not answer",
    "mail_deferred": "the mail server put the mail off",
    "mail_cap": "the person has had as many mails as the workspace allows for now",
    "sending_window": "the sequence's sending window is closed",
}
Status = Enrollment.Status


def on_both_clocks(at: datetime, workspace: Workspace) -> str:
    """Return a moment by the workspace's clock, and in UTC where that differs."""
    zone = zone_of(workspace.timezone)
    local = f"{at.astimezone(zone):%Y-%m-%d %H:%M:%S} {zone.key}"
    return local if zone.key == "UTC" else f"{local} = {moment(at)} UTC"


def entry_in_words(enrollment: Enrollment) -> str:
    """Return by what the person came in."""
    via = enrollment.entered_via
    kind = via.get("kind") or "an unknown way"
    _, words = WAYS_IN.get(kind, ("", kind))
    return f"{words} {via.get('name') or ''}".strip()


def reason_in_words(reason: str) -> str:
    """Return a stored reason, a word and perhaps a sentence, as people say it."""
    word, _, rest = reason.partition(":")
    known = REASONS.get(word.strip(), word.strip().replace("_", " "))
    return f"{known}: {rest.strip()}" if rest.strip() else known


def what_next(enrollment: Enrollment, *, now: datetime) -> str:
    """Return what the enrollment waits for, or why nothing happens."""
    if not enrollment.is_under_way:
        return _how_it_ended(enrollment)
    if enrollment.status == Status.PAUSED:
        return _why_paused(enrollment)
    standing = enrollment.sequence.status
    if standing != Sequence.Status.ACTIVE:
        word = enrollment.sequence.get_status_display().lower()
        return f"Nothing: the sequence is {word}. It is held until the sequence is switched on."
    if enrollment.status == Status.WAITING_CONFIRMATION:
        return "It waits at its beginning until the person confirms the address."
    if enrollment.status == Status.WAITING:
        return _what_it_waits_for(enrollment, now)
    return _what_is_due(enrollment, now)


def _how_it_ended(enrollment: Enrollment) -> str:
    when = f" at {moment(enrollment.ended_at)}" if enrollment.ended_at else ""
    why = f": {reason_in_words(enrollment.reason)}" if enrollment.reason else ""
    word = enrollment.get_status_display().lower()
    return f"Nothing more: it is {word}{when}{why}."


def _why_paused(enrollment: Enrollment) -> str:
    since = f" since {moment(enrollment.paused_at)}" if enrollment.paused_at else ""
    if enrollment.reason == "sequence_paused":
        return f"Nothing: it is held{since}, and goes on when the sequence is switched on again."
    why = f" ({reason_in_words(enrollment.reason)})" if enrollment.reason else ""
    later = enrollment.due_before_pause
    due = f" It would have been due at {_both(later, enrollment)}." if later else ""
    return f"Nothing until somebody resumes it: it is paused{since}{why}.{due}"


def _what_it_waits_for(enrollment: Enrollment, now: datetime) -> str:
    if enrollment.awaits and enrollment.released_by:
        return f"The event {enrollment.awaits} came; a worker takes it on within seconds."
    until = _both(enrollment.due_at, enrollment) if enrollment.due_at else "no time that is known"
    if enrollment.awaits:
        return f"It waits for the event {enrollment.awaits}, until {until} at most."
    if enrollment.reason in PUT_OFF:
        return f"It waits until {until}: {PUT_OFF[enrollment.reason]}."
    if enrollment.due_at and enrollment.due_at <= now:
        return f"Its wait is over since {until}; a worker takes it on within seconds."
    return f"It waits until {until}."


def _what_is_due(enrollment: Enrollment, now: datetime) -> str:
    if enrollment.due_at is None:
        return "Nothing is planned."
    is_mail = enrollment.step is not None and enrollment.step.kind == Step.Kind.EMAIL
    if is_mail and enrollment.workspace.is_mail_paused:
        return "A mail is to be sent, and waits: the workspace's mail is paused."
    due = _both(enrollment.due_at, enrollment)
    if enrollment.lease_token is not None:
        return "A worker is at it right now."
    if enrollment.due_at > now:
        if enrollment.reason in PUT_OFF:
            return f"It is tried again at {due}: {PUT_OFF[enrollment.reason]}."
        if enrollment.attempts:
            return f"The step failed {enrollment.attempts} times; it is tried again at {due}."
        return f"The step is carried out at {due}."
    return f"The step is due since {due}; a worker takes it on within seconds, if one enrollments."


def _both(at: datetime, enrollment: Enrollment) -> str:
    return on_both_clocks(at, enrollment.workspace)
