"""An event's effects in the OpenAPI document."""

from typing import Any

from events.api.effects import PREFIXES
from events.decisions.enrollments import Reason
from events.models import FailedStage
from subscribers.api.openapi import component, public_id

Schema = dict[str, Any]

TAG_ID, RULE_ID, SEQUENCE_ID, ENROLLMENT_ID = [
    public_id(PREFIXES[name]) for name in ("tagId", "rule", "sequenceId", "enrollment")
]


def _listing(**properties: Schema) -> Schema:
    return {"type": "array", "items": {"type": "object", "properties": properties}}


_NAME: Schema = {"type": "string"}
_TAG_CHANGE = _listing(tag=_NAME, tagId=TAG_ID, rule=RULE_ID)
_ENROLLMENT = _listing(sequence=_NAME, sequenceId=SEQUENCE_ID, enrollment=ENROLLMENT_ID)
EFFECTS = component(
    "Effects",
    {
        "tagsAdded": _TAG_CHANGE,
        "tagsRemoved": _TAG_CHANGE,
        "rulesSkipped": _listing(rule=RULE_ID, reason=_NAME),
        "sequencesStarted": _listing(
            sequence=_NAME,
            sequenceId=SEQUENCE_ID,
            enrollment=ENROLLMENT_ID,
            by={"enum": ["event", "tag"]},
            tag=_NAME,
            supersedes=ENROLLMENT_ID,
        ),
        "sequencesNotStarted": _listing(
            sequence=_NAME,
            sequenceId=SEQUENCE_ID,
            reason={"enum": [each.value for each in Reason]},
            path={"type": "string", "description": "Of the filter that was not met."},
        ),
        "enrollmentsReleased": _ENROLLMENT,
        "enrollmentsStopped": _ENROLLMENT,
        "failedStages": _listing(stage={"enum": FailedStage.Stage.values}, error=_NAME),
    },
    description="Only with `dryRun`: what the event would do, and what not and why. Empty parts "
    "are absent.",
)
