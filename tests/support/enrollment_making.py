"""Enrollments and what requests made of them, for tests of the write path."""

from datetime import datetime, timedelta
from typing import Any

from events.models import Enrollment, Event, Sequence, Step
from subscribers.models import Subscriber
from tests import factories

MONTH = timedelta(days=30)


def first_step(sequence: Sequence) -> Step:
    """Return the step at which new enrollments of the sequence begin."""
    step = Step.objects.get(version_id=sequence.current_version_id, position=0)
    assert isinstance(step, Step)
    return step


def make_enrollment(sequence: Sequence, subscriber: Subscriber, **columns: Any) -> Enrollment:
    """Return an enrollment that stands at the sequence's first step, waiting for a month unless
    told.
    """
    step = first_step(sequence)
    since: datetime = columns.get("step_since", factories.sequences.NOON - timedelta(days=1))
    return factories.EnrollmentFactory.create(
        sequence=sequence,
        workspace=sequence.workspace,
        version_id=sequence.current_version_id,
        subscriber=subscriber,
        step=step,
        **{
            "status": Enrollment.Status.WAITING,
            "step_since": since,
            "entered_at": since,
            "due_at": since + MONTH,
            **columns,
        },
    )


def effects_of(name: str) -> dict[str, Any]:
    """Return the effects of the latest event of a name."""
    event = Event.objects.filter(definition__name=name).order_by("pk").last()
    assert event is not None
    effects: dict[str, Any] = event.effects
    return effects


def reasons_in(effects: dict[str, Any]) -> dict[str, str]:
    """Return why each sequence did not start, by its name."""
    return {each["sequence"]: each["reason"] for each in effects.get("sequencesNotStarted", [])}


def names_in(effects: dict[str, Any], key: str) -> list[str]:
    """Return the names of the sequences under a key of the effects, in order."""
    return [each["sequence"] for each in effects.get(key, [])]


def enrollments(status: str = "") -> list[Enrollment]:
    """Return the enrollments in the order they began, of one status or all."""
    rows = Enrollment.objects.order_by("pk")
    return list(rows.filter(status=status) if status else rows)
