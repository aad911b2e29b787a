"""The tables of what happened and what follows."""

from events.models.definition import EventDefinition
from events.models.event import Event, FailedStage
from events.models.sync_rule import SyncRule, SyncRuleTag

__all__ = ["Event", "EventDefinition", "FailedStage", "SyncRule", "SyncRuleTag"]
