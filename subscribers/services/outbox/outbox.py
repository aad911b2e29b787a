"""The outbox: emails are fenced before they are sent, and settled afterwards.

The fence: an attempt is committed as `sending` before the socket opens. A process that dies then
leaves an email whose delivery is known to be unknown, and nobody sends it twice. The caller holds
the subscriber's lock for `begin` and `settle`; nothing here uses the network.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from email.utils import parseaddr
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Now

from config import retries
from subscribers import reactions
from subscribers.ids import new_id
from subscribers.models import OutgoingEmail, Subscriber, Workspace
from subscribers.services.activity import tracking
from subscribers.services.outbox import return_path
from subscribers.services.outbox.delivery import Delivery, DeliveryOutcome, Message
from subscribers.services.storage import quick_rows, sql_values

Status = OutgoingEmail.Status
STEP_RETRIED = "step_retried"
_SETTLE = """
UPDATE subscribers_outgoingemail
SET status = %s, last_error = %s, reason = %s, sent_at = %s, lease_expires_at = NULL,
    lease_token = NULL, due_at = NULL
WHERE id = %s AND status IN (%s, %s)
"""
# Sent at least once, and not known to have arrived.
UNSETTLED = Q(status__in=[Status.SENDING, Status.UNKNOWN]) | Q(
    status=Status.QUEUED, sending_since__isnull=False
)
NO_ANSWER = "The process ended while the mail was being sent; it may have arrived."
MOST_EXPIRED = 1000
# Temporary answers about all mail: of SMTP those about session and log-in (503, 530-538), of HTTP
# 401, 408, 429 and server errors.
ABOUT_ALL_MAIL = frozenset({401, 408, 429, *range(500, 540)})
# What the row of an email has of its message.
_STORED = tuple(field.name for field in fields(Message) if field.name != "return_path")
# Answers to a log-in: of HTTP, and of SMTP (RFC 4954, 6).
LOGIN_CODES = frozenset({401, 530, 534, 535, 538})


class NotSettled(ValueError):
    """The email's state does not allow the change."""

    code = "CONFLICT"


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A rendered email that is not stored yet."""

    workspace_id: UUID
    subscriber_id: UUID
    kind: OutgoingEmail.Kind
    # Why the email is sent; unique in the workspace.
    cause: str
    sender: str
    reply_to: str = ""
    recipient: str
    subject: str
    html: str = ""
    text: str
    headers: Mapping[str, str] = field(default_factory=dict)
    notes: str = ""

    @property
    def is_blank(self) -> bool:
        """Whether it has neither subject nor text: all that it would say was missing."""
        return not (self.subject.strip() or self.text.strip() or self.html)


def cause_of_confirmation(*, confirmation_id: UUID, number: int) -> str:
    """Return the cause of a confirmation's n-th email; 0 is that of a test key."""
    return f"confirmation:{confirmation_id.hex}:{number}"


def confirmation_of(email: OutgoingEmail) -> UUID | None:
    """Return the confirmation's id; None for other emails."""
    kind, _, rest = email.cause.partition(":")
    return UUID(rest.partition(":")[0]) if kind == "confirmation" else None


def queue(*, draft: Draft, due_at: datetime, now: datetime) -> OutgoingEmail:
    """Store an email to be sent when due; raises as `begin` does."""
    email = _row(draft, now, status=Status.QUEUED, due_at=due_at)
    quick_rows.insert([email])
    return email


def begin(*, draft: Draft, now: datetime) -> OutgoingEmail:
    """Store an email as `sending`, first attempt; raises `IntegrityError` for a used cause."""
    email = _row(draft, now, status=Status.SENDING, attempts=1, sending_since=now)
    quick_rows.insert([email], expressions={"lease_expires_at": sql_values.lease_ends()})
    return email


def begin_again(*, email_id: UUID, now: datetime) -> bool:
    """Fence another attempt; False when the email is not queued any more."""
    changed = _queued(email_id).update(
        status=Status.SENDING,
        attempts=F("attempts") + 1,
        sending_since=now,
        lease_expires_at=Now() + timedelta(seconds=settings.LEASE_SECONDS),
    )
    return changed == 1


def unfence(*, workspace_id: UUID, cause: str) -> None:
    """Queue a fenced email again that was certainly not sent."""
    fenced = OutgoingEmail.objects.filter(
        workspace=workspace_id, cause=cause, status=Status.SENDING
    )
    fenced.update(status=Status.QUEUED, lease_expires_at=None)


