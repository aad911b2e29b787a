"""The admin pages of events, sequences and enrollments. They call services and show rows. They may
know both apps, and no other interface but `config.admin_base`.
"""

from events.admin.audience_enrollment import AudienceEnrollmentAdmin
from events.admin.definition import EventDefinitionAdmin
from events.admin.enrollment import EnrollmentAdmin
from events.admin.event import EventAdmin
from events.admin.failed_stage import FailedStageAdmin
from events.admin.segment import SegmentAdmin
from events.admin.sequence import SequenceAdmin
from events.admin.sync_rule import SyncRuleAdmin
from events.admin.worker import WorkerAdmin

__all__ = [
    "AudienceEnrollmentAdmin", "EnrollmentAdmin", "EventAdmin", "EventDefinitionAdmin",
    "FailedStageAdmin", "SegmentAdmin", "SequenceAdmin", "SyncRuleAdmin", "WorkerAdmin",
]  # fmt: skip
