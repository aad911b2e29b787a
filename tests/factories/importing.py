"""Rows of imports."""

from datetime import UTC, datetime

import factory
from factory.django import DjangoModelFactory

from subscribers.models import ImportReject, ImportRun
from tests.factories.audience import WorkspaceFactory


class ImportRunFactory(DjangoModelFactory[ImportRun]):
    """A run that has just begun."""

    class Meta:
        model = ImportRun

    workspace = factory.SubFactory(WorkspaceFactory)
    kind = ImportRun.Kind.EVENTS
    files = factory.List(["events.csv"])
    started_at = datetime(2026, 1, 1, tzinfo=UTC)
    updated_at = factory.SelfAttribute("started_at")


class ImportRejectFactory(DjangoModelFactory[ImportReject]):
    """A row that was refused."""

    class Meta:
        model = ImportReject

    run = factory.SubFactory(ImportRunFactory)
    line = 2
    field = "email"
    reason = "email is not a valid address."
