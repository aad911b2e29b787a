"""Enrollments that were parked with their sequence, and how they go on."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from events.models import Enrollment, Sequence
from events.services.sequences import parked_enrollments, sequences
from tests.factories import EnrollmentFactory, WorkspaceFactory
from tests.support.sequence_making import MAIL, NOON, make_sequence

pytestmark = pytest.mark.django_db
LATER = NOON + timedelta(days=3)


def paused_sequence() -> Sequence:
    sequence = make_sequence(WorkspaceFactory.create(), MAIL)
    sequences.pause(sequence=sequence, now=NOON)
    return sequence


def park(sequence: Sequence, entered_at: datetime = NOON, **columns: Any) -> Enrollment:
    version = sequence.current_version
    assert version is not None
    parked = {
        "status": "paused",
        "status_before_pause": "active",
        "reason": "sequence_paused",
        "paused_at": NOON,
        "due_at": None,
    }
    step = version.steps.first()
    return EnrollmentFactory.create(
        version=version, step=step, entered_at=entered_at, **{**parked, **columns}
    )


def test_held_enrollments_go_on_as_what_they_were() -> None:
    sequence = paused_sequence()
    active, waiting = park(sequence), park(sequence, status_before_pause="waiting", awaits="paid")

    sequences.activate(sequence=sequence, now=LATER)

    active.refresh_from_db()
    waiting.refresh_from_db()
    assert (active.status, active.due_at, active.reason) == ("active", LATER, "")
    assert (waiting.status, waiting.due_at, waiting.awaits) == ("waiting", LATER, "paid")
    assert (active.status_before_pause, active.paused_at) == ("", None)


def test_held_enrollments_are_spread_evenly_in_the_order_of_their_turn() -> None:
    sequence = paused_sequence()
    moments = [NOON + timedelta(minutes=place) for place in (3, 1, 2, 0)]
    enrollments = [park(sequence, entered_at=moment) for moment in moments]

    sequences.activate(sequence=sequence, now=LATER, spread=timedelta(hours=4))

    due_at = []
    for enrollment in enrollments:
        enrollment.refresh_from_db()
        due_at.append(enrollment.due_at)
    assert due_at == [LATER + timedelta(hours=place) for place in (3, 1, 2, 0)]


def test_the_first_to_have_been_due_is_the_first_again() -> None:
    sequence = paused_sequence()
    late = park(sequence, due_before_pause=NOON + timedelta(hours=2))
    early = park(sequence, due_before_pause=NOON + timedelta(hours=1))

    sequences.activate(sequence=sequence, now=LATER, spread=timedelta(minutes=2))

    late.refresh_from_db()
    early.refresh_from_db()
    assert early.due_at == LATER
    assert late.due_at == LATER + timedelta(minutes=1)
    assert late.due_before_pause is None


def test_more_enrollments_than_moments_share_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parked_enrollments, "MOST_MOMENTS", 2)
    sequence = paused_sequence()
    for place in range(5):
        park(sequence, entered_at=NOON + timedelta(seconds=place))

    sequences.activate(sequence=sequence, now=LATER, spread=timedelta(seconds=50))

    due_at = Enrollment.objects.order_by("entered_at").values_list("due_at", flat=True)
    assert [(moment - LATER).seconds for moment in due_at if moment] == [0, 0, 0, 30, 30]


@pytest.mark.parametrize(
    "columns",
    [
        {"reason": "paused_by_hand"},
        {"status": "stopped", "reason": "sequence_paused", "entry_slot": None},
    ],
)
def test_what_others_paused_or_ended_stays(columns: dict[str, Any]) -> None:
    sequence = paused_sequence()
    enrollment = park(sequence, **columns)
    status = enrollment.status

    sequences.activate(sequence=sequence, now=LATER)

    enrollment.refresh_from_db()
    assert (enrollment.status, enrollment.due_at) == (status, None)


def test_the_count_is_of_this_sequence_alone() -> None:
    sequence = paused_sequence()
    park(sequence)
    park(sequence, reason="paused_by_hand")
    park(paused_sequence())

    assert sequences.count_parked(sequence) == 1


def test_an_enrollment_that_was_held_after_the_start_goes_on_when_asked_again() -> None:
    sequence = paused_sequence()
    sequences.activate(sequence=sequence, now=LATER)
    enrollment = park(sequence)

    resumed = parked_enrollments.resume(sequence=sequence, now=LATER)

    enrollment.refresh_from_db()
    assert resumed == 1
    assert enrollment.due_at == LATER
