"""Runs that begin, and what their steps came to."""

from typing import Any

from events.models import Enrollment, Sequence, StepRun
from subscribers.models import Subscriber
from tests import factories
from tests.sequence_making import NOON


def begin(sequence: Sequence, person: Subscriber, **columns: Any) -> Enrollment:
    """Put a person at the sequence's first step, due at noon."""
    version = sequence.current_version
    assert version is not None
    given = {
        "status": Enrollment.Status.ACTIVE,
        "step": version.steps.order_by("position").first(),
        "entered_at": NOON,
        "step_since": NOON,
        "due_at": NOON,
        "entry_slot": "",
        **columns,
    }
    return factories.EnrollmentFactory.create(
        workspace=sequence.workspace, sequence=sequence, version=version, subscriber=person, **given
    )


def outcomes(run: Enrollment) -> list[dict[str, Any]]:
    """Return what each step of a run came to, in order."""
    done = StepRun.objects.filter(enrollment=run).order_by("step__position", "visit")
    return [each.outcome for each in done]
