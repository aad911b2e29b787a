"""Enrollments that begin, and what their steps came to."""

from typing import Any

from events.models import Enrollment, Sequence, StepRun
from events.services import engine
from events.services.engine import claiming
from subscribers.models import Subscriber
from tests import factories
from tests.support.sequence_making import NOON
from tests.support.time_travel import TimeTravel


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


def enrollment_of(sequence: Sequence, name: str = "ada", **columns: object) -> Enrollment:
    """Put a new person, `name@example.com`, at the sequence's first step."""
    person = factories.SubscriberFactory.create(
        workspace=sequence.workspace, email=f"{name}@example.com"
    )
    return begin(sequence, person, **columns)


def advance_claimed(travel: TimeTravel) -> None:
    """Claim what is due and advance it, without the outbox's own mails."""
    for batch in claiming.claim_due(now=travel.now, most_batches=9):
        engine.advance(token=batch.token, ids=batch.ids, clock=travel.clock)


def outcomes(enrollment: Enrollment) -> list[dict[str, Any]]:
    """Return what each step of an enrollment came to, in order."""
    done = StepRun.objects.filter(enrollment=enrollment).order_by("step__position", "visit")
    return [each.outcome for each in done]
