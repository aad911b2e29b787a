"""Deletes rows that have served their time."""

from datetime import datetime, timedelta

from subscribers.models import IdempotentRequest, RateWindow

# A window counts for one minute; the rest is room for clocks that differ.
RATE_WINDOW_AGE = timedelta(hours=1)


def purge_expired(*, now: datetime) -> int:
    """Delete expired answers and old rate windows; idempotent."""
    answers, _ = IdempotentRequest.objects.filter(expires_at__lte=now).delete()
    windows, _ = RateWindow.objects.filter(window_start__lt=now - RATE_WINDOW_AGE).delete()
    return answers + windows
