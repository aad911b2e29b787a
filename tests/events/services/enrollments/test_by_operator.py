"""Enrollments changed by an operator, under the subscriber's lock, while a worker has them."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from events.models import Enrollment, Sequence
from events.services.enrollments import by_operator
from events.services.enrollments.by_operator import (
    AlreadyEnrolled,
    EnrollmentEnded,
    NotFailed,
    NotWaitingForTime,
)
from events.services.sequences import sequences
from subscribers.models import Subscriber
from subscribers.services.outbox import bulk, outbox
from tests.factories import OutgoingEmailFactory, SubscriberFactory, WorkspaceFactory
from tests.support.enrollment_making import make_enrollment
from tests.support.sequence_making import MAIL, NOON, make_sequence

pytestmark = pytest.mark.django_db
LATER = NOON + timedelta(hours=1)
DELAY = {"type": "delay", "days": 2}
WAIT = {"type": "wait_for_event", "eventName": "paid"}


def enrollment_of(
    *steps: dict[str, Any], wire: dict[str, Any] | None = None, **columns: Any
) -> Enrollment:
    workspace = WorkspaceFactory.create()
    sequence = make_sequence(workspace, *steps, **(wire or {}))
    return make_enrollment(sequence, SubscriberFactory.create(workspace=workspace), **columns)


def test_a_paused_enrollment_keeps_its_wall_clock_wait() -> None:
    due_at = NOON + timedelta(days=2)
    enrollment = enrollment_of(DELAY, due_at=due_at)

    is_paused = by_operator.pause(enrollment=enrollment, now=NOON, reason="on holiday")
    paused = (enrollment.status, enrollment.due_at, enrollment.reason, enrollment.paused_at)
    is_resumed = by_operator.resume(enrollment=enrollment, now=LATER)

    assert is_paused
    assert paused == ("paused", None, "on holiday", NOON)
    assert is_resumed
    assert (enrollment.status, enrollment.due_at, enrollment.reason, enrollment.paused_at) == (
        "waiting",
        due_at,
        "",
        None,
    )


def test_a_wait_that_ended_while_paused_is_due_when_it_ended() -> None:
    enrollment = enrollment_of(DELAY, due_at=NOON)
    by_operator.pause(enrollment=enrollment, now=NOON)

    by_operator.resume(enrollment=enrollment, now=LATER)

    assert (enrollment.status, enrollment.due_at) == ("waiting", NOON)


def test_an_event_that_came_while_paused_is_taken_at_once() -> None:
    enrollment = enrollment_of(WAIT, awaits="paid", due_at=NOON + timedelta(days=7))
    by_operator.pause(enrollment=enrollment, now=NOON)
    Enrollment.objects.filter(pk=enrollment.pk).update(released_by=uuid4())

    by_operator.resume(enrollment=enrollment, now=LATER)

    assert (enrollment.status, enrollment.awaits, enrollment.due_at) == ("waiting", "paid", LATER)


@pytest.mark.parametrize("status", ["pending", "active"])
def test_a_pending_persons_enrollment_goes_on_where_it_should(status: str) -> None:
    enrollment = enrollment_of(MAIL, status="waiting_confirmation", due_at=None)
    by_operator.pause(enrollment=enrollment, now=NOON)
    Subscriber.objects.update(status=status)

    by_operator.resume(enrollment=enrollment, now=LATER)

    expected = ("active", LATER) if status == "active" else ("waiting_confirmation", None)
    assert (enrollment.status, enrollment.due_at) == expected
    assert (enrollment.step_since == LATER) is (status == "active")


def test_pausing_and_resuming_twice_change_nothing_more() -> None:
    enrollment = enrollment_of(DELAY)
    by_operator.pause(enrollment=enrollment, now=NOON, reason="first")

    assert not by_operator.pause(enrollment=enrollment, now=LATER, reason="second")
    assert (enrollment.reason, enrollment.paused_at, enrollment.status_before_pause) == (
        "first",
        NOON,
        "waiting",
    )
    by_operator.resume(enrollment=enrollment, now=LATER)
    assert not by_operator.resume(enrollment=enrollment, now=LATER)


def test_a_held_enrollment_that_an_operator_pauses_stays_when_its_sequence_goes_on() -> None:
    enrollment = enrollment_of(
        DELAY, status="paused", reason="sequence_paused", status_before_pause="waiting",
        due_at=None, due_before_pause=NOON, paused_at=NOON,
    )  # fmt: skip
    sequences.pause(sequence=enrollment.sequence, now=NOON)

    assert by_operator.pause(enrollment=enrollment, now=LATER)
    sequences.activate(sequence=enrollment.sequence, now=LATER)

    enrollment.refresh_from_db()
    assert (enrollment.status, enrollment.reason) == ("paused", "paused_by_hand")
    assert (enrollment.status_before_pause, enrollment.due_before_pause) == ("waiting", NOON)


def test_a_held_enrollment_waits_for_its_sequence() -> None:
    enrollment = enrollment_of(DELAY, status="paused", reason="sequence_paused", due_at=None)
    sequences.pause(sequence=enrollment.sequence, now=NOON)

    assert not by_operator.resume(enrollment=enrollment, now=LATER)
    assert enrollment.status == "paused"


@pytest.mark.parametrize("status", Enrollment.UNDER_WAY)
def test_whatever_is_under_way_can_be_cancelled(status: str) -> None:
    enrollment = enrollment_of(WAIT, status=status, awaits="paid")

    by_operator.cancel(enrollment=enrollment, now=LATER, reason="a mistake")

    assert (enrollment.status, enrollment.reason, enrollment.ended_at) == (
        "cancelled",
        "a mistake",
        LATER,
    )
    assert (enrollment.due_at, enrollment.awaits, enrollment.entry_slot) == (None, "", None)


def test_once_ever_means_cancelled_ones_too() -> None:
    enrollment = enrollment_of(DELAY, wire={"enrollmentMode": "one_time"})

    by_operator.cancel(enrollment=enrollment, now=LATER)

    assert enrollment.entry_slot == ""


CHANGES: list[Callable[[Enrollment], object]] = [
    lambda enrollment: by_operator.pause(enrollment=enrollment, now=NOON),
    lambda enrollment: by_operator.cancel(enrollment=enrollment, now=NOON),
    lambda enrollment: by_operator.send_now(enrollment=enrollment, now=NOON),
]


@pytest.mark.parametrize("change", CHANGES)
def test_a_worker_loses_an_enrollment_that_a_hand_changes(
    change: Callable[[Enrollment], object],
) -> None:
    enrollment = enrollment_of(DELAY, lease_token=uuid4(), lease_expires_at=LATER)

    change(enrollment)

    assert (enrollment.lease_token, enrollment.lease_expires_at) == (None, None)


@pytest.mark.parametrize(
    "change", [*CHANGES, lambda enrollment: by_operator.resume(enrollment=enrollment, now=NOON)]
)
@pytest.mark.parametrize("status", ["completed", "stopped", "cancelled", "failed", "expired"])
def test_what_is_over_is_over(change: Callable[[Enrollment], object], status: str) -> None:
    enrollment = enrollment_of(DELAY, status=status, entry_slot=None, due_at=None)

    with pytest.raises(EnrollmentEnded, match=f"The enrollment is over: {status}."):
        change(enrollment)

    enrollment.refresh_from_db()
    assert enrollment.status == status


def test_a_change_of_no_effect_leaves_the_worker_its_enrollment() -> None:
    token = uuid4()
    enrollment = enrollment_of(DELAY, status="active", lease_token=token)

    assert not by_operator.resume(enrollment=enrollment, now=NOON)
    assert enrollment.lease_token == token


def failed(wire: dict[str, Any] | None = None, **columns: Any) -> Enrollment:
    ended = {
        "status": "failed", "entry_slot": None, "due_at": None, "ended_at": NOON, "attempts": 5,
        "reason": "gave_up", "last_error": "refused",
    }  # fmt: skip
    return enrollment_of(MAIL, wire=wire, **{**ended, **columns})


def test_what_failed_is_tried_again_as_another_visit() -> None:
    enrollment = failed()

    by_operator.retry(enrollment=enrollment, now=LATER)

    assert (enrollment.status, enrollment.due_at, enrollment.visit, enrollment.attempts) == (
        "active",
        LATER,
        2,
        0,
    )
    assert (enrollment.entry_slot, enrollment.ended_at, enrollment.reason) == ("", None, "")
    assert enrollment.last_error == "refused"


def test_what_failed_takes_its_own_place_again() -> None:
    wire = {"enrollmentMode": "matching_field", "enrollmentFieldPath": "order.id"}
    enrollment = failed(wire, entry_key="42")

    by_operator.retry(enrollment=enrollment, now=LATER)

    assert enrollment.entry_slot == "42"


def test_what_failed_stays_when_a_later_enrollment_has_the_place() -> None:
    enrollment = failed()
    make_enrollment(enrollment.sequence, enrollment.subscriber)

    with pytest.raises(AlreadyEnrolled):
        by_operator.retry(enrollment=enrollment, now=LATER)

    enrollment.refresh_from_db()
    assert (enrollment.status, enrollment.visit) == ("failed", 1)


@pytest.mark.parametrize(("status", "visit"), [("sent", 2), ("queued", 2), ("failed", 1)])
def test_a_mail_that_a_hand_has_sent_again_stands_for_the_new_visit(
    status: str, visit: int
) -> None:
    enrollment = failed()
    mail = OutgoingEmailFactory.create(
        workspace=enrollment.workspace,
        subscriber=enrollment.subscriber,
        cause=enrollment.mail_cause,
        status=status,
    )

    by_operator.retry(enrollment=enrollment, now=LATER)

    mail.refresh_from_db()
    assert mail.cause.endswith(f":{visit}")


def test_a_failed_mail_whose_step_is_tried_again_is_not_sent_again_as_well() -> None:
    enrollment = failed()
    mail = OutgoingEmailFactory.create(
        workspace=enrollment.workspace,
        subscriber=enrollment.subscriber,
        cause=enrollment.mail_cause,
        status="failed",
    )

    by_operator.retry(enrollment=enrollment, now=LATER)

    mail.refresh_from_db()
    assert (mail.status, mail.reason) == ("skipped", "step_retried")
    with pytest.raises(outbox.NotSettled):
        outbox.send_again(email=mail, now=LATER)
    done = bulk.carry_out(change=bulk.MailChange.RETRY, email_ids=[mail.pk], now=LATER)
    assert done.changed == 0


def test_only_what_failed_is_tried_again() -> None:
    enrollment = enrollment_of(DELAY)

    with pytest.raises(NotFailed, match="The enrollment is waiting"):
        by_operator.retry(enrollment=enrollment, now=LATER)


def test_a_delay_ends_now() -> None:
    enrollment = enrollment_of(DELAY, due_at=NOON + timedelta(days=2))

    assert by_operator.send_now(enrollment=enrollment, now=LATER)
    assert (enrollment.status, enrollment.due_at) == ("waiting", LATER)
    assert not by_operator.send_now(enrollment=enrollment, now=LATER)


def test_what_failed_a_moment_ago_is_tried_now() -> None:
    enrollment = enrollment_of(MAIL, status="active", due_at=NOON + timedelta(hours=9), attempts=2)

    assert by_operator.send_now(enrollment=enrollment, now=LATER)
    assert enrollment.due_at == LATER


@pytest.mark.parametrize(
    ("step", "columns", "words"),
    [
        (WAIT, {"awaits": "paid"}, "it waits for the event paid"),
        (DELAY, {"status": "paused", "due_at": None}, "it is paused"),
        (MAIL, {"status": "waiting_confirmation", "due_at": None}, "has not confirmed"),
        (MAIL, {"reason": "sending_window"}, "it waits until mail may be sent"),
    ],
)
def test_what_waits_for_more_than_time_says_so(
    step: dict[str, Any], columns: dict[str, Any], words: str
) -> None:
    enrollment = enrollment_of(step, **columns)

    with pytest.raises(NotWaitingForTime, match=words):
        by_operator.send_now(enrollment=enrollment, now=LATER)


def test_a_sequence_that_is_off_does_not_hinder_a_hand() -> None:
    enrollment = enrollment_of(DELAY)
    by_operator.pause(enrollment=enrollment, now=NOON)
    sequences.pause(sequence=enrollment.sequence, now=NOON)

    assert by_operator.resume(enrollment=enrollment, now=LATER)
    assert (enrollment.status, enrollment.sequence.status) == ("waiting", Sequence.Status.PAUSED)
