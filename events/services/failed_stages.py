"""Stages of an event's effects that failed: kept as rows, done again until they succeed."""

import logging
from datetime import datetime, timedelta
from uuid import UUID

from django.db import DatabaseError, transaction

from events import rules
from events.models import Event, FailedStage
from events.services import effects, sync_rules
from events.services.database_faults import (
    REQUEST_FAULTS,
    brief,
    check_constraints_at_once,
)
from subscribers.models import Subscriber
from subscribers.services import tags

logger = logging.getLogger("cueline.failed_stages")

FIRST_PAUSE = timedelta(minutes=1)
LONGEST_PAUSE = timedelta(hours=6)


def keep(*, event: Event, stage: FailedStage.Stage, error: Exception, now: datetime) -> None:
    """Remember that the stage of a stored event failed; the event's effects say so as well."""
    event.effects = effects.of_failure(stage, brief(error))
    event.save(update_fields=["effects"])
    FailedStage.objects.create(
        workspace_id=event.workspace_id,
        event=event,
        stage=stage,
        last_error=brief(error),
        failed_at=now,
        next_attempt_at=now + FIRST_PAUSE,
    )


def retry(*, failed: FailedStage, subscriber: Subscriber, now: datetime) -> bool:
    """Do the stage again with the rules and tags of now; True when it succeeded.

    The caller holds the subscriber's lock, inside a transaction. On success the row goes and the
    event's effects say what was done; else the next attempt waits twice as long.
    """
    event = failed.event
    try:
        with transaction.atomic():
            event.effects = _apply_rules(event, subscriber)
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

    May run twice at once: the subscriber's lock and a second look decide who does the work.
    """
    due = FailedStage.objects.filter(next_attempt_at__lte=now).order_by("next_attempt_at")
    return sum(
        _retry_alone(failed_id, now) for failed_id in due.values_list("pk", flat=True)[:limit]
    )


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


def _apply_rules(event: Event, subscriber: Subscriber) -> dict[str, object]:
    name = event.definition.name
    tags_before = tags.names_of(subscriber)
    by_name = sync_rules.for_events(workspace_id=event.workspace_id, names=[name])
    planned = rules.apply(
        rules=by_name.get(name, ()), tags=tags_before, properties=event.properties
    )
    tags.change(
        subscriber=subscriber,
        added=planned.net_added(before=tags_before),
        removed=planned.net_removed(before=tags_before),
    )
    return effects.of_rules(planned)


def _postpone(failed: FailedStage, error: Exception, now: datetime) -> None:
    pause = min(FIRST_PAUSE * 2 ** min(failed.attempts, 10), LONGEST_PAUSE)
    failed.attempts += 1
    failed.last_error = brief(error)
    failed.next_attempt_at = now + pause
    failed.save(update_fields=["attempts", "last_error", "next_attempt_at"])


def _ids(event: Event) -> dict[str, str]:
    return {"event_id": event.public_id, "workspace_id": event.workspace_id.hex}
