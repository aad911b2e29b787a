"""Enrollments moved to the current version: which move, what they do then, which stay."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from events.language.specs import parse_sequence
from events.models import Enrollment, Sequence, Step
from events.services.enrollments import by_operator, moving
from events.services.enrollments.moving import AGAIN, BUSY, GONE, StepCount
from events.services.sequences import sequences
from tests.factories import (
    EnrollmentFactory,
    OutgoingEmailFactory,
    StepRunFactory,
    SubscriberFactory,
    WorkspaceFactory,
)
from tests.support.enrollment_making import make_enrollment
from tests.support.sequence_making import MAIL, NOON, make_sequence

pytestmark = pytest.mark.django_db
LATER = NOON + timedelta(hours=1)
DELAY = {"type": "delay", "id": "rest", "label": "A rest", "days": 2}
WAIT = {"type": "wait_for_event", "id": "wait", "eventName": "paid"}
FIRST = {**MAIL, "id": "first"}
HOOK = {"type": "webhook", "id": "hook", "url": "https://example.com/hook"}
WIRE: dict[str, Any] = {"name": "A", "trigger": "manual", "fromEmail": "news@example.com"}


def edited(*before: dict[str, Any], to: list[dict[str, Any]], **columns: Any) -> Enrollment:
    """Return an enrollment at the first step of a version that was edited since."""
    workspace = WorkspaceFactory.create()
    sequence = make_sequence(workspace, *before, **WIRE)
    enrollment = make_enrollment(sequence, SubscriberFactory.create(workspace=workspace), **columns)
    sequences.edit(sequence=sequence, spec=parse_sequence({**WIRE, "steps": to}), now=NOON)
    return enrollment


def move(enrollment: Enrollment) -> moving.Move:
    sequence = Sequence.objects.get(pk=enrollment.sequence_id)
    moved = by_operator.move_enrollments(sequence=sequence, now=LATER)
    enrollment.refresh_from_db()
    return moved


def current_step(enrollment: Enrollment, key: str) -> Step:
    step = Step.objects.get(version_id=enrollment.sequence.current_version_id, key=key)
    assert isinstance(step, Step)
    return step


def preview(enrollment: Enrollment) -> moving.Move:
    return by_operator.preview_move(sequence=Sequence.objects.get(pk=enrollment.sequence_id))


def test_a_waiting_enrollment_starts_its_wait_again_from_when_it_came_to_it() -> None:
    enrollment = edited(
        DELAY, to=[FIRST, {**DELAY, "days": 5}], step_since=NOON, lease_token=uuid4()
    )
    seen = preview(enrollment)

    moved = move(enrollment)

    assert seen.moved == moved.moved == (StepCount(1, "1. A rest", 1),)
    assert (moved.moved_count, moved.left_count) == (1, 0)
    enrollment.sequence.refresh_from_db()
    assert enrollment.version_id == enrollment.sequence.current_version_id
    assert enrollment.step == current_step(enrollment, "rest")
    assert (enrollment.status, enrollment.due_at, enrollment.step_since) == ("active", LATER, NOON)
    assert enrollment.lease_token is None


def test_a_wait_for_an_event_looks_for_the_new_one() -> None:
    enrollment = edited(WAIT, to=[{**WAIT, "eventName": "refunded"}], awaits="paid")

    move(enrollment)

    assert (enrollment.status, enrollment.awaits, enrollment.due_at) == ("active", "", LATER)


@pytest.mark.parametrize("status", [Enrollment.Status.WAITING, Enrollment.Status.PAUSED])
def test_an_enrollment_that_its_event_had_released_waits_for_the_new_one(status: str) -> None:
    columns = {"status_before_pause": "waiting"} if status == Enrollment.Status.PAUSED else {}
    other = {**WAIT, "eventName": "refunded"}
    enrollment = edited(
        WAIT, to=[other], status=status, released_by=uuid4(), due_at=NOON, **columns
    )

    move(enrollment)

    assert (enrollment.step, enrollment.released_by) == (current_step(enrollment, "wait"), None)


def test_a_paused_enrollment_stays_paused_and_starts_its_wait_again_when_resumed() -> None:
    enrollment = edited(
        WAIT, to=[WAIT, DELAY], status="paused", status_before_pause="waiting", awaits="paid",
        due_at=None, due_before_pause=NOON + timedelta(days=7), reason="paused_by_hand",
    )  # fmt: skip

    move(enrollment)
    moved_to, status = enrollment.step, enrollment.status
    by_operator.resume(enrollment=enrollment, now=LATER)

    assert moved_to == current_step(enrollment, "wait")
    assert status == "paused"
    assert (enrollment.status, enrollment.due_at, enrollment.awaits) == ("active", LATER, "")


def test_an_enrollment_that_is_due_stays_due_and_takes_the_lane_of_its_step() -> None:
    due_at = NOON + timedelta(hours=9)
    enrollment = edited(
        FIRST, to=[{**FIRST, "isTransactional": True}], status="active", due_at=due_at
    )

    move(enrollment)

    assert (enrollment.status, enrollment.due_at) == ("active", due_at)
    assert enrollment.lane == Enrollment.Lane.TRANSACTIONAL


@pytest.mark.parametrize("to", [[FIRST], [{**MAIL, "id": "rest"}]])
def test_an_enrollment_whose_step_is_gone_stays(to: list[dict[str, Any]]) -> None:
    enrollment = edited(DELAY, to=to)
    version_id = enrollment.version_id
    seen = preview(enrollment)

    moved = move(enrollment)

    assert seen == moved
    assert moved.moved == ()
    assert moved.left == (StepCount(1, "1. A rest", 1, GONE),)
    assert (enrollment.version_id, enrollment.status) == (version_id, "waiting")


def test_an_enrollment_stays_that_would_be_sent_again_what_it_was_sent() -> None:
    enrollment = edited(FIRST, DELAY, to=[DELAY, FIRST])
    enrollment.step = enrollment.version.steps.get(key="rest")
    enrollment.save()
    seen = preview(enrollment)

    moved = move(enrollment)

    assert seen == moved
    assert (moved.moved, moved.left) == ((), (StepCount(1, "2. A rest", 1, AGAIN),))
    assert enrollment.version.number == 1


def test_what_only_another_branch_has_done_holds_no_enrollment() -> None:
    way = {
        "type": "split", "id": "way",
        "branches": [{"weight": 1, "next": "first"}, {"weight": 1, "next": "rest"}],
    }  # fmt: skip
    enrollment = edited(way, {**FIRST, "next": "exit"}, DELAY, to=[way, DELAY, FIRST])
    enrollment.step = enrollment.version.steps.get(key="rest")
    enrollment.save()

    moved = move(enrollment)

    assert (moved.moved, moved.left) == ((StepCount(1, "3. A rest", 1),), ())


def test_an_enrollment_stays_where_next_would_lead_it_to_what_it_was_sent() -> None:
    later = {**MAIL, "id": "later"}
    enrollment = edited(FIRST, DELAY, later, to=[{**DELAY, "next": "first"}, later, FIRST])
    enrollment.step = enrollment.version.steps.get(key="rest")
    enrollment.save()

    assert move(enrollment).left == (StepCount(1, "2. A rest", 1, AGAIN),)


def test_an_enrollment_whose_mail_is_made_stays() -> None:
    enrollment = edited(FIRST, to=[{**FIRST, "subject": "New"}], status="active")
    assert enrollment.step is not None
    OutgoingEmailFactory.create(
        subscriber=enrollment.subscriber,
        cause=f"step:{enrollment.pk.hex}:{enrollment.step.pk.hex}:{enrollment.visit}",
    )
    version_id, seen = enrollment.version_id, preview(enrollment)

    moved = move(enrollment)

    assert seen == moved
    assert moved.left == (StepCount(1, "1. Email (first)", 1, BUSY),)
    assert enrollment.version_id == version_id


def test_the_mail_of_an_earlier_visit_does_not_hold_an_enrollment() -> None:
    enrollment = edited(FIRST, to=[{**FIRST, "subject": "New"}], status="active", visit=2)
    assert enrollment.step is not None
    OutgoingEmailFactory.create(
        subscriber=enrollment.subscriber,
        cause=f"step:{enrollment.pk.hex}:{enrollment.step.pk.hex}:1",
    )

    assert move(enrollment).moved_count == 1


def test_an_enrollment_whose_step_has_been_done_stays() -> None:
    enrollment = edited(FIRST, to=[{**FIRST, "subject": "New"}], status="active")
    StepRunFactory.create(enrollment=enrollment)

    assert move(enrollment).left_count == 1


@pytest.mark.parametrize(
    ("columns", "left"), [({}, 0), ({"attempts": 1}, 1), ({"lease_token": uuid4()}, 1)]
)
def test_a_webhook_that_may_have_been_called_holds_its_enrollment(
    columns: dict[str, Any], left: int
) -> None:
    enrollment = edited(HOOK, to=[HOOK, FIRST], status="active", **columns)

    assert move(enrollment).left_count == left


def test_what_has_ended_is_left_alone() -> None:
    enrollment = edited(DELAY, to=[DELAY, FIRST], status="completed", entry_slot=None)

    moved = move(enrollment)

    assert (moved.moved, moved.left) == ((), ())


def test_more_enrollments_than_one_batch_move_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moving, "MOST_IDS", 2)
    enrollment = edited(DELAY, to=[DELAY, FIRST])
    for _ in range(4):
        EnrollmentFactory.create(version=enrollment.version, step=enrollment.step)

    moved = move(enrollment)

    assert moved.moved_count == 5
    assert preview(enrollment) == moving.Move(moved=(), left=())
