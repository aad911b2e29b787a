"""Mails that no enrollment waits for: claimed when they are due, and sent one after another.

Confirmations, and mails that an operator sends again. Each is fenced as `outbox` says; locks: the
mail's subscriber. The network is touched outside of transactions only.
"""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F
from django.db.models.functions import Now

from config import retries
from subscribers.models import OutgoingEmail, Subscriber
from subscribers.services.consent import suppressions
from subscribers.services.dispatch import confirmations
from subscribers.services.outbox import brakes, outbox, rate
from subscribers.services.outbox.delivery import Delivery, DeliveryOutcome, Mailer
from subscribers.services.storage import connections

logger = logging.getLogger("cueline.outbox_queue")

Status = OutgoingEmail.Status
MOST_IN_BATCH = 20
# A third of the queue's time-out, as for enrollments.
SECONDS_PER_BATCH = 20


@dataclass(frozen=True, slots=True)
class Claimed:
    """Mails that one task sends, under one token."""

    token: UUID
    ids: tuple[UUID, ...]


def claim_queued(*, now: datetime, limit: int = MOST_IN_BATCH) -> Claimed | None:
    """Claim what is due, oldest first; None when nothing is. The caller's transaction rings."""
    due = OutgoingEmail.objects.filter(due_at__lte=now, lease_token__isnull=True)
    token = uuid4()
    with transaction.atomic():
        locked = due.order_by("due_at").select_for_update(
            skip_locked=connection.features.has_select_for_update_skip_locked
        )
        ids = tuple(locked.values_list("pk", flat=True)[:limit])
        if not ids:
            return None
        OutgoingEmail.objects.filter(pk__in=ids).update(
            lease_token=token, lease_expires_at=Now() + timedelta(seconds=settings.LEASE_SECONDS)
        )
    return Claimed(token=token, ids=ids)


def return_expired() -> int:
    """Give back claims of mails that nobody had begun to send; returns how many."""
    expired = OutgoingEmail.objects.filter(
        status=Status.QUEUED, lease_token__isnull=False, lease_expires_at__lte=Now()
    )
    return expired.update(lease_token=None, lease_expires_at=None)


def send_queued(
    *,
    token: UUID,
    ids: Sequence[UUID],
    clock: Callable[[], datetime],
    mailer: Mailer | None = None,
) -> int:
    """Send the mails that the token still holds; returns how many left. May run twice.

    A server that gives no answer is let be: it would make every mail unknown. What is not begun
    then, or after `SECONDS_PER_BATCH`, is given back.
    """
    over_at = time.monotonic() + SECONDS_PER_BATCH
    waiting = list(ids)
    is_server_away = False
    sent = 0
    with mailer or Mailer() as opened:
        while waiting and not is_server_away and time.monotonic() < over_at:
            if not rate.wait_for_turn(clock=clock):
                break
            email = _next(waiting.pop(0), token, clock())
            if email is None:
                continue
            delivery = opened.send(outbox.message_of(email))
            is_silent = delivery.outcome is DeliveryOutcome.UNKNOWN
            is_server_away = is_silent or outbox.is_server_away(delivery)
            _record(email, delivery, clock)
            sent += delivery.outcome is DeliveryOutcome.SENT
    rest = OutgoingEmail.objects.filter(pk__in=waiting, lease_token=token, status=Status.QUEUED)
    put_off = {"due_at": clock() + retries.MAIL_SERVER_AWAY} if is_server_away else {}
    rest.update(lease_token=None, lease_expires_at=None, **put_off)
    return sent


def _next(email_id: UUID, token: UUID, now: datetime) -> OutgoingEmail | None:
    """Return a mail that is fenced and may leave; None when it does not leave now."""
    try:
        email = _fence(email_id, token, now)
        return None if email is None or _must_wait_its_turn(email, now) else email
    except connections.LOST:
        raise
    except Exception as error:  # what one mail's data make of it must not keep the others back
        logger.exception("A mail could not be made ready.", extra={"email_id": email_id.hex})
        held = OutgoingEmail.objects.filter(pk=email_id, lease_token=token)
        held.update(
            status=Status.QUEUED,
            due_at=now + retries.HELD_MAIL,
            last_error=f"It could not be made ready: {type(error).__name__}.",
            lease_token=None,
            lease_expires_at=None,
        )
        return None


