"""Sends queued emails without an enrollment: confirmations, and those an operator sends again.

Claimed when due, fenced as `outbox` says, sent one after another. Locks: the email's subscriber.
The network is used outside transactions only.
"""

import logging
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F
from django.db.models.functions import Now

from config import retries
from subscribers.models import OutgoingEmail, Subscriber
from subscribers.services.audience import lists
from subscribers.services.consent import headers, suppressions
from subscribers.services.dispatch import confirmations
from subscribers.services.outbox import brakes, flow, outbox, rate
from subscribers.services.outbox.delivery import Delivery, DeliveryOutcome, Mailer
from subscribers.services.storage import connections, outcomes
from subscribers.services.storage.outcomes import Subject
from subscribers.services.workspaces import installation

logger = logging.getLogger("cueline.outbox_queue")

Status = OutgoingEmail.Status
MOST_IN_BATCH = 20
# A third of the queue's timeout, as for enrollments.
SECONDS_PER_BATCH = 20
_UNCLAIMED = {"lease_token": None, "lease_expires_at": None}


@dataclass(frozen=True, slots=True)
class Claimed:
    token: UUID
    ids: tuple[UUID, ...]


def claim_queued(*, now: datetime, limit: int = MOST_IN_BATCH) -> Claimed | None:
    """Claim due emails, oldest first; none while the installation is on hold.

    The caller queues the task in its own transaction.
    """
    due = OutgoingEmail.objects.filter(
        ~installation.is_on_hold(), due_at__lte=now, lease_token__isnull=True
    )
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
    """Release expired claims of emails that were not begun; returns how many."""
    expired = OutgoingEmail.objects.filter(
        status=Status.QUEUED, lease_token__isnull=False, lease_expires_at__lte=Now()
    )
    return expired.update(**_UNCLAIMED)


def return_held(*, token: UUID, ids: Collection[UUID]) -> int:
    """Release emails that were not begun by a token whose worker is dead; returns how many."""
    held = OutgoingEmail.objects.filter(pk__in=ids, lease_token=token, status=Status.QUEUED)
    return held.update(**_UNCLAIMED)


def send_queued(
    *, token: UUID, ids: Sequence[UUID], clock: Callable[[], datetime], mailer: Mailer | None = None
) -> int:
    """Send the emails that the token still holds; returns how many were sent. May run twice.

    A server that gives no answer is not used again in this batch: every email would become unknown.
    The rest, and what is left after `SECONDS_PER_BATCH`, is released.
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
            message = outbox.message_of(
                email, workspace=email.workspace, subscriber=email.subscriber
            )
            delivery = opened.send(message)
            is_silent = delivery.outcome is DeliveryOutcome.UNKNOWN
            is_server_away = is_silent or outbox.is_server_away(delivery)
            _record(email, delivery, clock)
            flow.note(workspace_id=email.workspace_id, delivery=delivery, now=clock())
            sent += delivery.outcome is DeliveryOutcome.SENT
    rest = OutgoingEmail.objects.filter(pk__in=waiting, lease_token=token, status=Status.QUEUED)
    put_off = {"due_at": clock() + retries.MAIL_SERVER_AWAY} if is_server_away else {}
    rest.update(**_UNCLAIMED, **put_off)
    return sent


def _next(email_id: UUID, token: UUID, now: datetime) -> OutgoingEmail | None:
    """Return a fenced email that may be sent; None when it is not sent now."""
    try:
        email = _fence(email_id, token, now)
        if email is None:
            return None
        # Only a first attempt: a server that is away takes an attempt back, but it was counted.
        is_first = email.sending_since is None
        return None if is_first and confirmations.put_off(email=email, now=now) else email
    except connections.LOST:
        raise
    except Exception as error:  # one email's data must not stop the others
        logger.exception("A mail could not be made ready.", extra={"email_id": email_id.hex})
        OutgoingEmail.objects.filter(pk=email_id, lease_token=token).update(
            status=Status.QUEUED,
            due_at=now + retries.HELD_MAIL,
            last_error=f"It could not be made ready: {type(error).__name__}.",
            **_UNCLAIMED,
        )
        return None


def _fence(email_id: UUID, token: UUID, now: datetime) -> OutgoingEmail | None:
    """Check a last time whether the email may be sent, and commit that it is being sent."""
    held = OutgoingEmail.objects.select_related("workspace")
    with transaction.atomic():
        row = held.filter(pk=email_id, lease_token=token, status=Status.QUEUED).first()
        if row is None:
            return None
        subscriber = Subscriber.objects.locked_one(row.subscriber_id)
        email = held.filter(pk=email_id, lease_token=token, status=Status.QUEUED).first()
        if email is None or subscriber is None:
            return None
        email.subscriber = subscriber
        reason = (
            outbox.reason_to_skip(subscriber=subscriber, kind=email.kind)
            or suppressions.reason_to_skip(workspace=email.workspace, recipient=email.recipient)
            or confirmations.reason_to_skip(email=email, subscriber=subscriber)
            or lists.reason_to_skip(subscriber=subscriber, list_id=headers.mail_list_of(email))
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
            outcomes.count(Subject.MAIL, outcome="skipped", reason=reason, now=now)
            return None
        if not confirmations.give_sender(email=email):
            _release(email, due_at=now + retries.HELD_MAIL, reason=confirmations.NO_SENDER)
            return None
        confirmations.renew_link(email=email, subscriber=subscriber, now=now)
        return email if outbox.begin_again(email_id=email.pk, now=now) else None


def _record(email: OutgoingEmail, delivery: Delivery, clock: Callable[[], datetime]) -> None:
    """Record a delivery's outcome; while the database is away, retry for SECONDS_TO_RECORD. An
    outcome that is not recorded becomes unknown.
    """
    give_up_at = time.monotonic() + retries.SECONDS_TO_RECORD
    while True:
        try:
            with transaction.atomic():
                Subscriber.objects.locked_one(email.subscriber_id)
                now = clock()
                is_news = outbox.settle(email_id=email.pk, delivery=delivery, now=now)
                if delivery.is_bad_recipient:
                    suppressions.note_refusal(
                        workspace=email.workspace,
                        subscriber_id=email.subscriber_id,
                        recipient=email.recipient,
                        error=delivery.error,
                        now=now,
                    )
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


def _put_off(email: OutgoingEmail, delivery: Delivery, now: datetime) -> None:
    """Retry a deferred email later; it fails after `MAIL_RETRY_HOURS`."""
    queued = OutgoingEmail.objects.filter(pk=email.pk, status=Status.QUEUED)
    if outbox.is_server_away(delivery):
        # The server said nothing about the email: it waits as long as needed.
        queued.update(due_at=now + retries.MAIL_SERVER_AWAY, attempts=F("attempts") - 1)
        return
    # `email` is from before the fence, which counted the attempt.
    due_at = outbox.retry_at(email=email, failures=email.attempts + 1, now=now)
    if due_at:
        queued.update(due_at=due_at)


def _release(email: OutgoingEmail, **columns: object) -> None:
    OutgoingEmail.objects.filter(pk=email.pk).update(**_UNCLAIMED, **columns)
