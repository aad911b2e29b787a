"""Deletes rows that have served their time."""

from datetime import datetime, timedelta

from subscribers.models import IdempotentRequest, RateWindow
from subscribers.services.consent import breakers
from subscribers.services.outbox import rate

# A window counts for one minute, a second for one second; the rest is room for clocks that differ.
WINDOW_AGE = timedelta(hours=1)


def purge_expired(*, now: datetime) -> int:
    """Delete expired answers, and old counts of requests and mails; idempotent."""
    answers, _ = IdempotentRequest.objects.filter(expires_at__lte=now).delete()
    windows, _ = RateWindow.objects.filter(window_start__lt=now - WINDOW_AGE).delete()
    seconds = rate.purge(before=now - WINDOW_AGE)
    return answers + windows + seconds + breakers.purge(now=now)
