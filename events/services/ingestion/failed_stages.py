"""Stages of an event's effects that failed: kept as rows and retried until they succeed."""

import logging
from datetime import datetime
from uuid import UUID

from django.db import DatabaseError, transaction

from config import retries
from events.models import Event, FailedStage
from events.services.database_faults import REQUEST_FAULTS, brief, check_constraints_at_once
from events.services.ingestion import stage_retries
from events.services.planning import effects
from subscribers.models import Subscriber

logger = logging.getLogger("cueline.failed_stages")


def keep(
    *,
    event: Event,
    stage: FailedStage.Stage,
    error: Exception,
    now: datetime,
    is_test: bool = False,
) -> None:
    """Store that a stage of an event failed, as a row and in the event's effects."""
    failure = effects.of_failure(stage, brief(error), is_test=is_test)
    event.effects = effects.with_failure(event.effects, stage, failure)
    event.save(update_fields=["effects"])
    FailedStage.objects.create(
        workspace_id=event.workspace_id,
        event=event,
        stage=stage,
        last_error=brief(error),
        failed_at=now,
        next_attempt_at=now + retries.STAGES.pause(failures=1),
    )


def retry(*, failed: FailedStage, subscriber: Subscriber, now: datetime) -> bool:
    """Run the stage again with today's rules, tags, sequences and enrollments; True on success.

    The caller holds the subscriber's lock, inside a transaction. Success deletes the row and
    records the effects in the event; otherwise the next attempt waits twice as long.
    """
    event, stage = failed.event, FailedStage.Stage(failed.stage)
    try:
        with transaction.atomic():
            done = stage_retries.redo(event=event, stage=stage, subscriber=subscriber, now=now)
            event.effects = effects.with_retry(event.effects, stage, done)
            event.save(update_fields=["effects"])
            failed.delete()
    except REQUEST_FAULTS:
        raise
    except DatabaseError as error:
        logger.warning("Stage %s failed again: %s", failed.stage, brief(error), extra=_ids(event))
        _postpone(failed, error, now)
        return False
    return True


def retry_due(*, now: datetime, limit: int = 100) -> int:
    """Retry the stages that are due, each in its own transaction; returns how many succeeded.

    May run twice at once: the subscriber's lock and a second read decide which one does the work.
    """
    due = FailedStage.objects.filter(next_attempt_at__lte=now).order_by("next_attempt_at")
    return sum(_retry_alone(row_id, now) for row_id in due.values_list("pk", flat=True)[:limit])


def _retry_alone(failed_id: UUID, now: datetime) -> bool:
    with transaction.atomic():
        check_constraints_at_once()
        event_owner = FailedStage.objects.filter(pk=failed_id).values("event__subscriber_id")
        subscriber = Subscriber.objects.filter(pk__in=event_owner).locked().first()
        failed = (
            FailedStage.objects.select_related("event__definition")
            .filter(pk=failed_id, next_attempt_at__lte=now)
            .first()
        )
        if subscriber is None or failed is None:
            return False
        return retry(failed=failed, subscriber=subscriber, now=now)


def _postpone(failed: FailedStage, error: Exception, now: datetime) -> None:
    failed.attempts += 1
    failed.last_error = brief(error)
    failed.next_attempt_at = now + retries.STAGES.pause(failures=failed.attempts)
    failed.save(update_fields=["attempts", "last_error", "next_attempt_at"])


def _ids(event: Event) -> dict[str, str]:
    return {"event_id": event.public_id, "workspace_id": event.workspace_id.hex}
