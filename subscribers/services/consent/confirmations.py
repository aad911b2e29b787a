"""Double opt-in: confirmation emails and their answers (`asking` sends them).

Everything happens under the subscriber's lock, which an event request takes first too, so that no
enrollment waits for a subscriber who is already active. Locks: subscriber, the mailbox's count,
enrollments.
"""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from django.db import transaction

from subscribers import reactions
from subscribers.models import Confirmation, ListMembership, Subscriber
from subscribers.services.audience import lists
from subscribers.services.consent import ledger, limits
from subscribers.services.consent.asking import Asked, ask, ask_by_id, open_question
from subscribers.services.consent.ledger import Circumstances
from subscribers.services.consent.links import CAN_CONFIRM, Link, LinkState, link, read_link

__all__ = [
    "Asked", "ConfirmationMethod", "Link", "LinkState", "ask", "ask_again_by_link", "ask_by_id",
    "confirm", "confirm_by_hand", "link", "open_question", "read_link",
]  # fmt: skip

Status = Subscriber.Status
Kind = ledger.Kind


class ConfirmationMethod(StrEnum):
    GESTURE = "gesture"
    BUTTON = "button"
    # An operator, in the admin.
    HAND = "hand"


def ask_again_by_link(*, token: str, now: datetime, circumstances: Circumstances) -> None:
    """Send a fresh link to the owner of an expired or used one, within the limits. Returns nothing,
    so that no page can tell known links from unknown ones.
    """
    confirmation = read_link(token, now).confirmation
    if confirmation is not None:
        ask_by_id(subscriber_id=confirmation.subscriber_id, circumstances=circumstances, now=now)


def confirm(
    *, confirmation: Confirmation, method: str, circumstances: Circumstances, now: datetime
) -> bool:
    """Activate the subscriber; False when the confirmation is already answered or closed. One
    transaction: locks the subscriber, reads again, joins default lists, releases waiting
    enrollments and writes the ledger. Idempotent.
    """
    with transaction.atomic():
        subscriber = Subscriber.objects.locked_one(confirmation.subscriber_id)
        is_open = Confirmation.objects.filter(pk=confirmation.pk, closed_at=None).exists()
        if subscriber is None or not is_open:
            return False
        return _activate(subscriber, method=method, circumstances=circumstances, now=now)


def confirm_by_hand(
    *, subscriber_id: UUID, reason: str, circumstances: Circumstances, now: datetime
) -> bool:
    """Activate a pending subscriber as an operator's decision; False for others. Nobody who
    unsubscribed is reactivated. One transaction, under the subscriber's lock.
    """
    with transaction.atomic():
        subscriber = Subscriber.objects.locked_one(subscriber_id)
        if subscriber is None or subscriber.status != Status.PENDING:
            return False
        open_question(subscriber=subscriber, circumstances=circumstances, now=now)
        return _activate(
            subscriber,
            method=ConfirmationMethod.HAND,
            circumstances=circumstances,
            now=now,
            reason=reason,
        )


def _activate(
    subscriber: Subscriber,
    *,
    method: str,
    circumstances: Circumstances,
    now: datetime,
    reason: str = "",
) -> bool:
    """Apply a confirmation; the caller holds the lock, and the confirmation is open."""
    if subscriber.status not in CAN_CONFIRM:
        return False
    had_left = subscriber.status == Status.UNSUBSCRIBED
    subscriber.status = Status.ACTIVE
    subscriber.unsubscribed_at = None
    subscriber.updated_at = now
    subscriber.save(update_fields=["status", "unsubscribed_at", "updated_at"])
    Confirmation.objects.filter(subscriber=subscriber, closed_at=None).update(
        confirmed_at=now, closed_at=now
    )
    limits.begin_anew(workspace=subscriber.workspace, email_key=subscriber.email_key)
    reactions.current().confirmed(subscriber_ids=[subscriber.pk], now=now)
    # A returning subscriber keeps earlier lists; one who never confirmed joins the default ones.
    if not (had_left and ListMembership.objects.filter(subscriber=subscriber).exists()):
        joined = lists.join_default_lists(subscriber=subscriber, now=now)
        if joined:
            reactions.current().list_joined(
                subscriber_ids=[subscriber.pk], list_ids=joined, now=now
            )
    ledger.record(
        subscriber=subscriber,
        kind=Kind.RESUBSCRIBED if had_left else Kind.CONFIRMED,
        circumstances=circumstances,
        now=now,
        method=method,
        reason=reason,
    )
    return True
