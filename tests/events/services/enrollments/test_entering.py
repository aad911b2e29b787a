"""People whom an operator enters into a sequence, and those who stay out."""

import threading
from typing import Any

import pytest
from django.db import connection

from events.models import Enrollment, Sequence
from events.services.enrollments import by_operator
from events.services.enrollments.by_operator import Enrolled
from events.services.sequences import sequences
from events.services.sequences.sequences import NotActive
from subscribers.models import Subscriber
from tests.factories import SubscriberFactory, WorkspaceFactory
from tests.support.enrollment_making import first_step, make_enrollment
from tests.support.sequence_making import MAIL, NOON, make_sequence

pytestmark = pytest.mark.django_db


def sequence_of(**wire: Any) -> Sequence:
    return make_sequence(WorkspaceFactory.create(), MAIL, **{"trigger": "manual", **wire})


def person_in(sequence: Sequence, **columns: Any) -> Subscriber:
    return SubscriberFactory.create(workspace=sequence.workspace, **columns)


def enter(sequence: Sequence, *people: Subscriber, **options: Any) -> Enrolled:
    return by_operator.enroll(sequence=sequence, subscribers=people, now=NOON, **options)


@pytest.mark.parametrize(
    "wire", [{}, {"trigger": "event_received", "eventName": "signup"}, {"trigger": "contact_added"}]
)
def test_an_enrollment_begins_whatever_the_trigger(wire: dict[str, Any]) -> None:
    sequence = sequence_of(**wire)
    person = person_in(sequence)

    entered = enter(sequence, person)

    enrollment = Enrollment.objects.get()
    assert [each.pk for each in entered.enrolled] == [enrollment.pk]
    assert (enrollment.subscriber, enrollment.workspace) == (person, sequence.workspace)
    assert (enrollment.status, enrollment.due_at, enrollment.step_since, enrollment.entry_slot) == (
        "active",
        NOON,
        NOON,
        "",
    )
    assert enrollment.version_id == sequence.current_version_id
    assert enrollment.step == first_step(sequence)
    assert (enrollment.started_by, enrollment.entered_via) == (None, {"kind": "manual"})
    assert enrollment.lane == Enrollment.Lane.MARKETING


def test_a_first_mail_that_must_not_wait_takes_the_quick_lane() -> None:
    sequence = make_sequence(WorkspaceFactory.create(), {**MAIL, "isTransactional": True})

    enter(sequence, person_in(sequence))

    assert Enrollment.objects.get().lane == Enrollment.Lane.TRANSACTIONAL


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        ("unsubscribed", "subscriber_unsubscribed"),
        ("complained", "subscriber_unsubscribed"),
        ("bounced", "subscriber_bounced"),
        ("pending", "subscriber_pending"),
    ],
)
def test_only_active_people_enter(status: str, reason: str) -> None:
    sequence = sequence_of()
    person = person_in(sequence, status=status)

    entered = enter(sequence, person)

    assert entered.enrolled == ()
    assert entered.skipped == {person.pk: reason}


def test_others_enter_on_request() -> None:
    sequence = sequence_of()
    pending, gone = person_in(sequence, status="pending"), person_in(sequence, status="bounced")

    enter(sequence, pending, gone, is_for_active_only=False)

    enrollments = dict(Enrollment.objects.values_list("subscriber", "status"))
    assert enrollments == {pending.pk: "waiting_confirmation", gone.pk: "active"}
    assert Enrollment.objects.get(subscriber=pending).due_at is None


def test_a_sequence_for_active_people_keeps_others_out_even_then() -> None:
    sequence = sequence_of(activeSubscribersOnly=True)
    gone = person_in(sequence, status="unsubscribed")

    entered = enter(sequence, gone, is_for_active_only=False)

    assert entered.skipped == {gone.pk: "subscriber_unsubscribed"}


@pytest.mark.parametrize(
    ("mode", "columns", "reason"),
    [
        ("unlimited", {}, "already_enrolled"),
        ("unlimited", {"status": "paused"}, "already_enrolled"),
        ("unlimited", {"status": "completed", "entry_slot": None}, ""),
        ("one_time", {}, "already_enrolled"),
        ("one_time", {"status": "cancelled"}, "entered_before"),
    ],
)
def test_a_place_is_taken_once(mode: str, columns: dict[str, Any], reason: str) -> None:
    sequence = sequence_of(enrollmentMode=mode)
    person = person_in(sequence)
    make_enrollment(sequence, person, **columns)

    entered = enter(sequence, person)

    assert entered.skipped == ({person.pk: reason} if reason else {})
    assert len(entered.enrolled) == (0 if reason else 1)


def test_an_operator_gives_no_field_to_match() -> None:
    sequence = make_sequence(
        WorkspaceFactory.create(), enrollmentMode="matching_field", enrollmentFieldPath="order.id"
    )
    person = person_in(sequence)

    assert enter(sequence, person).skipped == {person.pk: "entry_key_missing"}


def test_people_of_another_workspace_do_not_enter() -> None:
    sequence = sequence_of()
    foreign = SubscriberFactory.create()

    assert enter(sequence, foreign) == Enrolled(enrolled=(), skipped={})


def test_a_person_who_is_named_twice_enters_once() -> None:
    sequence = sequence_of()
    person = person_in(sequence)

    assert len(enter(sequence, person, person).enrolled) == 1


def test_what_is_off_lets_nobody_in() -> None:
    sequence = sequence_of()
    person = person_in(sequence)
    sequences.set_enrollment_paused(sequence=sequence, is_paused=True, now=NOON)

    with pytest.raises(NotActive, match="lets nobody in at the moment"):
        enter(sequence, person)
    sequences.pause(sequence=sequence, now=NOON)
    with pytest.raises(NotActive, match="The sequence is paused"):
        enter(sequence, person)

    assert not Enrollment.objects.exists()


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_many_hands_at_once_begin_one_enrollment() -> None:
    sequence = sequence_of()
    person = person_in(sequence)
    barrier = threading.Barrier(8)
    begun: list[int] = []

    def enter_at_once() -> None:
        barrier.wait()
        try:
            begun.append(len(enter(sequence, person).enrolled))
        finally:
            connection.close()

    threads = [threading.Thread(target=enter_at_once) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(begun) == [0] * 7 + [1]
    assert Enrollment.objects.count() == 1
