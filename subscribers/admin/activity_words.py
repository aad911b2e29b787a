"""What became of a mail after it left, in sentences."""

from typing import assert_never

from django.utils.html import format_html
from django.utils.safestring import SafeString

from config.readable import bulleted, moment
from subscribers.models import MailActivity, OutgoingEmail
from subscribers.services.activity import latest_mail, rules

# A mail has more at most when a robot opens it.
MOST_SHOWN = 50
_BY = {"human": "by a person", "machine": "by a machine", "unknown": "by a person or a machine"}
_ASSUMED = "The link names the person, not the mail: this is the latest one that was sent."


def activity(email: OutgoingEmail) -> SafeString | str:
    rows = list(MailActivity.objects.filter(email=email).order_by("at", "id")[: MOST_SHOWN + 1])
    if not rows:
        return _nothing(email)
    lines = [sentence(row) for row in rows[:MOST_SHOWN]]
    return bulleted(lines if len(rows) <= MOST_SHOWN else [*lines, "There is more."])


def _nothing(email: OutgoingEmail) -> str:
    if email.status not in {OutgoingEmail.Status.SENT, OutgoingEmail.Status.UNKNOWN}:
        return "It has not left."
    workspace = email.workspace
    if workspace.tracks_opens or workspace.tracks_clicks:
        return "Nothing is known: no report came, and nobody opened it or followed a link."
    return (
        "No report came. Opens and clicks are not tracked: the workspace's page has the switches."
    )


def sentence(row: MailActivity) -> SafeString:
    times = f", {row.times} times, last at {moment(row.last_at)}" if row.times > 1 else ""
    when = f"{moment(row.at)}{times}"
    match MailActivity.Kind(row.kind):
        case MailActivity.Kind.OPENED:
            because = f": {_reasons(row)}" if row.reasons else ""
            return format_html("Opened at {} {}{}.", when, _BY[row.quality], because)
        case MailActivity.Kind.CLICKED:
            because = f" ({_reasons(row)})" if row.reasons else ""
            words = "Clicked at {} {}{}: <code>{}</code>"
            return format_html(words, when, _BY[row.quality], because, row.url)
        case MailActivity.Kind.BOUNCED:
            return format_html("Came back at {}: a {} bounce.", when, row.bounce_type or "soft")
        case MailActivity.Kind.UNSUBSCRIBED if latest_mail.ASSUMED in row.reasons:
            return format_html("Unsubscribed at {}. {}", when, _ASSUMED)
        case (
            MailActivity.Kind.DELIVERED
            | MailActivity.Kind.DEFERRED
            | MailActivity.Kind.COMPLAINED
            | MailActivity.Kind.UNSUBSCRIBED
        ) as kind:
            return format_html("{} at {}.", kind.label, when)
        case other:
            assert_never(other)


def _reasons(row: MailActivity) -> str:
    return "; ".join(rules.SENTENCES.get(name, name) for name in row.reasons)
