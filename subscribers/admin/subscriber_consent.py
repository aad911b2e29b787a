"""Consent on a subscriber's page: why mail is blocked, and the latest ledger records."""

from django.db.models import QuerySet
from django.utils.html import format_html
from django.utils.safestring import SafeString

from config.admin_base import link_to, list_url
from config.readable import bulleted, moment
from subscribers.admin import consent_words
from subscribers.models import Confirmation, ConsentRecord, Subscriber, Suppression
from subscribers.services.consent import suppressions

LATEST = 50


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
        format_html("{} {}", moment(record.at), link_to(record, consent_words.line(record)))
        for record in records.order_by("-id")[:LATEST]
    )


def _awaited(open_one: Confirmation) -> SafeString:
    mails = "1 mail" if open_one.mails == 1 else f"{open_one.mails} mails"
    reminded = f", reminded {moment(open_one.reminded_at)}" if open_one.reminded_at else ""
    sent = moment(open_one.asked_at)
    return format_html("Waits for confirmation: {}, last sent {}{}.", mails, sent, reminded)


def _suppressed(suppression: Suppression) -> SafeString:
    return format_html(
        "{}, since {}: gets no mail at all.",
        link_to(suppression, f"Suppressed ({suppression.get_reason_display().lower()})"),
        moment(suppression.created_at),
    )
