"""Rows of what happened and what follows."""

from datetime import UTC, datetime

import factory
from factory.django import DjangoModelFactory

from events.models import Event, EventDefinition, FailedStage, SyncRule, SyncRuleTag
from tests.factories.audience import SubscriberFactory, TagFactory, WorkspaceFactory

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


class EventDefinitionFactory(DjangoModelFactory[EventDefinition]):
    """A name that events bear."""

    class Meta:
        model = EventDefinition

    workspace = factory.SubFactory(WorkspaceFactory)
    name = factory.Sequence("event_{}".format)


class EventFactory(DjangoModelFactory[Event]):
    """A live event without effects."""

    class Meta:
        model = Event

    subscriber = factory.SubFactory(SubscriberFactory)
    workspace = factory.SelfAttribute("subscriber.workspace")
    definition = factory.SubFactory(
        EventDefinitionFactory, workspace=factory.SelfAttribute("..workspace")
    )
    occurred_at = NOON
    received_at = NOON


class FailedStageFactory(DjangoModelFactory[FailedStage]):
    """A stage that waits for its retry."""

    class Meta:
        model = FailedStage

    event = factory.SubFactory(EventFactory)
    workspace = factory.SelfAttribute("event.workspace")
    stage = FailedStage.Stage.APPLY_SYNC_RULES
    last_error = "a deadlock"
    failed_at = NOON
    next_attempt_at = NOON


class SyncRuleFactory(DjangoModelFactory[SyncRule]):
    """A rule that names no tag yet."""

    class Meta:
        model = SyncRule

    workspace = factory.SubFactory(WorkspaceFactory)
    trigger_event = "order.placed"


class SyncRuleTagFactory(DjangoModelFactory[SyncRuleTag]):
    """A tag that a rule adds."""

    class Meta:
        model = SyncRuleTag

    rule = factory.SubFactory(SyncRuleFactory)
    workspace = factory.SelfAttribute("rule.workspace")
    tag = factory.SubFactory(TagFactory, workspace=factory.SelfAttribute("..workspace"))
    role = SyncRuleTag.Role.ADD
