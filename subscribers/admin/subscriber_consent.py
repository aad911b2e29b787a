"""Consent on a subscriber's page: why mail is blocked, and the latest ledger records."""

from typing import assert_never

from django.db.models import QuerySet
from django.utils.html import format_html
from django.utils.safestring import SafeString

from config.admin_base import link_to, list_url
from config.readable import bulleted, moment, time_tag
from subscribers.admin import consent_words
from subscribers.models import Confirmation, ConsentRecord, OutgoingEmail, Subscriber, Suppression
from subscribers.services.consent import suppressions
from subscribers.services.outbox import outbox

LATEST = 50
Status = OutgoingEmail.Status


def standing(subscriber: Subscriber) -> SafeString:
    suppression = suppressions.find(workspace=subscriber.workspace, email_key=subscriber.email_key)
    lines = [_suppressed(suppression)] if suppression else []
    confirmation = subscriber.confirmations.filter(closed_at=None).first()
    if confirmation:
        lines.append(_awaited(confirmation))
    elif subscriber.status == Subscriber.Status.PENDING:
        lines.append(format_html("{}", "Pending, and no confirmation is open."))
    return bulleted(lines)


def ledger(subscriber: Subscriber) -> SafeString:
    """Return the person's latest ledger records, and a link to all."""
    shown = lines(ConsentRecord.objects.filter(subscriber=subscriber))
    everything = list_url(ConsentRecord, subscriber__id__exact=subscriber.pk)
    return format_html('{}<p><a href="{}">The whole ledger</a></p>', shown, everything)


def lines(records: QuerySet[ConsentRecord]) -> SafeString:
    return bulleted(
        format_html("{} {}", time_tag(record.at), link_to(record, consent_words.line(record)))
        for record in records.order_by("-id")[:LATEST]
    )


def _awaited(open_one: Confirmation) -> SafeString:
    if not open_one.mails:
        return format_html("{}", "Waits for confirmation: no mail was queued yet.")
    mails = "1 mail" if open_one.mails == 1 else f"{open_one.mails} mails"
    reminded = f", reminded {moment(open_one.reminded_at)}" if open_one.reminded_at else ""
    said = _last_mail(open_one)
    return format_html("Waits for confirmation: {}, the last {}{}.", mails, said, reminded)


def _last_mail(confirmation: Confirmation) -> SafeString:
    """Return what became of the confirmation's latest mail."""
    cause = outbox.cause_of_confirmation(confirmation_id=confirmation.pk, number=confirmation.mails)
    email = OutgoingEmail.objects.filter(
        workspace_id=confirmation.workspace_id, cause=cause
    ).first()
    if email is None:
        # Retention has removed it.
        return format_html("queued {}", time_tag(confirmation.asked_at))
    asked = moment(confirmation.asked_at)
    status = Status(email.status)
    match status:
        case Status.SENT:
            words = f"sent {moment(email.sent_at or confirmation.asked_at)}"
        case Status.QUEUED | Status.SENDING:
            words = f"queued, not sent (since {asked})"
        case Status.UNKNOWN:
            words = f"queued {asked}, and it is unknown whether it was sent"
        case Status.SKIPPED | Status.FAILED:
            words = f"queued {asked}, and not sent"
        case _:
            assert_never(status)
    return link_to(email, words)


def _suppressed(suppression: Suppression) -> SafeString:
    return format_html(
        "{}, since {}: gets no mail at all.",
        link_to(suppression, f"Suppressed ({suppression.get_reason_display().lower()})"),
        time_tag(suppression.created_at),
    )
