"""The tables of events, sequences and enrollments. May know `subscribers.models`, no services."""

from events.models.audience_enrollment import AudienceEnrollment
from events.models.backtest import Backtest
from events.models.current_count import CurrentCount
from events.models.definition import EventDefinition
from events.models.enrollment import Enrollment, StepRun
from events.models.event import Event, FailedStage
from events.models.event_count import EventCount
from events.models.sequence import Sequence, SequenceVersion, Step
from events.models.sequence_count import SequenceCount, SequenceCountMark, TouchedHour
from events.models.sync_rule import SyncRule, SyncRuleTag
from events.models.system_day import SystemDay
from events.models.worker import Worker

__all__ = [
    "AudienceEnrollment",
    "Backtest",
    "CurrentCount",
    "Enrollment",
    "Event",
    "EventCount",
    "EventDefinition",
    "FailedStage",
    "Sequence",
    "SequenceCount",
    "SequenceCountMark",
    "SequenceVersion",
    "Step",
    "StepRun",
    "SyncRule",
    "SyncRuleTag",
    "SystemDay",
    "TouchedHour",
    "Worker",
]
