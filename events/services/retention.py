"""Deletes old counts and reports of workers; events, mails and records stay."""

from datetime import datetime, timedelta

from events.services import backtests, worker_reports
from events.services.counts import roll_ups, step_roll_ups
from subscribers.services.storage import outcomes

FOREVER = timedelta(0)


def purge_expired(*, now: datetime, hours_kept: timedelta, workers_kept: timedelta) -> int:
    """Delete old counts by hour and old worker reports; 0 keeps all. Old backtests go, too, and old
    counts of outcomes are added up. Idempotent.
    """
    deleted = 0
    if hours_kept != FOREVER:
        deleted += roll_ups.drop_hours(before=now - hours_kept)
    if workers_kept != FOREVER:
        deleted += worker_reports.forget_silent(before=now - workers_kept)
    step_roll_ups.drop_hours(now=now)
    deleted += backtests.purge(now=now)
    outcomes.add_up(before=now - outcomes.KEPT)
    return deleted
