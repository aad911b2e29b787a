"""Rows of consent: questions, ledger, suppressions."""

from datetime import UTC, datetime

import factory
from factory.django import DjangoModelFactory

from subscribers.models import AskedHour, Confirmation, ConsentRecord, Suppression
from tests.factories.audience import SubscriberFactory, WorkspaceFactory

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


class ConfirmationFactory(DjangoModelFactory[Confirmation]):
    """An open question to somebody pending; no mail was made."""

    class Meta:
        model = Confirmation

    subscriber = factory.SubFactory(SubscriberFactory, pending=True)
    workspace = factory.SelfAttribute("subscriber.workspace")
    asked_at = NOON


class ConsentRecordFactory(DjangoModelFactory[ConsentRecord]):
    """A line that says that somebody was asked."""

    class Meta:
        model = ConsentRecord

    subscriber = factory.SubFactory(SubscriberFactory)
    workspace = factory.SelfAttribute("subscriber.workspace")
    address_hash = factory.Sequence("{:064x}".format)
    kind = ConsentRecord.Kind.ASKED
    at = NOON


class SuppressionFactory(DjangoModelFactory[Suppression]):
    """An address that bounced, and nobody who bears it."""

    class Meta:
        model = Suppression

    workspace = factory.SubFactory(WorkspaceFactory)
    address_hash = factory.Sequence("{:064x}".format)
    email = factory.Sequence("gone{}@example.com".format)
    reason = Suppression.Reason.HARD_BOUNCE
    source = "smtp"
    created_at = NOON


class AskedHourFactory(DjangoModelFactory[AskedHour]):
    """What left in an hour, in all."""

    class Meta:
        model = AskedHour

    scope = AskedHour.Scope.ALL
    starts_at = NOON
