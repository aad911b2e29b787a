"""Runs changed by hand, each time under the subscriber's lock and against whoever works on them."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from events.models import Enrollment, Sequence
from events.services.enrollments import by_operator
from events.services.enrollments.by_operator import (
    AlreadyEnrolled,
    NotFailed,
    NotWaitingForTime,
    RunEnded,
)
from events.services.sequences import sequences
from subscribers.models import Subscriber
from tests.factories import OutgoingEmailFactory, SubscriberFactory, WorkspaceFactory
from tests.support.run_making import make_run
from tests.support.sequence_making import MAIL, NOON, make_sequence

pytestmark = pytest.mark.django_db
LATER = NOON + timedelta(hours=1)
DELAY = {"type": "delay", "days": 2}
WAIT = {"type": "wait_for_event", "eventName": "paid"}


def run_of(
    *steps: dict[str, Any], wire: dict[str, Any] | None = None, **columns: Any
) -> Enrollment:
    workspace = WorkspaceFactory.create()
    sequence = make_sequence(workspace, *steps, **(wire or {}))
    return make_run(sequence, SubscriberFactory.create(workspace=workspace), **columns)


def test_a_paused_run_keeps_its_wall_clock_wait() -> None:
    due_at = NOON + timedelta(days=2)
    run = run_of(DELAY, due_at=due_at)

    is_paused = by_operator.pause(enrollment=run, now=NOON, reason="on holiday")
    paused = (run.status, run.due_at, run.reason, run.paused_at)
    is_resumed = by_operator.resume(enrollment=run, now=LATER)

    assert is_paused
    assert paused == ("paused", None, "on holiday", NOON)
    assert is_resumed
    assert (run.status, run.due_at, run.reason, run.paused_at) == ("waiting", due_at, "", None)


def test_a_wait_that_ended_while_paused_is_due_when_it_ended() -> None:
    run = run_of(DELAY, due_at=NOON)
    by_operator.pause(enrollment=run, now=NOON)

    by_operator.resume(enrollment=run, now=LATER)

    assert (run.status, run.due_at) == ("waiting", NOON)


def test_an_event_that_came_while_paused_is_taken_at_once() -> None:
    run = run_of(WAIT, awaits="paid", due_at=NOON + timedelta(days=7))
    by_operator.pause(enrollment=run, now=NOON)
    Enrollment.objects.filter(pk=run.pk).update(released_by=uuid4())

    by_operator.resume(enrollment=run, now=LATER)

    assert (run.status, run.awaits, run.due_at) == ("waiting", "paid", LATER)


@pytest.mark.parametrize("status", ["pending", "active"])
def test_a_pending_persons_run_goes_on_where_it_should(status: str) -> None:
    run = run_of(MAIL, status="waiting_confirmation", due_at=None)
    by_operator.pause(enrollment=run, now=NOON)
    Subscriber.objects.update(status=status)

    by_operator.resume(enrollment=run, now=LATER)

    expected = ("active", LATER) if status == "active" else ("waiting_confirmation", None)
    assert (run.status, run.due_at) == expected
    assert (run.step_since == LATER) is (status == "active")


def test_pausing_and_resuming_twice_change_nothing_more() -> None:
    run = run_of(DELAY)
    by_operator.pause(enrollment=run, now=NOON, reason="first")

    assert not by_operator.pause(enrollment=run, now=LATER, reason="second")
    assert (run.reason, run.paused_at, run.status_before_pause) == ("first", NOON, "waiting")
    by_operator.resume(enrollment=run, now=LATER)
    assert not by_operator.resume(enrollment=run, now=LATER)


def test_a_held_run_that_is_paused_by_hand_stays_when_its_sequence_goes_on() -> None:
    run = run_of(
        DELAY, status="paused", reason="sequence_paused", status_before_pause="waiting",
        due_at=None, due_before_pause=NOON, paused_at=NOON,
    )  # fmt: skip
    sequences.pause(sequence=run.sequence, now=NOON)

    assert by_operator.pause(enrollment=run, now=LATER)
    sequences.activate(sequence=run.sequence, now=LATER)

    run.refresh_from_db()
    assert (run.status, run.reason) == ("paused", "paused_by_hand")
    assert (run.status_before_pause, run.due_before_pause) == ("waiting", NOON)


def test_a_held_run_waits_for_its_sequence() -> None:
    run = run_of(DELAY, status="paused", reason="sequence_paused", due_at=None)
    sequences.pause(sequence=run.sequence, now=NOON)

    assert not by_operator.resume(enrollment=run, now=LATER)
    assert run.status == "paused"


@pytest.mark.parametrize("status", Enrollment.UNDER_WAY)
def test_whatever_is_under_way_can_be_cancelled(status: str) -> None:
    run = run_of(WAIT, status=status, awaits="paid")

    by_operator.cancel(enrollment=run, now=LATER, reason="a mistake")

    assert (run.status, run.reason, run.ended_at) == ("cancelled", "a mistake", LATER)
    assert (run.due_at, run.awaits, run.entry_slot) == (None, "", None)


def test_once_ever_means_cancelled_ones_too() -> None:
    run = run_of(DELAY, wire={"enrollmentMode": "one_time"})

    by_operator.cancel(enrollment=run, now=LATER)

    assert run.entry_slot == ""


CHANGES: list[Callable[[Enrollment], object]] = [
    lambda run: by_operator.pause(enrollment=run, now=NOON),
    lambda run: by_operator.cancel(enrollment=run, now=NOON),
    lambda run: by_operator.send_now(enrollment=run, now=NOON),
]


@pytest.mark.parametrize("change", CHANGES)
def test_a_worker_loses_a_run_that_a_hand_changes(change: Callable[[Enrollment], object]) -> None:
    run = run_of(DELAY, lease_token=uuid4(), lease_expires_at=LATER)

    change(run)

    assert (run.lease_token, run.lease_expires_at) == (None, None)


@pytest.mark.parametrize(
    "change", [*CHANGES, lambda run: by_operator.resume(enrollment=run, now=NOON)]
)
@pytest.mark.parametrize("status", ["completed", "stopped", "cancelled", "failed", "expired"])
def test_what_is_over_is_over(change: Callable[[Enrollment], object], status: str) -> None:
    run = run_of(DELAY, status=status, entry_slot=None, due_at=None)

    with pytest.raises(RunEnded, match=f"The run is over: {status}."):
        change(run)

    run.refresh_from_db()
    assert run.status == status


def test_a_change_of_no_effect_leaves_the_worker_its_run() -> None:
    token = uuid4()
    run = run_of(DELAY, status="active", lease_token=token)

    assert not by_operator.resume(enrollment=run, now=NOON)
    assert run.lease_token == token


def failed(wire: dict[str, Any] | None = None, **columns: Any) -> Enrollment:
    ended = {
        "status": "failed", "entry_slot": None, "due_at": None, "ended_at": NOON, "attempts": 5,
        "reason": "gave_up", "last_error": "refused",
    }  # fmt: skip
    return run_of(MAIL, wire=wire, **{**ended, **columns})


def test_what_failed_is_tried_again_as_another_visit() -> None:
    run = failed()

    by_operator.retry(enrollment=run, now=LATER)

    assert (run.status, run.due_at, run.visit, run.attempts) == ("active", LATER, 2, 0)
    assert (run.entry_slot, run.ended_at, run.reason) == ("", None, "")
    assert run.last_error == "refused"


def test_what_failed_takes_its_own_place_again() -> None:
    wire = {"enrollmentMode": "matching_field", "enrollmentFieldPath": "order.id"}
    run = failed(wire, entry_key="42")

    by_operator.retry(enrollment=run, now=LATER)

    assert run.entry_slot == "42"


def test_what_failed_stays_when_a_later_run_has_the_place() -> None:
    run = failed()
    make_run(run.sequence, run.subscriber)

    with pytest.raises(AlreadyEnrolled):
        by_operator.retry(enrollment=run, now=LATER)

    run.refresh_from_db()
    assert (run.status, run.visit) == ("failed", 1)


@pytest.mark.parametrize(("status", "visit"), [("sent", 2), ("queued", 2), ("failed", 1)])
def test_a_mail_that_a_hand_has_sent_again_stands_for_the_new_visit(
    status: str, visit: int
) -> None:
    run = failed()
    mail = OutgoingEmailFactory.create(
        workspace=run.workspace,
        subscriber=run.subscriber,
        cause=run.mail_cause,
        status=status,
    )

    by_operator.retry(enrollment=run, now=LATER)

    mail.refresh_from_db()
    assert mail.cause.endswith(f":{visit}")


def test_only_what_failed_is_tried_again() -> None:
    run = run_of(DELAY)

    with pytest.raises(NotFailed, match="The run is waiting"):
        by_operator.retry(enrollment=run, now=LATER)


def test_a_delay_ends_now() -> None:
    run = run_of(DELAY, due_at=NOON + timedelta(days=2))

    assert by_operator.send_now(enrollment=run, now=LATER)
    assert (run.status, run.due_at) == ("waiting", LATER)
    assert not by_operator.send_now(enrollment=run, now=LATER)


def test_what_failed_a_moment_ago_is_tried_now() -> None:
    run = run_of(MAIL, status="active", due_at=NOON + timedelta(hours=9), attempts=2)

    assert by_operator.send_now(enrollment=run, now=LATER)
    assert run.due_at == LATER


@pytest.mark.parametrize(
    ("step", "columns", "words"),
    [
        (WAIT, {"awaits": "paid"}, "it waits for the event paid"),
        (DELAY, {"status": "paused", "due_at": None}, "it is paused"),
        (MAIL, {"status": "waiting_confirmation", "due_at": None}, "has not confirmed"),
        (MAIL, {"reason": "sending_window"}, "it waits until mail may leave"),
    ],
)
def test_what_waits_for_more_than_time_says_so(
    step: dict[str, Any], columns: dict[str, Any], words: str
) -> None:
    run = run_of(step, **columns)

    with pytest.raises(NotWaitingForTime, match=words):
        by_operator.send_now(enrollment=run, now=LATER)


def test_a_sequence_that_is_off_does_not_hinder_a_hand() -> None:
    run = run_of(DELAY)
    by_operator.pause(enrollment=run, now=NOON)
    sequences.pause(sequence=run.sequence, now=NOON)

    assert by_operator.resume(enrollment=run, now=LATER)
    assert (run.status, run.sequence.status) == ("waiting", Sequence.Status.PAUSED)
