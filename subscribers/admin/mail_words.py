"""The state of a mail in words."""

from config.readable import moment
from events.wording.reasons import reason_in_words, with_error
from subscribers.models import OutgoingEmail

COLOURS = {
    "queued": "info", "sending": "info", "sent": "success", "failed": "danger",
    "unknown": "warning", "skipped": "",
}  # fmt: skip
# In these states the reason is current; later states show the error.
WITH_REASON = (OutgoingEmail.Status.SKIPPED, OutgoingEmail.Status.QUEUED)
LONGEST_NOTE = 90
UNKNOWN = (
    "It was handed to the mail server and no answer came: it may have arrived. "
    "Look in the server's log, then resolve it above."
)


def note(email: OutgoingEmail) -> str:
    is_queued = email.status == OutgoingEmail.Status.QUEUED
    if is_queued and email.workspace.is_mail_paused:
        return _paused(email)
    has_reason = email.reason and email.status in WITH_REASON
    error = "" if email.status == OutgoingEmail.Status.SKIPPED else email.last_error
    words = with_error(email.reason, error) if has_reason else email.last_error
    return words[:LONGEST_NOTE] or "-"


def _paused(email: OutgoingEmail) -> str:
    """Return why a mail of a paused workspace waits, and why else: lists filter by that."""
    before = f"; before that {reason_in_words(email.reason)}" if email.reason else ""
    return f"the workspace's mail is paused{before}"


def why(email: OutgoingEmail) -> str:
    match email.status:
        case OutgoingEmail.Status.SKIPPED:
            return f"Not sent: {reason_in_words(email.reason or 'no reason is known')}."
        case OutgoingEmail.Status.FAILED:
            return f"Refused: {email.last_error or 'no error is known'}"
        case OutgoingEmail.Status.UNKNOWN:
            return f"{UNKNOWN} {email.last_error}".rstrip()
        case OutgoingEmail.Status.SENDING:
            return "A worker is handing it over right now."
        case OutgoingEmail.Status.QUEUED:
            return _why_queued(email)
    return f"Handed over at {moment(email.sent_at)}." if email.sent_at else "Handed over."


def _why_queued(email: OutgoingEmail) -> str:
    if email.workspace.is_mail_paused:
        return f"It waits: {_paused(email)}."
    if email.reason:
        at = f" It is tried again at {moment(email.due_at)}." if email.due_at else ""
        return f"It waits: {with_error(email.reason, email.last_error)}.{at}"
    if email.last_error:
        return f"It is tried again; last time: {email.last_error}"
    return "It is sent as soon as a worker is free."
