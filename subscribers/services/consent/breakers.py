"""Limits on confirmation emails an hour: per domain with its subdomains, per key, in all. For free
mail, where many people share a domain, per domain and key together.

An email beyond a limit is delayed to a later hour, never refused, and the admin's home page warns:
somebody may be signing others up. The worker counts when it sends, in a transaction of its own, so
that no request waits for these hot rows.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F

from subscribers.models import AskedHour
from subscribers.wire import mailboxes

Scope = AskedHour.Scope
HOUR = timedelta(hours=1)
KEPT_FOR = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Limit:
    scope: AskedHour.Scope
    subject: str
    mails: int


def admit(*, email_key: str, key_prefix: str, now: datetime) -> datetime | None:
    """Count an email before it is sent; beyond a limit, count it as delayed and return its new
    time. `key_prefix` is empty without a key. Delayed emails are spread over the next hours, as
    many in each as the limit allows. Call it outside transactions.
    """
    hour = now.replace(minute=0, second=0, microsecond=0)
    limits = _limits(email_key, key_prefix)
    if not limits:
        return None
    reached = None
    with transaction.atomic():
        for limit in limits:
            if not _count(limit, hour):
                reached = limit
                transaction.set_rollback(True)
                break
    return _put_off(reached, hour) if reached else None


def delayed_since(*, since: datetime) -> list[AskedHour]:
    """Return the hours with delayed emails since a moment, newest first."""
    rows = AskedHour.objects.filter(starts_at__gte=since, delayed__gt=0)
    return list(rows.order_by("-starts_at", "scope", "subject"))


def purge(*, now: datetime) -> int:
    """Delete expired hours; returns how many. Idempotent."""
    deleted, _ = AskedHour.objects.filter(starts_at__lt=now - KEPT_FOR).delete()
    return deleted


def _limits(email_key: str, key_prefix: str) -> list[Limit]:
    """Return the limits of an email, in the order in which their rows are locked."""
    domain = mailboxes.counted_domain(email_key)
    by_domain = Limit(Scope.DOMAIN, domain, settings.CONFIRMATIONS_PER_DOMAIN)
    if domain in mailboxes.FREE_MAIL_DOMAINS:
        # The subject is as the alarm reads it. Without a key no request asked.
        most = settings.CONFIRMATIONS_PER_FREE_DOMAIN_AND_KEY if key_prefix else 0
        by_domain = Limit(Scope.DOMAIN, f"{domain} by the API key {key_prefix}", most)
    limits = [
        Limit(Scope.ALL, "", settings.CONFIRMATIONS_PER_HOUR),
        by_domain,
        Limit(Scope.KEY, key_prefix, settings.CONFIRMATIONS_PER_KEY if key_prefix else 0),
    ]
    return [each for each in limits if each.mails]


def _count(limit: Limit, hour: datetime) -> bool:
    """Count an email in its hour; False when the limit is reached."""
    AskedHour.objects.bulk_create(
        [AskedHour(scope=limit.scope, subject=limit.subject, starts_at=hour)], ignore_conflicts=True
    )
    rows = AskedHour.objects.filter(scope=limit.scope, subject=limit.subject, starts_at=hour)
    return bool(rows.filter(mails__lt=limit.mails).update(mails=F("mails") + 1))


def _put_off(limit: Limit, hour: datetime) -> datetime:
    """Count an email as delayed, and return when it is due."""
    with transaction.atomic():
        rows = AskedHour.objects.filter(scope=limit.scope, subject=limit.subject, starts_at=hour)
        # The row exists: its limit was reached.
        rows.update(delayed=F("delayed") + 1)
        place = rows.values_list("delayed", flat=True).get() - 1
    hours, within = divmod(place, limit.mails)
    return hour + HOUR * (1 + hours) + HOUR * within / limit.mails
