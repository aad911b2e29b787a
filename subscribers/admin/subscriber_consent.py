"""Whether somebody may be written to, and how that came to be: a part of their page."""

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
    """Return what stands in the way of mail: a suppression, a question that is open."""
    suppression = suppressions.find(workspace=subscriber.workspace, email_key=subscriber.email_key)
    lines = [_suppressed(suppression)] if suppression else []
    question = subscriber.confirmations.filter(closed_at=None).first()
    if question:
        lines.append(_asked(question))
    elif subscriber.status == Subscriber.Status.PENDING:
        lines.append(format_html("{}", "Pending, and no question is open."))
    return bulleted(lines)


def ledger(subscriber: Subscriber) -> SafeString:
    """Return the latest lines of the person's ledger, and where to see all."""
    shown = lines(ConsentRecord.objects.filter(subscriber=subscriber))
    everything = list_url(ConsentRecord, subscriber__id__exact=subscriber.pk)
    return format_html('{}<p><a href="{}">The whole ledger</a></p>', shown, everything)


def lines(records: QuerySet[ConsentRecord]) -> SafeString:
    """Return the latest of some lines, newest first, each linked."""
    return bulleted(
        format_html("{} {}", moment(record.at), link_to(record, consent_words.line(record)))
        for record in records.order_by("-id")[:LATEST]
    )


def asked_in_words(question: Confirmation) -> str:
    """Return how often somebody was asked, and when last."""
    mails = "1 mail" if question.mails == 1 else f"{question.mails} mails"
    reminded = f", reminded {moment(question.reminded_at)}" if question.reminded_at else ""
    return f"{mails}, asked {moment(question.asked_at)}{reminded}"


def _asked(question: Confirmation) -> SafeString:
    return format_html("Waits for confirmation: {}.", asked_in_words(question))


def _suppressed(suppression: Suppression) -> SafeString:
    return format_html(
        "{}, since {}: gets no mail at all.",
        link_to(suppression, f"Suppressed ({suppression.get_reason_display().lower()})"),
        moment(suppression.created_at),
    )
