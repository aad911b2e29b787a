"""What became of a mail after it left, in sentences."""

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
    lines = [_line(row) for row in rows[:MOST_SHOWN]]
    return bulleted(lines if len(rows) <= MOST_SHOWN else [*lines, "There is more."])


def _nothing(email: OutgoingEmail) -> str:
    workspace = email.workspace
    if workspace.tracks_opens or workspace.tracks_clicks:
        return "Nothing is known: no report came, and nobody opened it or followed a link."
    return (
        "No report came. Opens and clicks are not tracked: the workspace's page has the switches."
    )


def _line(row: MailActivity) -> SafeString:
    times = f", {row.times} times, last at {moment(row.last_at)}" if row.times > 1 else ""
    when = f"{moment(row.at)}{times}"
    match MailActivity.Kind(row.kind):
        case MailActivity.Kind.OPENED:
            return format_html("Opened {} at {}.{}", _BY[row.quality], when, _because(row))
        case MailActivity.Kind.CLICKED:
            words = "Clicked {} at {}: <code>{}</code>.{}"
            return format_html(words, _BY[row.quality], when, row.url, _because(row))
        case MailActivity.Kind.BOUNCED:
            return format_html("Came back at {}: a {} bounce.", when, row.bounce_type or "soft")
        case MailActivity.Kind.UNSUBSCRIBED if latest_mail.ASSUMED in row.reasons:
            return format_html("Unsubscribed at {}. {}", when, _ASSUMED)
        case kind:
            return format_html("{} at {}.", kind.label, when)


def _because(row: MailActivity) -> str:
    known = [rules.SENTENCES[name] for name in row.reasons if name in rules.SENTENCES]
    return f" Because {'; '.join(known)}." if known else ""
