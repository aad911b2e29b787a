"""The tables of events, sequences and enrollments. May know `subscribers.models`, no services."""

from events.models.audience_enrollment import AudienceEnrollment
from events.models.definition import EventDefinition
from events.models.enrollment import Enrollment, StepRun
from events.models.event import Event, FailedStage
from events.models.event_count import EventCount
from events.models.sequence import Sequence, SequenceVersion, Step
from events.models.sync_rule import SyncRule, SyncRuleTag
from events.models.worker import Worker

__all__ = [
    "AudienceEnrollment", "Enrollment", "Event", "EventCount", "EventDefinition", "FailedStage",
    "Sequence", "SequenceVersion", "Step", "StepRun", "SyncRule", "SyncRuleTag", "Worker",
]  # fmt: skip
