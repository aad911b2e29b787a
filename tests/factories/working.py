"""Rows that the worker keeps of itself and of what it counted."""

from datetime import UTC, datetime

import factory
from factory.django import DjangoModelFactory

from events.models import EventCount, Worker
from tests.factories.history import EventDefinitionFactory

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


class WorkerFactory(DjangoModelFactory[Worker]):
    """A host that works at noon."""

    class Meta:
        model = Worker

    host = factory.Sequence("host-{}".format)
    process_id = 7
    processes = 2
    started_at = NOON
    ticked_at = NOON
    beat_at = NOON


class EventCountFactory(DjangoModelFactory[EventCount]):
    """One event in the hour of noon."""

    class Meta:
        model = EventCount

    definition = factory.SubFactory(EventDefinitionFactory)
    workspace = factory.SelfAttribute("definition.workspace")
    unit = EventCount.Unit.HOUR_OF_RECEIPT
    starts_at = NOON
    count = 1