def skip(*, draft: Draft, reason: str, now: datetime) -> OutgoingEmail:
    email = _row(draft, now, status=Status.SKIPPED, reason=reason)
    quick_rows.insert([email])
    return email


def skip_queued(*, email_id: UUID, reason: str) -> None:
    """Skip a queued email; other states stay unchanged."""
    _queued(email_id).update(status=Status.SKIPPED, reason=reason, due_at=None)


def retry_at(*, email: OutgoingEmail, failures: int, now: datetime) -> datetime | None:
    """Return when a deferred email is tried again after so many attempts. None, and it has failed,
    when `MAIL_RETRY_HOURS` have passed since the server deferred it first.
    """
    since = email.deferred_since or now
    ends_at = since + settings.MAIL_RETRY
    due_at = retries.MAILS.next_before(failures=failures, ends_at=ends_at, now=now)
    status = Status.QUEUED if due_at else Status.FAILED
    _queued(email.pk).update(status=status, deferred_since=since)
    return due_at


def take_attempt_back(*, email_id: UUID) -> None:
    """Uncount an attempt, since the server was away and said nothing about the email."""
    _queued(email_id).filter(attempts__gt=0).update(attempts=F("attempts") - 1)


def settle(*, email_id: UUID, delivery: Delivery, now: datetime) -> bool:
    """Record an attempt's outcome; `unknown` may still become `sent`. A deferred email is queued
    without a due time, which the caller sets. False when more is known already. Idempotent.
    """
    status = {
        DeliveryOutcome.SENT: Status.SENT,
        DeliveryOutcome.REFUSED: Status.FAILED,
        DeliveryOutcome.DEFERRED: Status.QUEUED,
        DeliveryOutcome.UNKNOWN: Status.UNKNOWN,
    }[delivery.outcome]
    is_sent = status == Status.SENT
    columns = sql_values.adapted(
        status.value,
        delivery.error,
        reason_to_wait(delivery),
        now if is_sent else None,
        email_id,
        Status.SENDING.value,
        (Status.UNKNOWN if is_sent else Status.SENDING).value,
    )
    # Not by the ORM: this runs for every email, and building the query costs more than the rest.
    with connection.cursor() as cursor:
        cursor.execute(_SETTLE, columns)
        return bool(cursor.rowcount)


def settle_as_taken(*, email_id: UUID, now: datetime) -> bool:
    """Record that a service has an email, even one queued for another attempt; False when its
    outcome is known or it was never sent. Idempotent.
    """
    return bool(
        OutgoingEmail.objects.filter(UNSETTLED, pk=email_id).update(
            status=Status.SENT,
            last_error="",
            sent_at=now,
            due_at=None,
            lease_token=None,
            lease_expires_at=None,
        )
    )


def is_server_away(delivery: Delivery) -> bool:
    """Tell whether the server or our account there is at fault, so that any email would fail."""
    if delivery.outcome is not DeliveryOutcome.DEFERRED:
        return False
    return delivery.is_unreachable or delivery.code is None or delivery.code in ABOUT_ALL_MAIL


def reason_to_wait(delivery: Delivery) -> str:
    """Return the word why a deferred mail waits; empty for other outcomes."""
    if delivery.outcome is not DeliveryOutcome.DEFERRED:
        return ""
    if delivery.code in LOGIN_CODES:
        return "mail_login_refused"
    return "mail_server_away" if is_server_away(delivery) else "mail_deferred"


def reason_to_skip(*, subscriber: Subscriber, kind: str) -> str | None:
    """Return the word why a subscriber gets no such email now; the caller holds their lock."""
    match subscriber.status:
        case Subscriber.Status.BOUNCED:
            return "subscriber_bounced"
        case Subscriber.Status.COMPLAINED:
            return "subscriber_complained"
        case Subscriber.Status.UNSUBSCRIBED if kind == OutgoingEmail.Kind.MARKETING:
            return "subscriber_unsubscribed"
        case Subscriber.Status.PENDING if kind == OutgoingEmail.Kind.MARKETING:
            return "subscriber_pending"
        case _:
            return None


def message_of(email: OutgoingEmail, *, workspace: Workspace, subscriber: Subscriber) -> Message:
    """Return an email of a workspace as it is sent: links and opens tracked, if it is so set."""
    stored = {name: getattr(email, name) for name in _STORED}
    if workspace.tracks_opens or workspace.tracks_clicks:
        stored |= tracking.parts_of(email, workspace=workspace, subscriber=subscriber)
    path = return_path.address_of(email_id=email.pk, workspace=workspace)
    return Message(return_path=path, **stored)


