"""How often people may enter, changed while the sequence has enrollments that are over."""

from datetime import timedelta
from typing import Any

import pytest

from events.language.specs import parse_sequence
from events.models import Enrollment, Sequence
from events.services.sequences import sequences
from events.services.sequences.versions import spec_of
from tests.factories import SubscriberFactory, WorkspaceFactory
from tests.support.enrollment_making import make_enrollment
from tests.support.sequence_making import NOON, make_sequence

pytestmark = pytest.mark.django_db
LATER = NOON + timedelta(hours=1)


def change_mode(sequence: Sequence, mode: str) -> None:
    wanted = parse_sequence({"name": spec_of(sequence).name, "trigger": "event_received",
        "eventName": "signup", "fromEmail": "news@example.com", "steps": [{"type": "exit"}],
        "enrollmentMode": mode})  # fmt: skip
    sequences.edit(sequence=sequence, spec=wanted, now=LATER)


def enrollment_of(sequence: Sequence, **columns: Any) -> Enrollment:
    subscriber = SubscriberFactory.create(workspace=sequence.workspace)
    return make_enrollment(sequence, subscriber, **columns)


def slots(*enrollments: Enrollment) -> list[str | None]:
    for enrollment in enrollments:
        enrollment.refresh_from_db()
    return [enrollment.entry_slot for enrollment in enrollments]


def test_who_was_in_once_may_enter_again_when_that_is_allowed() -> None:
    sequence = make_sequence(WorkspaceFactory.create(), enrollmentMode="one_time")
    over = enrollment_of(sequence, status="completed", entry_slot="")
    inside = enrollment_of(sequence, status="waiting", entry_slot="")

    change_mode(sequence, "unlimited")

    assert slots(over, inside) == [None, ""]


def test_who_was_in_stays_out_when_a_sequence_is_entered_once_from_now_on() -> None:
    workspace = WorkspaceFactory.create()
    sequence = make_sequence(workspace)
    ada, bob, eve = SubscriberFactory.create_batch(3, workspace=workspace)
    first = make_enrollment(sequence, ada, status="completed", entry_slot=None)
    second = make_enrollment(sequence, ada, status="stopped", entry_slot=None)
    before = make_enrollment(sequence, bob, status="completed", entry_slot=None)
    inside = make_enrollment(sequence, bob, status="waiting", entry_slot="")
    never = make_enrollment(sequence, eve, status="expired", entry_slot=None)

    change_mode(sequence, "one_time")

    assert slots(first, second, before, inside, never) == [None, "", None, "", None]


def test_another_name_leaves_every_place_as_it_is() -> None:
    sequence = make_sequence(WorkspaceFactory.create(), enrollmentMode="one_time")
    over = enrollment_of(sequence, status="completed", entry_slot="")

    change_mode(sequence, "one_time")

    assert slots(over) == [""]
