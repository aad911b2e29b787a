"""Records one person's events, one savepoint each, and does what follows from them.

This is the reference: the fast path must give the same answers and rows. The caller holds the
subscriber's lock inside a transaction.
"""

import logging
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec
from django.db import DatabaseError, IntegrityError, transaction

from events.decisions import triggers
from events.decisions.enrollments import Seen, enrollments_after
from events.intake.payloads import EventDraft, RejectedEvent
from events.models import Event, EventDefinition, FailedStage
from events.services.configuration import remembered, sync_rules
from events.services.database_faults import REQUEST_FAULTS, brief
from events.services.enrollments import rows as starting
from events.services.ingestion import failed_stages
from events.services.ingestion.definitions import Definitions
from events.services.ingestion.outcomes import Failed, Outcome, Recorded, recorded, reject
from events.services.ingestion.request import IngestRequest
from events.services.ingestion.stages import Stages
from events.services.planning import effects, planning
from events.services.planning.planning import Standing
from subscribers.models import Subscriber
from subscribers.services.audience import tags

__all__ = ["Failed", "Outcome", "Recorded", "Recorder", "reject"]

logger = logging.getLogger("cueline.recording")


class Recorder:
    """What a request's events share: person and duplicates, as the event before left them."""

    def __init__(
        self,
        *,
        subscriber: Subscriber,
        is_new: bool,
        definitions: Definitions,
        request: IngestRequest,
        may_be_stored: Sequence[UUID] = (),
        is_preview: bool = False,
    ) -> None:
        """`may_be_stored` are planned ids that an earlier attempt may have written."""
        self.subscriber = subscriber
        self.definitions = definitions
        self.undefined_names = set(definitions.made)
        self.limit = request.limits.definitions
        self.now = request.now
        self.is_preview = is_preview
        drafts = [event for event in request.events if isinstance(event, EventDraft)]
        workspace_id, names = subscriber.workspace_id, definitions.by_name
        self.rules_by_name = sync_rules.for_events(workspace_id=workspace_id, names=names)
        self.watched = remembered.watched_now(workspace_id=workspace_id)
        self.stages = Stages(
            subscriber=subscriber, watched=self.watched, now=self.now, is_test=request.is_test
        )
        self.standing = Standing(status=subscriber.status)
        if not is_new:
            self._read_standing()
        self.stored = {} if is_new else self._find_stored(drafts)
        with_names = Event.objects.select_related("definition")
        self.written_before = with_names.in_bulk(may_be_stored) if may_be_stored else {}
        self.oldest_history: datetime | None = None

    def enter(self, *, list_ids: Sequence[UUID]) -> None:
        """Start the sequences of a new person's creation and of the lists that they joined.

        No event can keep a failure for a retry: a fault of the database fails the request.
        """
        starts = triggers.starts_of_lists(
            watched=self.watched,
            list_ids=list_ids,
            is_created=True,
            enrollments=self.standing.enrollments,
            status=self.standing.status,
        )
        if starts.started:
            self.stages.start(starts)
            enrollments = enrollments_after(
                watched=self.watched, enrollments=self.standing.enrollments, started=starts.started
            )
            self.standing = msgspec.structs.replace(self.standing, enrollments=enrollments)

    def record(self, draft: EventDraft | RejectedEvent, *, planned_id: UUID) -> Outcome:
        """Record one event in its own savepoint; a fault of the database fails it alone."""
        if isinstance(draft, RejectedEvent):
            return reject(draft)
        own = self.written_before.get(planned_id)
        if own is not None:
            return self._answer_new(own, own.definition)
        definition = self.definitions.by_name.get(draft.name)
        if definition is None:
            message = f"is new, and the workspace has its {self.limit} event definitions already."
            return Failed(name=draft.name, code="DEFINITION_LIMIT", field="name", message=message)
        duplicate = self.stored.get((definition.pk, draft.event_id))
        if duplicate is not None:
            return self._answer_duplicate(duplicate, definition)
        try:
            with transaction.atomic():
                event, standing = self._insert(draft, definition, planned_id)
        except REQUEST_FAULTS:
            raise
        except DatabaseError as error:
            return self._answer_fault(draft, definition, error, planned_id)
        self.standing = standing
        if draft.event_id is not None:
            self.stored[definition.pk, draft.event_id] = event
        return self._answer_new(event, definition)

    def unused_definitions(self) -> list[EventDefinition]:
        """Return the definitions made for events that all failed."""
        return [self.definitions.made[name] for name in self.undefined_names]

    def _find_stored(self, drafts: Sequence[EventDraft]) -> dict[tuple[UUID, str | None], Event]:
        """Return the stored events with the drafts' event ids; one query."""
        event_ids = {draft.event_id for draft in drafts if draft.event_id is not None}
        if not event_ids:
            return {}
        rows = Event.objects.filter(
            subscriber=self.subscriber,
            definition__in=self.definitions.by_name.values(),
            event_id__in=event_ids,
        )
        return {(row.definition_id, row.event_id): row for row in rows}

    def _read_standing(self) -> None:
        """Read the person's tags and enrollments that the request concerns; two queries at most."""
        rules = [rule for matching in self.rules_by_name.values() for rule in matching]
        concerned = self.watched.concerned_by(
            names=self.definitions.by_name, tag_ids=[tag.id for rule in rules for tag in rule.add]
        )
        self.standing = Standing(
            status=self.subscriber.status,
            tags=tags.names_of(self.subscriber) if rules else {},
            enrollments=starting.enrollments_of(
                subscriber_id=self.subscriber.pk,
                sequence_ids=concerned,
                with_entry=self.watched.compares_entry,
            ),
        )

    def _insert(
        self, draft: EventDraft, definition: EventDefinition, planned_id: UUID
    ) -> tuple[Event, Standing]:
        """Insert the event with its effects, then do them; returns the person's state then."""
        watched, matching = self.watched, self.rules_by_name.get(draft.name, ())
        event = Event(
            id=planned_id,
            workspace_id=self.subscriber.workspace_id,
            subscriber=self.subscriber,
            definition=definition,
            event_id=draft.event_id,
            occurred_at=draft.occurred_at,
            received_at=self.now,
            is_historical=draft.is_historical,
            properties=draft.properties,
        )
        if draft.is_historical:
            event.effects = planning.effects_of_history(
                name=draft.name, matching=matching, watched=watched
            )
            event.save(force_insert=True)
            return event, self.standing
        seen = Seen(id=planned_id, name=draft.name, properties=draft.properties)
        before = self.standing
        plan = planning.plan_event(event=seen, matching=matching, watched=watched, before=before)
        event.effects = plan.effects
        event.save(force_insert=True)
        return event, self.stages.carry_out(event=event, seen=seen, plan=plan, before=before)

    def _answer_new(self, event: Event, definition: EventDefinition) -> Recorded:
        is_created = definition.name in self.undefined_names
        self.undefined_names.discard(definition.name)
        if event.is_historical:
            self.oldest_history = min(self.oldest_history or event.occurred_at, event.occurred_at)
        return recorded(event, definition, is_duplicate=False, is_definition_created=is_created)

    def _answer_duplicate(self, event: Event, definition: EventDefinition) -> Recorded:
        """Answer with the stored event; its failed stages are retried at once."""
        if effects.failed_stages_in(event.effects):
            for failed in FailedStage.objects.filter(event=event).order_by("pk"):
                failed.event = event
                failed_stages.retry(failed=failed, subscriber=self.subscriber, now=self.now)
            self._read_standing()
        answer = recorded(event, definition, is_duplicate=True, is_definition_created=False)
        if not self.is_preview:
            return answer
        repeated = planning.effects_of_repeat(name=definition.name, watched=self.watched)
        return msgspec.structs.replace(answer, effects=repeated)

    def _answer_fault(
        self, draft: EventDraft, definition: EventDefinition, error: DatabaseError, planned_id: UUID
    ) -> Outcome:
        if isinstance(error, IntegrityError):
            # An earlier attempt, whose connection was lost, has committed only now.
            own = Event.objects.filter(pk=planned_id).first()
            if own is not None:
                return self._answer_new(own, definition)
        if isinstance(error, IntegrityError) and draft.event_id is not None:
            # An import, which does not lock the subscriber, was first.
            self.stored |= self._find_stored([draft])
            duplicate = self.stored.get((definition.pk, draft.event_id))
            if duplicate is not None:
                return self._answer_duplicate(duplicate, definition)
        person = self.subscriber
        ids = {"workspace_id": person.workspace_id.hex, "subscriber_id": person.public_id}
        logger.error("An event could not be written: %s", brief(error), extra=ids)
        message = "could not be written: the database refused it. It can be sent again."
        return Failed(name=draft.name, code="INTERNAL", field="", message=message)
