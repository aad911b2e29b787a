"""How often people may enter, changed while the sequence has runs that are over."""

from datetime import timedelta
from typing import Any

import pytest

from events.language.specs import parse_sequence
from events.models import Enrollment, Sequence
from events.services.sequences import sequences
from events.services.sequences.versions import spec_of
from tests.factories import SubscriberFactory, WorkspaceFactory
from tests.support.run_making import make_run
from tests.support.sequence_making import NOON, make_sequence

pytestmark = pytest.mark.django_db
LATER = NOON + timedelta(hours=1)


def change_mode(sequence: Sequence, mode: str) -> None:
    wanted = parse_sequence({"name": spec_of(sequence).name, "trigger": "event_received",
        "eventName": "signup", "fromEmail": "news@example.com", "steps": [{"type": "exit"}],
        "enrollmentMode": mode})  # fmt: skip
    sequences.edit(sequence=sequence, spec=wanted, now=LATER)


def run_of(sequence: Sequence, **columns: Any) -> Enrollment:
    subscriber = SubscriberFactory.create(workspace=sequence.workspace)
    return make_run(sequence, subscriber, **columns)


def slots(*runs: Enrollment) -> list[str | None]:
    for run in runs:
        run.refresh_from_db()
    return [run.entry_slot for run in runs]


def test_who_was_in_once_may_enter_again_when_that_is_allowed() -> None:
    sequence = make_sequence(WorkspaceFactory.create(), enrollmentMode="one_time")
    over = run_of(sequence, status="completed", entry_slot="")
    inside = run_of(sequence, status="waiting", entry_slot="")

    change_mode(sequence, "unlimited")

    assert slots(over, inside) == [None, ""]


def test_who_was_in_stays_out_when_a_sequence_is_entered_once_from_now_on() -> None:
    workspace = WorkspaceFactory.create()
    sequence = make_sequence(workspace)
    ada, bob, eve = SubscriberFactory.create_batch(3, workspace=workspace)
    first = make_run(sequence, ada, status="completed", entry_slot=None)
    second = make_run(sequence, ada, status="stopped", entry_slot=None)
    before = make_run(sequence, bob, status="completed", entry_slot=None)
    inside = make_run(sequence, bob, status="waiting", entry_slot="")
    never = make_run(sequence, eve, status="expired", entry_slot=None)

    change_mode(sequence, "one_time")

    assert slots(first, second, before, inside, never) == [None, "", None, "", None]


def test_another_name_leaves_every_place_as_it_is() -> None:
    sequence = make_sequence(WorkspaceFactory.create(), enrollmentMode="one_time")
    over = run_of(sequence, status="completed", entry_slot="")

    change_mode(sequence, "one_time")

    assert slots(over) == [""]
