"""The pages of what happened and what follows; the same noun names the file in every layer."""

from events.admin.definition import EventDefinitionAdmin
from events.admin.event import EventAdmin
from events.admin.failed_stage import FailedStageAdmin
from events.admin.sync_rule import SyncRuleAdmin

__all__ = ["EventAdmin", "EventDefinitionAdmin", "FailedStageAdmin", "SyncRuleAdmin"]