def expire_sending(*, limit: int = MOST_EXPIRED) -> int:
    """Mark emails with an expired lease as unknown; returns how many. Confirmations are queued
    again with the same Message-ID, three attempts in all: two are better than none.
    """
    return _lose(Q(lease_expires_at__lte=Now()), limit)


def lose_sending(*, email_ids: Collection[UUID]) -> int:
    """Do the same at once with those of these emails that are being sent, by a dead process."""
    return _lose(Q(pk__in=email_ids), len(email_ids))


def _lose(attempts: Q, limit: int) -> int:
    with transaction.atomic():
        sending = OutgoingEmail.objects.filter(attempts, status=Status.SENDING)
        locked = sending.order_by("lease_expires_at").select_for_update(
            skip_locked=connection.features.has_select_for_update_skip_locked
        )
        ids = list(locked.values_list("pk", flat=True)[:limit])
        rows = OutgoingEmail.objects.filter(pk__in=ids)
        lost = {"lease_expires_at": None, "lease_token": None, "last_error": NO_ANSWER}
        most = retries.UNKNOWN_CONFIRMATIONS.give_up_after
        again = rows.filter(kind=OutgoingEmail.Kind.CONFIRMATION, attempts__lt=most)
        confirmations = again.update(status=Status.QUEUED, due_at=Now(), **lost)
        return confirmations + rows.filter(status=Status.SENDING).update(
            status=Status.UNKNOWN, due_at=None, **lost
        )


def settle_as_sent(*, email: OutgoingEmail, now: datetime) -> None:
    """Record an operator's finding that an unknown email arrived; raises `NotSettled`."""
    with transaction.atomic():
        Subscriber.objects.locked_one(email.subscriber_id)
        unknown = OutgoingEmail.objects.filter(pk=email.pk, status=Status.UNKNOWN)
        if not unknown.update(status=Status.SENT, sent_at=now, due_at=None):
            raise NotSettled("Only a mail whose delivery is unknown can be marked as sent.")
        reactions.current().emails_changed(email_ids=[email.pk])


def send_again(*, email: OutgoingEmail, now: datetime, due_at: datetime | None = None) -> None:
    """Queue an unknown or failed email again, with the same Message-ID, now or when `due_at`.

    Raises `NotSettled`.
    """
    with transaction.atomic():
        Subscriber.objects.locked_one(email.subscriber_id)
        stuck = OutgoingEmail.objects.filter(
            pk=email.pk, status__in=[Status.UNKNOWN, Status.FAILED], due_at=None
        )
        if not stuck.update(**sent_again(due_at=due_at or now)):
            raise NotSettled("Only a mail that failed or is unknown can be sent again.")
        reactions.current().emails_changed(email_ids=[email.pk])


def sent_again(*, due_at: datetime) -> dict[str, Any]:
    """Return the columns of a mail that is queued again, with the same Message-ID."""
    return {"status": Status.QUEUED, "due_at": due_at, "reason": "", "deferred_since": None}


def hand_on(*, workspace_id: UUID, cause: str, to: str) -> None:
    """Give an email that was or is being sent another cause; the subscriber is locked."""
    OutgoingEmail.objects.filter(workspace=workspace_id, cause=cause).exclude(
        status__in=[Status.FAILED, Status.SKIPPED]
    ).update(cause=to)


def replace_failed(*, workspace_id: UUID, cause: str) -> None:
    """Skip a failed email whose step is carried out once more, by another email: sent again as
    well, it would come twice. The subscriber is locked.
    """
    failed = OutgoingEmail.objects.filter(workspace=workspace_id, cause=cause, status=Status.FAILED)
    replaced = list(failed.values_list("pk", flat=True))
    if replaced:
        failed.filter(pk__in=replaced).update(
            status=Status.SKIPPED, reason=STEP_RETRIED, due_at=None
        )
        reactions.current().emails_changed(email_ids=replaced)


def _queued(email_id: UUID) -> QuerySet[OutgoingEmail]:
    return OutgoingEmail.objects.filter(pk=email_id, status=Status.QUEUED)


def _row(draft: Draft, now: datetime, **columns: Any) -> OutgoingEmail:
    email_id = new_id()
    domain = parseaddr(draft.sender)[1].rpartition("@")[2] or "localhost"
    drafted = {field.name: getattr(draft, field.name) for field in fields(Draft)}
    message_id = f"<{email_id.hex}@{domain}>"
    return OutgoingEmail(id=email_id, message_id=message_id, created_at=now, **drafted, **columns)
