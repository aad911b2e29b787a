"""Records one person's events, one savepoint each, and runs what each of them sets off.

This is the reference: it defines the meaning that any faster way must keep. The caller holds the
subscriber's lock inside a transaction.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from django.db import DatabaseError, IntegrityError, transaction

from events import rules
from events.models import Event, EventDefinition, FailedStage
from events.payloads import EventDraft, RejectedEvent
from events.services import effects, failed_stages, sync_rules
from events.services.database_faults import REQUEST_FAULTS, brief
from events.services.definitions import Definitions
from subscribers.models import Subscriber
from subscribers.services import tags

logger = logging.getLogger("cueline.recording")


class Recorded(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An event that is stored now: by this request, or before when it is a duplicate."""

    id: UUID
    name: str
    occurred_at: datetime
    is_duplicate: bool
    is_historical: bool
    is_definition_created: bool
    failed_stages: tuple[str, ...]
    effects: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """An event that was not recorded; `field` is its faulty field, or empty for the whole event."""

    name: str | None
    code: str
    field: str
    message: str

    @property
    def is_our_fault(self) -> bool:
        return self.code == "INTERNAL"


Outcome = Recorded | Failed


def reject(event: RejectedEvent) -> Failed:
    """Return the outcome of an event that was wrong as it came."""
    return Failed(
        name=event.name, code=event.code, field=event.fault.path, message=event.fault.message
    )


class Recorder:
    """What the events of one request share: tags and duplicates as the event before left them."""

    def __init__(
        self,
        *,
        subscriber: Subscriber,
        is_new: bool,
        definitions: Definitions,
        drafts: Sequence[EventDraft],
        limit: int,
        now: datetime,
        may_be_stored: Sequence[UUID] = (),
    ) -> None:
        """`may_be_stored` are planned ids that an earlier attempt may have written."""
        self.subscriber = subscriber
        self.definitions = definitions
        self.undefined_names = set(definitions.made)
        self.limit = limit
        self.now = now
        self.rules_by_name = sync_rules.for_events(
            workspace_id=subscriber.workspace_id, names=definitions.by_name
        )
        self.tags = tags.names_of(subscriber) if self.rules_by_name and not is_new else {}
        self.stored = {} if is_new else self._find_stored(drafts)
        self.written_before = (
            Event.objects.select_related("definition").in_bulk(may_be_stored)
            if may_be_stored
            else {}
        )
        self.oldest_history: datetime | None = None

    def record(self, draft: EventDraft | RejectedEvent, *, planned_id: UUID) -> Outcome:
        """Record one event in a savepoint of its own; a fault of the database fails it alone."""
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
                event, tags_after = self._insert(draft, definition, planned_id)
        except REQUEST_FAULTS:
            raise
        except DatabaseError as error:
            return self._answer_fault(draft, definition, error, planned_id)
        self.tags = tags_after
        if draft.event_id is not None:
            self.stored[definition.pk, draft.event_id] = event
        return self._answer_new(event, definition)

    def unused_definitions(self) -> list[EventDefinition]:
        """Return the definitions made for events that all failed."""
        return [self.definitions.made[name] for name in self.undefined_names]

    def _find_stored(self, drafts: Sequence[EventDraft]) -> dict[tuple[UUID, str | None], Event]:
        """Return the events that the drafts' event ids repeat; one query."""
        event_ids = {draft.event_id for draft in drafts if draft.event_id is not None}
        if not event_ids:
            return {}
        rows = Event.objects.filter(
            subscriber=self.subscriber,
            definition__in=self.definitions.by_name.values(),
            event_id__in=event_ids,
        )
        return {(row.definition_id, row.event_id): row for row in rows}

    def _insert(
        self, draft: EventDraft, definition: EventDefinition, planned_id: UUID
    ) -> tuple[Event, dict[UUID, str]]:
        """Insert the event with its effects, then do them; returns the tags that are left."""
        matching = self.rules_by_name.get(draft.name, ())
        planned = rules.apply(
            rules=() if draft.is_historical else matching,
            tags=self.tags,
            properties=draft.properties,
        )
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
            effects=effects.of_history(matching)
            if draft.is_historical
            else effects.of_rules(planned),
        )
        event.save(force_insert=True)
        return event, self._change_tags(event, planned)

    def _change_tags(self, event: Event, planned: rules.RuleEffects) -> dict[UUID, str]:
        added = planned.net_added(before=self.tags)
        removed = planned.net_removed(before=self.tags)
        if not added and not removed:
            return planned.tags
        try:
            with transaction.atomic():
                tags.change(subscriber=self.subscriber, added=added, removed=removed)
        except REQUEST_FAULTS:
            raise
        except DatabaseError as error:
            stage = FailedStage.Stage.APPLY_SYNC_RULES
            failed_stages.keep(event=event, stage=stage, error=error, now=self.now)
            logger.warning("Stage %s failed: %s", stage, brief(error), extra=self._ids(event))
            return self.tags
        return planned.tags

    def _answer_new(self, event: Event, definition: EventDefinition) -> Recorded:
        is_definition_created = definition.name in self.undefined_names
        self.undefined_names.discard(definition.name)
        if event.is_historical:
            self.oldest_history = min(self.oldest_history or event.occurred_at, event.occurred_at)
        return _recorded(
            event, definition, is_duplicate=False, is_definition_created=is_definition_created
        )

    def _answer_duplicate(self, event: Event, definition: EventDefinition) -> Recorded:
        """Answer with the stored event; what of it had failed is done at once."""
        if effects.failed_stages_in(event.effects):
            for failed in FailedStage.objects.filter(event=event):
                failed.event = event
                if failed_stages.retry(failed=failed, subscriber=self.subscriber, now=self.now):
                    self.tags = tags.names_of(self.subscriber)
        return _recorded(event, definition, is_duplicate=True, is_definition_created=False)

    def _answer_fault(
        self,
        draft: EventDraft,
        definition: EventDefinition,
        error: DatabaseError,
        planned_id: UUID,
    ) -> Outcome:
        if isinstance(error, IntegrityError):
            # An earlier attempt, whose connection was lost, was still under way when this looked.
            own = Event.objects.filter(pk=planned_id).first()
            if own is not None:
                return self._answer_new(own, definition)
        if isinstance(error, IntegrityError) and draft.event_id is not None:
            # Somebody without the subscriber's lock, such as an import, was first.
            self.stored |= self._find_stored([draft])
            duplicate = self.stored.get((definition.pk, draft.event_id))
            if duplicate is not None:
                return self._answer_duplicate(duplicate, definition)
        logger.error("An event could not be written: %s", brief(error), extra=self._ids())
        return Failed(
            name=draft.name,
            code="INTERNAL",
            field="",
            message="could not be written: the database refused it. It can be sent again.",
        )

    def _ids(self, event: Event | None = None) -> dict[str, str]:
        ids = {
            "workspace_id": self.subscriber.workspace_id.hex,
            "subscriber_id": self.subscriber.public_id,
        }
        return ids if event is None else {**ids, "event_id": event.public_id}


def _recorded(
    event: Event, definition: EventDefinition, *, is_duplicate: bool, is_definition_created: bool
) -> Recorded:
    return Recorded(
        id=event.pk,
        name=definition.name,
        occurred_at=event.occurred_at,
        is_duplicate=is_duplicate,
        is_historical=event.is_historical,
        is_definition_created=is_definition_created,
        failed_stages=effects.failed_stages_in(event.effects),
        effects=event.effects,
    )
