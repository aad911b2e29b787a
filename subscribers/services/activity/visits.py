"""Opens and clicks of tracked mails: judged and recorded, unless they are not tracked any more.

A robot costs a few reads: its first visit to each link is a row, later ones raise a count to a
bound. Nothing here raises for a token or a visitor.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from subscribers.models import MailActivity, OutgoingEmail
from subscribers.services.activity import recording, rules, tracking
from subscribers.services.activity.recording import Seen
from subscribers.services.activity.rules import Facts, Visit

Kind = MailActivity.Kind
Quality = MailActivity.Quality
# A person follows one link in it.
AT_ONCE = timedelta(seconds=1)
ONE_OF_MANY = "one_of_many"


def note_open(*, token: str, visit: Visit, now: datetime) -> None:
    """Record that the mail's picture was loaded; nothing for an unknown token. Idempotent."""
    email = tracking.email_of_open(token)
    if email is not None and _is_tracked(Kind.OPENED, email):
        facts = Facts(visit=visit, kind=Kind.OPENED, seconds_since_sent=since_sent(email, now))
        quality, reasons = rules.judge(facts)
        seen = Seen(email=email, kind=Kind.OPENED, quality=quality, reasons=reasons, at=now)
        recording.record(seen=[seen])


def follow(*, token: str, visit: Visit, now: datetime) -> str | None:
    """Record a click, and return where the link leads; None for an unknown token. Idempotent."""
    link = tracking.link_of(token)
    if link is None:
        return None
    if _is_tracked(Kind.CLICKED, link.email):
        _note_click(link, visit, now)
    return link.url


def since_sent(email: OutgoingEmail, at: datetime) -> float | None:
    """Return the seconds since a mail left; 0 while it is being sent."""
    if email.status == OutgoingEmail.Status.SENDING:
        return 0
    sent_at = email.sent_at or email.sending_since
    return (at - sent_at).total_seconds() if sent_at else None


def _is_tracked(kind: MailActivity.Kind, email: OutgoingEmail) -> bool:
    person = email.subscriber
    return kind in tracking.tracked_kinds(email=email, workspace=email.workspace, subscriber=person)


def _note_click(link: tracking.TrackedLink, visit: Visit, now: datetime) -> None:
    rows = recording.rows_of([link.email])
    clicks = [row for row in rows if row.kind == Kind.CLICKED]
    just_now = [row for row in clicks if now - AT_ONCE <= row.last_at <= now]
    url_hash = recording.hash_of(link.url)
    others = [row for row in just_now if row.url_hash != url_hash]
    is_one_of_many = bool(others) or any(row.quality == Quality.MACHINE for row in just_now)
    facts = Facts(
        visit=visit,
        kind=Kind.CLICKED,
        seconds_since_sent=since_sent(link.email, now),
        is_one_of_many=is_one_of_many,
    )
    quality, reasons = rules.judge(facts)
    _call_machine([row for row in others if row.quality != Quality.MACHINE], clicks)
    seen = Seen(
        email=link.email,
        kind=Kind.CLICKED,
        quality=quality,
        reasons=reasons,
        url=link.url,
        at=now,
    )
    recording.record(seen=[seen], known=rows)


def _call_machine(rows: Sequence[MailActivity], clicks: Sequence[MailActivity]) -> None:
    """Correct the first of many clicks, which looked like a person's until the second came."""
    for row in rows:
        same = MailActivity.objects.filter(pk=row.pk)
        if any(row.url_hash == c.url_hash and c.quality == Quality.MACHINE for c in clicks):
            same.delete()
        else:
            same.update(quality=Quality.MACHINE, reasons=[ONE_OF_MANY])
