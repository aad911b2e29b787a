"""Confirmation emails before sending and after an unknown delivery; called by `queue`, which has
the fence, the network and the locks.
"""

from datetime import datetime

from django.db.models import F, QuerySet

from config import retries
from subscribers.models import Confirmation, OutgoingEmail, Subscriber
from subscribers.services.consent import breakers, links, mail
from subscribers.services.outbox import outbox
from subscribers.wire import addresses

Status = OutgoingEmail.Status
ALREADY_CONFIRMED = "already_confirmed"
# The confirmation expired or the subscriber left, so the link is useless.
CLOSED = "confirmation_closed"
NO_SENDER = "no_sender"
DELAYED = "confirmations_delayed"


def is_one(email: OutgoingEmail) -> bool:
    return email.kind == OutgoingEmail.Kind.CONFIRMATION


def reason_to_skip(*, email: OutgoingEmail, subscriber: Subscriber) -> str | None:
    """Return why a confirmation email is obsolete; the caller holds the subscriber's lock."""
    if not is_one(email):
        return None
    if subscriber.status == Subscriber.Status.ACTIVE:
        return ALREADY_CONFIRMED
    return None if _question(email).filter(closed_at=None).exists() else CLOSED


def give_sender(*, email: OutgoingEmail) -> bool:
    """Add the sender to an email queued while its workspace had none; False while it has none."""
    if not email.sender:
        email.sender = mail.sender_of(email.workspace)
        OutgoingEmail.objects.filter(pk=email.pk).update(sender=email.sender)
    return bool(email.sender)


def renew_link(*, email: OutgoingEmail, subscriber: Subscriber, now: datetime) -> None:
    """Sign a confirmation's link again, so that it is valid for seven days from now. The email may
    have waited for days, and SECRET_KEY may have changed.
    """
    confirmation = _question(email).first() if is_one(email) else None
    if confirmation is None:
        return
    confirmation.subscriber = subscriber
    parts = {
        name: links.with_fresh_links(getattr(email, name), confirmation=confirmation, now=now)
        for name in ("text", "html")
    }
    if parts != {"text": email.text, "html": email.html}:
        email.text, email.html = parts["text"], parts["html"]
        OutgoingEmail.objects.filter(pk=email.pk).update(**parts)


def put_off(*, email: OutgoingEmail, now: datetime) -> bool:
    """Count a fenced email against the hourly limits; queue it again and return True beyond a
    limit. `email` is the row from before the fence; only a first attempt counts. Call it outside
    transactions, before the email is sent.
    """
    if not is_one(email) or email.attempts:
        return False
    key_prefix = _question(email).values_list("asked_by__prefix", flat=True).first()
    until = breakers.admit(
        email_key=addresses.parse(email.recipient).key, key_prefix=key_prefix or "", now=now
    )
    if until is None:
        return False
    OutgoingEmail.objects.filter(pk=email.pk, status=Status.SENDING).update(
        status=Status.QUEUED,
        attempts=F("attempts") - 1,
        due_at=until,
        reason=DELAYED,
        sending_since=None,
        lease_token=None,
        lease_expires_at=None,
    )
    return True


def send_unknown_again(*, email: OutgoingEmail, now: datetime) -> None:
    """Queue an email whose delivery is unknown again, with the same Message-ID; three attempts in
    all. Two emails are better than none. `email` is the row from before the fence, settled by the
    caller.
    """
    due_at = retries.UNKNOWN_CONFIRMATIONS.next_at(failures=email.attempts + 1, now=now)
    if is_one(email) and due_at:
        unknown = OutgoingEmail.objects.filter(pk=email.pk, status=Status.UNKNOWN)
        unknown.update(status=Status.QUEUED, due_at=due_at)


def _question(email: OutgoingEmail) -> QuerySet[Confirmation]:
    """Return the confirmation of an email; no row for other kinds."""
    question_id = outbox.confirmation_of(email)
    return Confirmation.objects.filter(pk__in=[question_id] if question_id else [])
