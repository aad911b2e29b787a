"""The smallest valid row of each model."""

from tests.factories.audience import (
    ApiKeyFactory,
    ListFactory,
    ListMembershipFactory,
    SubscriberFactory,
    SubscriberTagFactory,
    TagFactory,
    WorkspaceFactory,
)
from tests.factories.history import (
    EventDefinitionFactory,
    EventFactory,
    FailedStageFactory,
    SyncRuleFactory,
    SyncRuleTagFactory,
)

__all__ = [
    "ApiKeyFactory",
    "EventDefinitionFactory",
    "EventFactory",
    "FailedStageFactory",
    "ListFactory",
    "ListMembershipFactory",
    "SubscriberFactory",
    "SubscriberTagFactory",
    "SyncRuleFactory",
    "SyncRuleTagFactory",
    "TagFactory",
    "WorkspaceFactory",
]
