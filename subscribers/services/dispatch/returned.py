"""Applies mail that came back to RETURN_PATH or UNSUBSCRIBE_MAILTO; `notices` says what it means.

The token finds the email or the subscriber, and nothing else in the mail does. Taking a mail twice
changes nothing. Locks: those of `reports` and `unsubscribing`, in a transaction of their own.
"""

from datetime import datetime

from django.conf import settings

from subscribers.models import OutgoingEmail
from subscribers.services.consent import unsubscribing
from subscribers.services.consent.suppressions import SuppressionSource
from subscribers.services.consent.unsubscribing import UnsubscribeMethod
from subscribers.services.dispatch import notices, reports
from subscribers.services.dispatch.notices import Kind, Notice
from subscribers.services.dispatch.reports import Activity, News, Report
from subscribers.services.outbox import return_path

_NEWS = {Kind.HARD_BOUNCE: News.HARD_BOUNCE, Kind.COMPLAINT: News.COMPLAINT}


def take(*, content: bytes, now: datetime) -> bool:
    """Apply a mail; False if it is no notice about an email or a person of ours. Raises for a
    database that is away alone.
    """
    notice = notices.read(
        content, return_path=settings.RETURN_PATH, unsubscribe=settings.UNSUBSCRIBE_MAILTO
    )
    if notice is None:
        return False
    if notice.kind is Kind.LEAVE:
        return _leave(notice, now)
    email = return_path.email_of(notice.token)
    if email is None:
        return False
    _report(email, notice, now)
    return True


def _leave(notice: Notice, now: datetime) -> bool:
    token = notice.token.hex()
    if unsubscribing.owner_of(token) is None:
        return False
    unsubscribing.leave_by_link(
        token=token, mail_list=notice.details, now=now, method=UnsubscribeMethod.MAIL
    )
    return True


def _report(email: OutgoingEmail, notice: Notice, now: datetime) -> None:
    news = _NEWS.get(notice.kind)
    # Marks the email, so that a notice that is read again is not counted again.
    reason = ""
    if news is News.HARD_BOUNCE:
        reason = "bounced_later"
    elif news is News.COMPLAINT:
        reason = "complained_later"
    if reason and email.reason == reason:
        return
    report = Report(
        recipient=email.recipient,
        email_id=email.pk,
        # A server that sends a notice has had the mail.
        is_taken=True,
        news=news,
        activity=Activity.BOUNCED if notice.kind is Kind.SOFT_BOUNCE else None,
        details=notice.details,
        source=SuppressionSource.MAIL,
    )
    reports.take(reports=[report], now=now)
    if reason:
        sent = OutgoingEmail.objects.filter(pk=email.pk, status=OutgoingEmail.Status.SENT)
        sent.update(reason=reason)
