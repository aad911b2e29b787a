"""Does what was planned for a stored event: a savepoint for each stage.

A stage that the database refuses is kept for a retry (`failed_stages`) and named in the event's
effects; the others go on. The caller holds the subscriber's lock, inside a transaction.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from django.db import DatabaseError, transaction

from events.decisions.enrollments import Ends, Seen, Starts
from events.decisions.watched import Watched
from events.models import Event, FailedStage
from events.services.database_faults import REQUEST_FAULTS, brief
from events.services.enrollments import rows
from events.services.ingestion import failed_stages
from events.services.planning import effects, planning
from events.services.planning.planning import EventPlan, Standing
from subscribers.models import Subscriber
from subscribers.services.audience import tags

logger = logging.getLogger("cueline.stages")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stages:
    """What the events of one request share."""

    subscriber: Subscriber
    watched: Watched
    now: datetime
    is_test: bool

    def carry_out(self, *, event: Event, seen: Seen, plan: EventPlan, before: Standing) -> Standing:
        """Do the plan of a stored live event; returns the person's state after it.

        Raises the faults of `REQUEST_FAULTS`; stages that fail otherwise are kept for a retry.
        """
        stages = FailedStage.Stage
        has_new_tags = plan.after.tags.keys() != before.tags.keys()
        if has_new_tags and not self._is_done(
            event, stages.APPLY_SYNC_RULES, partial(self._change_tags, plan, before)
        ):
            # What follows from the tags comes with their retry.
            plan = planning.plan_event(event=seen, matching=(), watched=self.watched, before=before)
            failures = {"failedStages": event.effects["failedStages"]}
            event.effects = effects.merged(failures, plan.effects)
            event.save(update_fields=["effects"])
        starts, ends = plan.starts, plan.ends
        if starts.started and not self._is_done(
            event, stages.TRIGGER_SEQUENCES, partial(self.start, starts, event)
        ):
            starts = Starts()
        if (ends.released or ends.stopped) and not self._is_done(
            event, stages.RELEASE_WAITS, partial(self._end, event, ends)
        ):
            ends = Ends()
        if starts is plan.starts and ends is plan.ends:
            return plan.after
        return planning.standing_after(
            event=seen,
            watched=self.watched,
            before=before,
            tags=plan.after.tags,
            starts=starts,
            ends=ends,
        )

    def start(self, starts: Starts, event: Event | None = None) -> None:
        rows.start(
            subscriber=self.subscriber,
            starts=starts.started,
            now=self.now,
            event_id=event.pk if event else None,
            is_test=self.is_test,
        )

    def _change_tags(self, plan: EventPlan, before: Standing) -> None:
        tags.change(
            subscriber=self.subscriber,
            added=plan.rules.net_added(before=before.tags),
            removed=plan.rules.net_removed(before=before.tags),
        )

    def _end(self, event: Event, ends: Ends) -> None:
        rows.release(enrollments=ends.released, event_id=event.pk, now=self.now)
        rows.stop(enrollment_ids=[enrollment.id for enrollment in ends.stopped], now=self.now)

    def _is_done(self, event: Event, stage: FailedStage.Stage, work: Callable[[], None]) -> bool:
        """Run the work in a savepoint; False if the database refused it and it was kept."""
        try:
            with transaction.atomic():
                work()
        except REQUEST_FAULTS:
            raise
        except DatabaseError as error:
            failed_stages.keep(
                event=event, stage=stage, error=error, now=self.now, is_test=self.is_test
            )
            ids = {
                "workspace_id": event.workspace_id.hex,
                "subscriber_id": self.subscriber.public_id,
                "event_id": event.public_id,
            }
            logger.warning("Stage %s failed: %s", stage, brief(error), extra=ids)
            return False
        return True
