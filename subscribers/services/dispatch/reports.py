"""Reports of delivery services: bounces, complaints, deliveries, opens, clicks, unsubscribes.

A report names the email by our id where it can, else only its recipient: then every subscriber of
that address to whom mail was sent. Services repeat reports, so taking one twice is safe. Locks: one
subscriber at a time, each in a transaction of its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef

from subscribers import reactions
from subscribers.models import MailActivity, OutgoingEmail, Subscriber, Suppression, Workspace
from subscribers.services.activity import recording, rules, tracking, visits
from subscribers.services.activity.recording import Seen
from subscribers.services.activity.rules import UNSEEN, Facts, Visit
from subscribers.services.consent import suppressions, unsubscribing
from subscribers.services.consent.suppressions import SuppressionSource
from subscribers.services.consent.unsubscribing import UnsubscribeMethod
from subscribers.services.outbox import outbox
from subscribers.templating import mail
from subscribers.wire import addresses

Status = OutgoingEmail.Status
Activity = MailActivity.Kind
BounceType = MailActivity.BounceType
LEFT = (Status.SENDING, Status.SENT, Status.UNKNOWN)
# SQLite takes no more than 999 values in some builds.
MOST_IDS = 500


class News(Enum):
    HARD_BOUNCE = auto()
    COMPLAINT = auto()
    UNSUBSCRIBED = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One report; `recipient` is the service's text, which may be no address."""

    recipient: str
    email_id: UUID | None = None
    # The service has the email, so it must not be sent again.
    is_taken: bool = False
    news: News | None = None
    # What else the mail's activity shows: delivered, put off, opened, clicked, a soft bounce.
    activity: MailActivity.Kind | None = None
    # When the service says that it was.
    at: datetime | None = None
    # Of opens and clicks.
    visit: Visit = UNSEEN
    url: str = ""
    # The server's or service's message.
    details: str = ""
    source: SuppressionSource = SuppressionSource.WEBHOOK


@dataclass(frozen=True, slots=True)
class _Recipient:
    workspace: Workspace
    subscriber_id: UUID
    address: str


_REASONS = {
    News.HARD_BOUNCE: Suppression.Reason.HARD_BOUNCE,
    News.COMPLAINT: Suppression.Reason.COMPLAINT,
}
_KIND_OF_NEWS = {
    News.HARD_BOUNCE: Activity.BOUNCED,
    News.COMPLAINT: Activity.COMPLAINED,
    News.UNSUBSCRIBED: Activity.UNSUBSCRIBED,
}


def take(*, reports: Sequence[Report], now: datetime) -> None:
    """Apply reports; idempotent but for the count of bounces. Unknown deliveries become sent, hard
    bounces and complaints suppress the address, unsubscribes unsubscribe. Reports about nothing
    known are ignored.
    """
    _settle_taken([each.email_id for each in reports if each.email_id and each.is_taken], now)
    for report in reports:
        if report.news is None:
            continue
        for recipient in _recipients(report):
            _act(report.news, recipient, report, now)
    for first in range(0, len(reports), MOST_IDS):
        _note_activity(reports[first : first + MOST_IDS], now)


def _settle_taken(email_ids: Sequence[UUID], now: datetime) -> None:
    """Record accepted emails as sent; a process still sending one finds it settled."""
    for first in range(0, len(email_ids), MOST_IDS):
        known = OutgoingEmail.objects.filter(pk__in=email_ids[first : first + MOST_IDS])
        unsettled = known.filter(outbox.UNSETTLED).order_by("subscriber_id", "id")
        for email_id, subscriber_id in unsettled.values_list("pk", "subscriber_id"):
            with transaction.atomic():
                Subscriber.objects.locked_one(subscriber_id)
                if outbox.settle_as_taken(email_id=email_id, now=now):
                    reactions.current().emails_changed(email_ids=[email_id])


def _note_activity(reports: Sequence[Report], now: datetime) -> None:
    """Write the activity of the mails that reports name by our id; of others nobody knows it."""
    known = OutgoingEmail.objects.select_related("subscriber").defer("html", "text", "headers")
    emails = known.in_bulk({report.email_id for report in reports if report.email_id})
    pairs = [(report, emails.get(report.email_id)) for report in reports if report.email_id]
    seen = [_seen(report, email, now) for report, email in pairs if email is not None]
    recording.record(seen=[each for each in seen if each is not None])


def _seen(report: Report, email: OutgoingEmail, now: datetime) -> Seen | None:
    kind = _KIND_OF_NEWS[report.news] if report.news else report.activity
    # A service's clock may be wrong.
    at = max(email.created_at, min(report.at or now, now))
    if kind is None:
        return None
    if kind == Activity.BOUNCED:
        is_hard = report.news is News.HARD_BOUNCE
        bounce_type = BounceType.HARD if is_hard else BounceType.SOFT
        return Seen(email=email, kind=kind, at=at, bounce_type=bounce_type)
    if kind not in {Activity.OPENED, Activity.CLICKED}:
        return Seen(email=email, kind=kind, at=at)
    if tracking.is_private(email.subscriber):
        return None
    facts = Facts(visit=report.visit, kind=kind, seconds_since_sent=visits.since_sent(email, at))
    quality, reasons = rules.judge(facts)
    # Services' texts may have signs that no database stores.
    url = mail.header_text(report.url) if kind == Activity.CLICKED else ""
    return Seen(email=email, kind=kind, at=at, quality=quality, reasons=reasons, url=url)


def _recipients(report: Report) -> list[_Recipient]:
    if report.email_id is not None:
        known = OutgoingEmail.objects.select_related("workspace")
        email = known.filter(pk=report.email_id).first()
        if email is not None:
            return [_Recipient(email.workspace, email.subscriber_id, email.recipient)]
    try:
        address = addresses.parse(report.recipient)
    except addresses.InvalidAddress:
        return []
    mails = OutgoingEmail.objects.filter(subscriber=OuterRef("pk"), status__in=LEFT)
    people = Subscriber.objects.filter(Exists(mails), email_key=address.key)
    return [
        _Recipient(person.workspace, person.pk, address.text)
        for person in people.select_related("workspace").order_by("id")
    ]


def _act(news: News, recipient: _Recipient, report: Report, now: datetime) -> None:
    if news is News.UNSUBSCRIBED:
        unsubscribing.leave(
            subscriber_ids=[recipient.subscriber_id], now=now, method=UnsubscribeMethod.SERVICE
        )
        return
    suppressions.suppress(
        workspace=recipient.workspace,
        address=recipient.address,
        reason=_REASONS[news],
        source=report.source,
        details=report.details,
        now=now,
    )
