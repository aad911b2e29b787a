"""Opens and clicks of tracked mails: judged and recorded, unless they are not tracked any more.

A robot costs a few reads: its first visit to each link is a row, later ones raise a count to a
bound. Nothing here raises for a token or a visitor.
"""

from datetime import datetime, timedelta

from django.db import IntegrityError, transaction

from subscribers.models import MailActivity, OutgoingEmail
from subscribers.services.activity import recording, rules, tracking
from subscribers.services.activity.recording import Seen
from subscribers.services.activity.rules import Facts, Visit

Kind = MailActivity.Kind
Quality = MailActivity.Quality
# A person follows one link in it.
AT_ONCE = timedelta(seconds=1)


def note_open(*, token: str, visit: Visit, now: datetime) -> None:
    """Record that the mail's picture was loaded; nothing for an unknown token. Idempotent."""
    email = tracking.email_of_open(token)
    if email is not None and _is_tracked(Kind.OPENED, email):
        _note(email, Kind.OPENED, visit, now)


def follow(*, token: str, visit: Visit, now: datetime) -> str | None:
    """Record a click, and return where the link leads; None for an unknown token. Idempotent."""
    link = tracking.link_of(token)
    if link is None:
        return None
    if _is_tracked(Kind.CLICKED, link.email):
        _note(link.email, Kind.CLICKED, visit, now, link.url)
        _correct(link.email, now)
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


def _note(
    email: OutgoingEmail, kind: MailActivity.Kind, visit: Visit, now: datetime, url: str = ""
) -> None:
    facts = Facts(visit=visit, kind=kind, seconds_since_sent=since_sent(email, now))
    quality, reasons = rules.judge(facts)
    seen = Seen(email=email, kind=kind, quality=quality, reasons=reasons, url=url, at=now)
    recording.record(seen=[seen])


def _correct(email: OutgoingEmail, now: datetime) -> None:
    """Call clicks a machine's that looked like a person's until more came at the same time."""
    clicks = MailActivity.objects.filter(
        email=email, kind=Kind.CLICKED, last_at__range=(now - AT_ONCE, now + AT_ONCE)
    )
    rows = list(clicks)
    has_machine = any(row.quality == Quality.MACHINE for row in rows)
    if not has_machine and len({row.url_hash for row in rows}) <= 1:
        return
    for row in rows:
        # A person's click of earlier stays one, though a scanner came again.
        if row.quality == Quality.MACHINE or row.at < now - AT_ONCE:
            continue
        same = MailActivity.objects.filter(pk=row.pk)
        try:
            with transaction.atomic():
                same.update(quality=Quality.MACHINE, reasons=[rules.ONE_OF_MANY])
        except IntegrityError:
            # A machine followed the same link: that is stored already.
            same.delete()