def _fence(email_id: UUID, token: UUID, now: datetime) -> OutgoingEmail | None:
    """Look a last time whether the mail may leave, and commit that it does."""
    held = OutgoingEmail.objects.select_related("workspace")
    with transaction.atomic():
        row = held.filter(pk=email_id, lease_token=token, status=Status.QUEUED).first()
        if row is None:
            return None
        subscriber = Subscriber.objects.locked_one(row.subscriber_id)
        email = held.filter(pk=email_id, lease_token=token, status=Status.QUEUED).first()
        if email is None or subscriber is None:
            return None
        reason = (
            outbox.reason_to_skip(subscriber=subscriber, kind=email.kind)
            or suppressions.reason_to_skip(workspace=email.workspace, recipient=email.recipient)
            or confirmations.reason_to_skip(email=email, subscriber=subscriber)
        )
        verdict = brakes.verdict(
            workspace=email.workspace, recipient=email.recipient, is_test=False
        )
        if reason is None and verdict.is_hold:
            _release(email, due_at=now + retries.HELD_MAIL, reason=verdict.reason)
            return None
        reason = reason or (None if verdict.is_allowed else verdict.reason)
        if reason:
            _release(email, due_at=None, status=Status.SKIPPED, reason=reason)
            return None
        if not confirmations.give_sender(email=email):
            _release(email, due_at=now + retries.HELD_MAIL, reason=confirmations.NO_SENDER)
            return None
        confirmations.renew_link(email=email, subscriber=subscriber, now=now)
        return email if outbox.begin_again(email_id=email.pk, now=now) else None


def _must_wait_its_turn(email: OutgoingEmail, now: datetime) -> bool:
    """Tell whether the limits of the hour put a confirmation off; asked once, before it is tried.

    A server that is away takes the attempt back, but the mail has been counted.
    """
    return email.sending_since is None and confirmations.put_off(email=email, now=now)


def _record(email: OutgoingEmail, delivery: Delivery, clock: Callable[[], datetime]) -> None:
    """Record what became of a mail; while the database is away, keep trying for as long as may be.

    What is not recorded is unknown later, though it was known here.
    """
    give_up_at = time.monotonic() + retries.SECONDS_TO_RECORD
    while True:
        try:
            with transaction.atomic():
                Subscriber.objects.locked_one(email.subscriber_id)
                now = clock()
                is_news = outbox.settle(email_id=email.pk, delivery=delivery, now=now)
                if delivery.is_bad_recipient:
                    _give_up_recipient(email, delivery, now)
                if is_news and delivery.outcome is DeliveryOutcome.DEFERRED:
                    _put_off(email, delivery, now)
                elif is_news and delivery.outcome is DeliveryOutcome.UNKNOWN:
                    confirmations.send_unknown_again(email=email, now=now)
        except connections.LOST:
            if time.monotonic() > give_up_at:
                raise
            time.sleep(retries.SECONDS_BETWEEN_RECORDINGS)
            connections.renew()
        else:
            return


def _give_up_recipient(email: OutgoingEmail, delivery: Delivery, now: datetime) -> None:
    """Let nothing more go to a recipient who is none."""
    suppressions.note_refusal(
        workspace=email.workspace,
        subscriber_id=email.subscriber_id,
        recipient=email.recipient,
        error=delivery.error,
        now=now,
    )


def _put_off(email: OutgoingEmail, delivery: Delivery, now: datetime) -> None:
    """Try a deferred mail again later; once the server put it off often enough it has failed."""
    queued = OutgoingEmail.objects.filter(pk=email.pk, status=Status.QUEUED)
    if outbox.is_server_away(delivery):
        # Nothing was said about the mail: it waits for the server as long as that takes.
        queued.update(due_at=now + retries.MAIL_SERVER_AWAY, attempts=F("attempts") - 1)
        return
    # The row is that from before the fence, which counted the attempt.
    due_at = retries.MAILS.next_at(failures=email.attempts + 1, now=now)
    if due_at is None:
        queued.update(status=Status.FAILED, due_at=None, lease_token=None)
    else:
        queued.update(due_at=due_at)


def _release(email: OutgoingEmail, **columns: object) -> None:
    OutgoingEmail.objects.filter(pk=email.pk).update(
        lease_token=None, lease_expires_at=None, **columns
    )
