"""What holds for a confirmation mail alone when it is about to leave, and when its fate is unknown.

`outbox_queue` asks; the fence, the network and the locks are there.
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
# Given up, or left meanwhile: its link leads nowhere.
CLOSED = "confirmation_closed"
NO_SENDER = "no_sender"
DELAYED = "confirmations_delayed"


def is_one(email: OutgoingEmail) -> bool:
    """Tell whether a mail asks for a confirmation."""
    return email.kind == OutgoingEmail.Kind.CONFIRMATION


def reason_to_skip(*, email: OutgoingEmail, subscriber: Subscriber) -> str | None:
    """Return in a word why the mail's question needs no answer any more; None for other mails.

    The caller holds the subscriber's lock.
    """
    if not is_one(email):
        return None
    if subscriber.status == Subscriber.Status.ACTIVE:
        return ALREADY_CONFIRMED
    return None if _question(email).filter(closed_at=None).exists() else CLOSED


def give_sender(*, email: OutgoingEmail) -> bool:
    """Give a mail its sender that was queued while its workspace had none; False: none yet."""
    if not email.sender:
        email.sender = mail.sender_of(email.workspace)
        OutgoingEmail.objects.filter(pk=email.pk).update(sender=email.sender)
    return bool(email.sender)


def renew_link(*, email: OutgoingEmail, subscriber: Subscriber, now: datetime) -> None:
    """Sign the link of a confirmation that leaves now anew: it is good for seven days from then.

    It may have waited for days, behind a breaker or a switch, and SECRET_KEY may be another.
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
    """Count a fenced mail against the limits of the hour; True when it must leave later, and will.

    `email` is the row from before the fence. What was tried before was counted then. Call it
    outside of transactions, before the mail is handed over.
    """
    if not is_one(email) or email.attempts:
        return False
    key_prefix = _question(email).values_list("asked_by__prefix", flat=True).first()
    until = breakers.admit(
        email_key=addresses.parse(email.recipient).key,
        key_prefix=key_prefix or "",
        now=now,
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
    """Let a mail leave again that may have arrived, with the same Message-ID; thrice in all.

    Two are better than none. `email` is the row from before the fence; the caller has settled it.
    """
    due_at = retries.UNKNOWN_CONFIRMATIONS.next_at(failures=email.attempts + 1, now=now)
    if is_one(email) and due_at:
        unknown = OutgoingEmail.objects.filter(pk=email.pk, status=Status.UNKNOWN)
        unknown.update(status=Status.QUEUED, due_at=due_at)


def _question(email: OutgoingEmail) -> QuerySet[Confirmation]:
    """Return the question that a mail asks; nothing for a mail that asks none."""
    question_id = outbox.confirmation_of(email)
    return Confirmation.objects.filter(pk__in=[question_id] if question_id else [])
