"""Sends confirmation emails: the first one, later ones, and one reminder.

Email and consent record are written in the caller's transaction; the worker sends the email
(`dispatch.queue`). Locks: the subscriber, by the caller, then the mailbox's count.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction

from subscribers.models import Confirmation, OutgoingEmail, Subscriber
from subscribers.services.consent import ledger, limits, mail, suppressions
from subscribers.services.consent.ledger import Circumstances
from subscribers.services.consent.links import CAN_CONFIRM
from subscribers.services.outbox import outbox
from subscribers.services.storage import quick_rows

Status = Subscriber.Status
Kind = ledger.Kind
ALREADY_CONFIRMED = "already_confirmed"
TEST_KEY = "test_key"
UNKNOWN = "unknown"
_ASK_AGAIN = """
ON CONFLICT (subscriber_id) WHERE closed_at IS NULL DO UPDATE
SET mails = subscribers_confirmation.mails + 1, asked_at = excluded.asked_at,
    asked_by_id = excluded.asked_by_id
RETURNING id, mails
"""


@dataclass(frozen=True, slots=True)
class Asked:
    """Whether an email was queued; if not, `reason` is one word: `already_confirmed`, `suppressed`,
    `asked_recently`, `asked_too_often`, `test_key`, `unknown`; `retry_at` where time heals it.
    """

    is_queued: bool
    reason: str = ""
    retry_at: datetime | None = None


def ask(
    *, subscriber: Subscriber, circumstances: Circumstances, now: datetime, is_test: bool = False
) -> Asked:
    """Queue a confirmation email for a subscriber who is pending or unsubscribed. The caller holds
    the subscriber's lock, has read the row under it, and commits.

    Not idempotent: the limits decide whether another email is sent. A pending subscriber always has
    an open confirmation afterwards, which can expire. `is_test`: stored but never sent.
    """
    if subscriber.status not in CAN_CONFIRM:
        is_active = subscriber.status == Status.ACTIVE
        why = ALREADY_CONFIRMED if is_active else suppressions.SUPPRESSED
        return Asked(is_queued=False, reason=why)
    refused = _refused(subscriber, now, is_test=is_test)
    if refused:
        if subscriber.status == Status.PENDING:
            question = open_question(subscriber=subscriber, circumstances=circumstances, now=now)
            if refused.reason == TEST_KEY:
                _store_test_mail(question, subscriber, now)
        return Asked(is_queued=False, reason=refused.reason, retry_at=refused.until)
    question = _question_with_one_more_mail(subscriber, circumstances, now)
    _write_mail(question, kind=Kind.ASKED, circumstances=circumstances, now=now)
    return Asked(is_queued=True)


def ask_by_id(*, subscriber_id: UUID, circumstances: Circumstances, now: datetime) -> Asked:
    """Call `ask` in a transaction of its own, for the admin and public pages."""
    with transaction.atomic():
        subscriber = Subscriber.objects.locked_one(subscriber_id)
        if subscriber is None:
            return Asked(is_queued=False, reason=UNKNOWN)
        return ask(subscriber=subscriber, circumstances=circumstances, now=now)


def open_question(
    *, subscriber: Subscriber, circumstances: Circumstances, now: datetime
) -> Confirmation:
    """Return the subscriber's open confirmation; a new one has no email yet. The caller holds the
    subscriber's lock. Idempotent.
    """
    found = Confirmation.objects.filter(subscriber=subscriber, closed_at=None)
    # One at most: `first` would sort, and the planner may walk the whole table for that.
    question = next(iter(found), None) or Confirmation.objects.create(
        workspace_id=subscriber.workspace_id,
        subscriber=subscriber,
        asked_by=circumstances.api_key,
        asked_at=now,
    )
    question.subscriber = subscriber
    return question


def remind(*, confirmation: Confirmation, now: datetime) -> bool:
    """Queue the one reminder of an open confirmation; False where it is answered or the limits
    forbid it. The caller holds the subscriber's lock and has read both rows under it.
    """
    subscriber = confirmation.subscriber
    is_refused = (
        subscriber.status != Status.PENDING
        or _is_suppressed(subscriber)
        or limits.take(
            workspace=subscriber.workspace,
            email_key=subscriber.email_key,
            now=now,
            is_reminder=True,
        )
        is not None
    )
    if is_refused:
        # It is not selected again.
        Confirmation.objects.filter(pk=confirmation.pk).update(reminded_at=now)
        return False
    confirmation.mails += 1
    confirmation.reminded_at = now
    confirmation.save(update_fields=["mails", "reminded_at"])
    _write_mail(confirmation, kind=Kind.REMINDED, circumstances=ledger.NOTHING_KNOWN, now=now)
    return True


def _refused(subscriber: Subscriber, now: datetime, *, is_test: bool) -> limits.Refused | None:
    if _is_suppressed(subscriber):
        return limits.Refused(suppressions.SUPPRESSED)
    if is_test:
        return limits.Refused(TEST_KEY)
    return limits.take(workspace=subscriber.workspace, email_key=subscriber.email_key, now=now)


def _question_with_one_more_mail(
    subscriber: Subscriber, circumstances: Circumstances, now: datetime
) -> Confirmation:
    """Return the open confirmation, created if needed, with the next email counted."""
    opened = Confirmation(
        workspace_id=subscriber.workspace_id,
        subscriber=subscriber,
        asked_by=circumstances.api_key,
        asked_at=now,
        mails=1,
    )
    # One statement: a sign-up is a hot path.
    stored = quick_rows.insert_or(opened, otherwise=_ASK_AGAIN)
    if stored is None:
        raise AssertionError("The confirmation is neither inserted nor updated.")
    opened.pk, opened.mails = Confirmation._meta.pk.to_python(stored[0]), stored[1]
    return opened


def _write_mail(
    question: Confirmation, *, kind: ledger.Kind, circumstances: Circumstances, now: datetime
) -> None:
    """Queue the confirmation's latest email, which is counted already, and write the ledger."""
    subscriber = question.subscriber
    draft = mail.write(
        confirmation=question,
        subscriber=subscriber,
        cause=outbox.cause_of_confirmation(confirmation_id=question.pk, number=question.mails),
        now=now,
    )
    outbox.queue(draft=draft, due_at=now, now=now)
    ledger.record(
        subscriber=subscriber,
        kind=kind,
        circumstances=circumstances,
        now=now,
        text_hash=mail.text_hash(draft),
    )


def _store_test_mail(confirmation: Confirmation, subscriber: Subscriber, now: datetime) -> None:
    cause = outbox.cause_of_confirmation(confirmation_id=confirmation.pk, number=0)
    workspace_id = subscriber.workspace_id
    if not OutgoingEmail.objects.filter(workspace=workspace_id, cause=cause).exists():
        draft = mail.write(confirmation=confirmation, subscriber=subscriber, cause=cause, now=now)
        outbox.skip(draft=draft, reason=TEST_KEY, now=now)


def _is_suppressed(subscriber: Subscriber) -> bool:
    return suppressions.is_suppressed(
        workspace=subscriber.workspace, email_key=subscriber.email_key
    )
