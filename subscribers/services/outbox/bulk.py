"""Sends again, or skips, the mails that an operator chose by filters; in portions.

Each portion is a transaction of its own, with the same statements however many mails it has: it
locks their people in the order of ids, and changes the mails that still are in a state that allows
it. So a mail is never sent twice for it, and a worker that has just taken one keeps it.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, assert_never
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from subscribers import reactions
from subscribers.models import OutgoingEmail, Subscriber
from subscribers.services.outbox import outbox

Status = OutgoingEmail.Status
SKIPPED_BY_HAND = "skipped_by_hand"
# At one request of an operator; the rest at the next one.
MOST_AT_ONCE = 2000
PORTION = 200


class MailChange(StrEnum):
    RETRY = "retry"
    SKIP = "skip"


@dataclass(frozen=True, slots=True)
class ChangedMails:
    """How many mails were changed, and how many could not be, since their state is another now."""

    changed: int
    left: int


def allowed(*, change: MailChange, with_unknown: bool = False) -> Q:
    """Return the condition for mails that a change may take; `with_unknown`: also to send again
    those that may have arrived.
    """
    match change:
        case MailChange.RETRY:
            statuses = [Status.FAILED, Status.UNKNOWN] if with_unknown else [Status.FAILED]
            return Q(status__in=statuses, due_at=None)
        case MailChange.SKIP:
            return Q(status__in=[Status.QUEUED, Status.FAILED])
        case _ as never:
            assert_never(never)


def carry_out(
    *,
    change: MailChange,
    email_ids: Sequence[UUID],
    now: datetime,
    with_unknown: bool = False,
) -> ChangedMails:
    """Change up to `MOST_AT_ONCE` mails; the others are left alone. Idempotent."""
    changed = 0
    chosen = email_ids[:MOST_AT_ONCE]
    condition = allowed(change=change, with_unknown=with_unknown)
    for ids in _portions(chosen):
        changed += _change(change, ids, condition, now)
    return ChangedMails(changed, len(chosen) - changed)


def _change(change: MailChange, ids: Collection[UUID], condition: Q, now: datetime) -> int:
    emails = OutgoingEmail.objects.filter(pk__in=ids)
    with transaction.atomic():
        people = Subscriber.objects.filter(pk__in=emails.values("subscriber"))
        list(people.locked().values_list("pk", flat=True))
        # A mail that a worker fences now is locked by it, and `sending` afterwards.
        locked = emails.filter(condition).order_by("pk").select_for_update(no_key=True)
        changed = list(locked.values_list("pk", flat=True))
        if changed:
            OutgoingEmail.objects.filter(pk__in=changed).update(**_columns(change, now))
            reactions.current().emails_changed(email_ids=changed)
    return len(changed)


def _columns(change: MailChange, now: datetime) -> dict[str, Any]:
    match change:
        case MailChange.RETRY:
            return outbox.sent_again(due_at=now)
        case MailChange.SKIP:
            return {
                "status": Status.SKIPPED,
                "reason": SKIPPED_BY_HAND,
                "due_at": None,
                "lease_token": None,
                "lease_expires_at": None,
            }
        case _ as never:
            assert_never(never)


def _portions(ids: Sequence[UUID]) -> Iterator[Sequence[UUID]]:
    for first in range(0, len(ids), PORTION):
        yield ids[first : first + PORTION]
