"""Consent on a subscriber's page: whether they can be mailed; lines of the ledger."""

from collections.abc import Iterator
from datetime import datetime
from typing import assert_never

from django.db.models import QuerySet
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from config.admin_base import link_to
from config.readable import bulleted, moment, sentence, time_tag
from events.wording.reasons import reason_in_words
from subscribers.admin import consent_words
from subscribers.models import Confirmation, ConsentRecord, OutgoingEmail, Subscriber, Suppression
from subscribers.services.outbox import outbox
from subscribers.services.people import reachability

LATEST = 50
Status, Kind = OutgoingEmail.Status, OutgoingEmail.Kind


def can_be_mailed(subscriber: Subscriber, *, now: datetime) -> SafeString:
    """Return whether a mail would be sent now, and why not, in sentences."""
    answer = reachability.of_person(subscriber=subscriber, now=now)
    lines = list(_verdict(answer))
    if answer.suppression:
        lines.append(_suppressed(answer.suppression))
    if answer.held and subscriber.workspace.is_mail_paused:
        lines.append(sentence("Paused in the workspace {}.", link_to(subscriber.workspace)))
    confirmation = subscriber.confirmations.filter(closed_at=None).first()
    if confirmation:
        lines.append(_awaited(confirmation))
    elif subscriber.status == Subscriber.Status.PENDING:
        lines.append(sentence("{}", "Pending, and no confirmation is open."))
    return format_html_join("", "<p>{}</p>", ((line,) for line in lines))


def _verdict(answer: reachability.Reachability) -> Iterator[SafeString]:
    strong = "<strong>{}</strong> {}"
    marketing, transactional = map(answer.skipped, (Kind.MARKETING, Kind.TRANSACTIONAL))
    if transactional:
        yield sentence(strong, "No:", f"{reason_in_words(transactional)}.")
        return
    if marketing:
        yield sentence(strong, "Only transactional mail:", f"{reason_in_words(marketing)}.")
    elif not (answer.on_hold_since or answer.held or answer.stops):
        yield sentence(strong, "Yes.", "")
    if answer.on_hold_since:
        since = time_tag(answer.on_hold_since)
        yield sentence(
            "<strong>Not now:</strong> this is a restored copy: it sends nothing since {}.", since
        )
    if answer.held:
        yield sentence(strong, "Not now:", f"{reason_in_words(answer.held)}. What is due waits.")
    elif answer.stops:
        stop = answer.stops[0]
        yield sentence(
            "<strong>Not now:</strong> no mail has left by {} since {}: {}. What is due waits.",
            stop.server,
            time_tag(stop.since),
            stop.reason,
        )
    if answer.capped_until and not marketing:
        yield sentence(
            "Marketing mail waits until {}: {}.",
            time_tag(answer.capped_until),
            reason_in_words("mail_cap"),
        )


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
