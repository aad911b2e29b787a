"""The smallest valid row of each model."""

from tests.factories.audience import (
    ApiKeyFactory,
    ListFactory,
    ListMembershipFactory,
    SegmentFactory,
    SubscriberFactory,
    SubscriberTagFactory,
    TagFactory,
    WorkspaceFactory,
)
from tests.factories.consent import (
    AskedHourFactory,
    ConfirmationFactory,
    ConsentRecordFactory,
    SuppressionFactory,
)
from tests.factories.history import (
    EventDefinitionFactory,
    EventFactory,
    FailedStageFactory,
    SyncRuleFactory,
    SyncRuleTagFactory,
)
from tests.factories.importing import ImportRejectFactory, ImportRunFactory
from tests.factories.sequences import (
    AudienceEnrollmentFactory,
    EnrollmentFactory,
    MailActivityFactory,
    MailFlowFactory,
    OutgoingEmailFactory,
    SequenceFactory,
    SequenceVersionFactory,
    StepFactory,
    StepRunFactory,
)
from tests.factories.signing_in import SignInFactory
from tests.factories.working import EventCountFactory, WorkerFactory

__all__ = [
    "ApiKeyFactory",
    "AskedHourFactory",
    "AudienceEnrollmentFactory",
    "ConfirmationFactory",
    "ConsentRecordFactory",
    "EnrollmentFactory",
    "EventCountFactory",
    "EventDefinitionFactory",
    "EventFactory",
    "FailedStageFactory",
    "ImportRejectFactory",
    "ImportRunFactory",
    "ListFactory",
    "ListMembershipFactory",
    "MailActivityFactory",
    "MailFlowFactory",
    "OutgoingEmailFactory",
    "SegmentFactory",
    "SequenceFactory",
    "SequenceVersionFactory",
    "SignInFactory",
    "StepFactory",
    "StepRunFactory",
    "SubscriberFactory",
    "SubscriberTagFactory",
    "SuppressionFactory",
    "SyncRuleFactory",
    "SyncRuleTagFactory",
    "TagFactory",
    "WorkerFactory",
    "WorkspaceFactory",
]
