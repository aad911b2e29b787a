"""Background work on events; each task may run twice and finds its work in rows."""

import logging
from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.conf import settings

from events import enqueue
from events.models import Enrollment
from events.services import backtests, engine, retention, worker_reports
from events.services.counts import current, endings, roll_ups, sizes, step_roll_ups
from events.services.engine import leftover_mails
from events.services.enrollments import by_segment, retrying
from events.services.ingestion import failed_stages
from events.wording import losses
from subscribers.services.dispatch import queue as outbox_queue

logger = logging.getLogger("cueline.losses")


def retry_failed_stages() -> int:
    return failed_stages.retry_due(now=datetime.now(tz=UTC))


def skip_left_mails() -> int:
    """Mark mails that waited for an attempt when their enrollment ended; returns how many."""
    return leftover_mails.skip_left()


def purge_results() -> int:
    return enqueue.purge_results(before=datetime.now(tz=UTC) - settings.TASK_RETENTION)


def purge_expired() -> int:
    now = _clock()
    deleted = retention.purge_expired(
        now=now,
        hours_kept=settings.HOUR_COUNT_RETENTION,
        workers_kept=settings.WORKER_RETENTION,
    )
    sizes.note_day(now=now, deleted=deleted)
    return deleted


def roll_up(minutes: int) -> int:
    """Recount the events of the last minutes, by hour and by day; returns how many hours."""
    now = _clock()
    return roll_ups.roll_up(now=now, since=now - timedelta(minutes=minutes))


def count_endings() -> None:
    """Count the enrollments that ended in this hour and since the last count."""
    endings.roll_up(now=_clock())


def enroll_segments() -> int:
    """Carry on the mass enrollments that are due; returns how many people entered."""
    return by_segment.advance_due(clock=_clock)


def warn_of_losses() -> None:
    """Write a line to the log for each step that began to fail, once an hour at most."""
    for loss in retrying.newly_lost(now=_clock()):
        logger.warning(
            "%s. To retry: manage.py retry_failed --workspace %s --sequence %s",
            losses.in_words(loss),
            loss.sequence.workspace.slug,
            loss.sequence.key,
        )


def carry_on_backtests() -> bool:
    """Work for some seconds on the oldest backtest; returns whether more is to be done."""
    is_more = backtests.carry_on(now=_clock())
    if is_more:
        # Without the pause until its next time, where no other job waits.
        enqueue.put_jobs(calls=[enqueue.TaskCall("events.tasks.carry_on_backtests")], now=_clock())
    return is_more


def count_steps() -> int:
    """Count what steps did since the last count, and what has changed; returns how many periods."""
    return step_roll_ups.take_turn(now=_clock())


def count_current() -> int:
    """Count people, members and what is under way, in turns; returns how many numbers."""
    return current.count_due(now=_clock())


def beat(worker_id: str) -> None:
    worker_reports.beat(worker_id=UUID(worker_id), now=_clock())


def advance(token: str, *enrollment_ids: str) -> None:
    """Carry out what is due for claimed enrollments, whose ids are hex."""
    ids = [UUID(each) for each in enrollment_ids]
    engine.advance(token=UUID(token), ids=ids, clock=_clock, must_yield=_is_something_above)


def send_queued(token: str, *email_ids: str) -> int:
    """Send claimed mails that no enrollment waits for; returns how many were sent."""
    ids = [UUID(each) for each in email_ids]
    return outbox_queue.send_queued(token=UUID(token), ids=ids, clock=_clock)


def _is_something_above(lane: Enrollment.Lane) -> bool:
    return enqueue.is_anything_above(lane=lane, now=_clock())


def _clock() -> datetime:
    return datetime.now(tz=UTC)
