"""Deletes expired rows."""

from datetime import datetime, timedelta

from subscribers.models import IdempotentRequest
from subscribers.services.consent import breakers
from subscribers.services.storage import leased_bucket

# Windows last a minute at most; the rest allows for clocks that differ.
WINDOW_AGE = timedelta(hours=1)


def purge_expired(*, now: datetime) -> int:
    """Delete expired answers, and old counts of requests and emails; idempotent."""
    answers, _ = IdempotentRequest.objects.filter(expires_at__lte=now).delete()
    windows = leased_bucket.purge(before=now - WINDOW_AGE)
    return answers + windows + breakers.purge(now=now)
