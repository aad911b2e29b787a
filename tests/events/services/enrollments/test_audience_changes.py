"""What enrollments do when people confirm, leave, are suppressed, get tags or join lists."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from events.decisions.enrollments import MOST_DEPTH
from events.models import Enrollment, Event
from events.services.sequences import sequences
from subscribers import reactions
from subscribers.ids import new_id
from subscribers.models import List, Subscriber, Tag, Workspace
from tests import factories
from tests.support.enrollment_making import enrollments, make_enrollment
from tests.support.sequence_making import MAIL, make_sequence

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
LATER = NOON + timedelta(hours=1)
MONTH = {"type": "delay", "days": 30}
NOTICE = {**MAIL, "isTransactional": True}
Status = Enrollment.Status


def person_in(workspace: Workspace, **columns: Any) -> Subscriber:
    return factories.SubscriberFactory.create(workspace=workspace, **columns)


def tag_named(workspace: Workspace, name: str) -> UUID:
    return Tag.objects.get_or_create(workspace=workspace, name=name)[0].pk


def test_enrollments_of_people_who_confirm_begin_now(workspace: Workspace) -> None:
    sequence = make_sequence(workspace, MONTH)
    person, other = person_in(workspace), person_in(workspace)
    for each in (person, other):
        make_enrollment(sequence, each, status=Status.WAITING_CONFIRMATION, due_at=None)

    reactions.current().confirmed(subscriber_ids=[person.pk], now=LATER)
    reactions.current().confirmed(subscriber_ids=[person.pk], now=LATER + timedelta(hours=1))

    confirmed, held = enrollments()
    assert (confirmed.status, confirmed.due_at, confirmed.step_since) == (
        Status.ACTIVE,
        LATER,
        LATER,
    )
    assert (held.status, held.due_at) == (Status.WAITING_CONFIRMATION, None)


def test_enrollments_of_people_who_leave_stop_with_the_reason(workspace: Workspace) -> None:
    person, other = person_in(workspace), person_in(workspace)
    for name, mode in (("A", "unlimited"), ("B", "one_time")):
        sequence = make_sequence(workspace, MONTH, MAIL, name=name, enrollmentMode=mode)
        make_enrollment(sequence, person, lease_token=new_id(), lease_expires_at=NOON)
    make_enrollment(sequence, other)

    reactions.current().left(subscriber_ids=[person.pk], now=LATER)

    free, kept, of_other = enrollments()
    assert (free.status, free.reason, free.ended_at) == (Status.STOPPED, "unsubscribed", LATER)
    assert (free.due_at, free.lease_token, free.lease_expires_at) == (None, None, None)
    assert (free.entry_slot, kept.entry_slot) == (None, "")
    assert kept.status == Status.STOPPED
    assert of_other.status == Status.WAITING


@pytest.mark.parametrize(
    ("position", "status", "expected"),
    [
        (0, Status.WAITING, Status.WAITING),
        (1, Status.WAITING, Status.WAITING),
        (2, Status.WAITING, Status.STOPPED),
        (0, Status.WAITING_CONFIRMATION, Status.STOPPED),
    ],
)
def test_who_still_has_to_be_informed_goes_on_after_leaving(
    workspace: Workspace, position: int, status: str, expected: str
) -> None:
    sequence = make_sequence(workspace, MONTH, NOTICE, MAIL)
    assert sequence.current_version is not None
    step = sequence.current_version.steps.get(position=position)
    enrollment = make_enrollment(sequence, person_in(workspace), status=status)
    Enrollment.objects.filter(pk=enrollment.pk).update(step=step)

    reactions.current().left(subscriber_ids=[enrollment.subscriber_id], now=LATER)

    assert enrollments()[0].status == expected


def test_a_held_enrollment_that_never_began_stops_when_its_person_leaves(
    workspace: Workspace,
) -> None:
    person = person_in(workspace, status=Subscriber.Status.UNSUBSCRIBED)
    held = {
        "status": Status.PAUSED,
        "status_before_pause": Status.WAITING_CONFIRMATION,
        "due_at": None,
    }
    make_enrollment(make_sequence(workspace, NOTICE), person, **held)

    reactions.current().left(subscriber_ids=[person.pk], now=LATER)

    (enrollment,) = enrollments()
    assert (enrollment.status, enrollment.reason) == (Status.STOPPED, "unsubscribed")


def test_enrollments_of_suppressed_people_stop_whatever_is_to_come(workspace: Workspace) -> None:
    enrollment = make_enrollment(make_sequence(workspace, MONTH, NOTICE), person_in(workspace))

    reactions.current().suppressed(subscriber_ids=[enrollment.subscriber_id], now=LATER)

    enrollment.refresh_from_db()
    assert (enrollment.status, enrollment.reason) == (Status.STOPPED, "suppressed")


def test_ended_runs_stay_as_they_ended(workspace: Workspace) -> None:
    enrollment = make_enrollment(
        make_sequence(workspace, MONTH),
        person_in(workspace),
        status=Status.COMPLETED,
        ended_at=NOON,
        entry_slot=None,
    )

    reactions.current().left(subscriber_ids=[enrollment.subscriber_id], now=LATER)
    reactions.current().suppressed(subscriber_ids=[enrollment.subscriber_id], now=LATER)

    enrollment.refresh_from_db()
    assert (enrollment.status, enrollment.ended_at, enrollment.reason) == (
        Status.COMPLETED,
        NOON,
        "",
    )


def test_tags_start_and_stop_for_each_of_many_people_in_a_few_statements(
    workspace: Workspace,
) -> None:
    make_sequence(workspace, MONTH, name="Vip", trigger="tag_added", tagNames=["vip", "gold"])
    stop = {"type": "tag_added", "value": "vip"}
    other = make_sequence(workspace, MONTH, name="Other", stopCondition=stop)
    people = [person_in(workspace) for _ in range(20)]
    for each in people:
        make_enrollment(other, each)
    tag_ids = [tag_named(workspace, name) for name in ("gold", "vip")]

    with CaptureQueriesContext(connection) as queries:
        reactions.current().tags_added(
            subscriber_ids=[each.pk for each in people], tag_ids=tag_ids, now=LATER
        )

    begun = [enrollment for enrollment in enrollments() if enrollment.sequence.name == "Vip"]
    assert len(begun) == 20
    assert begun[0].entered_via == {"kind": "tag", "name": "gold"}
    assert (begun[0].status, begun[0].due_at, begun[0].depth) == (Status.ACTIVE, LATER, 0)
    assert {
        enrollment.status for enrollment in enrollments() if enrollment.sequence.name == "Other"
    } == {Status.STOPPED}
    assert len(queries) <= 12


def test_tags_that_come_twice_start_once(workspace: Workspace) -> None:
    make_sequence(workspace, MONTH, trigger="tag_added", tagNames=["vip"])
    person, tag_id = person_in(workspace), tag_named(workspace, "vip")

    for _ in range(2):
        reactions.current().tags_added(subscriber_ids=[person.pk], tag_ids=[tag_id], now=LATER)

    assert len(enrollments()) == 1


@pytest.mark.parametrize(("depth", "count"), [(1, 1), (MOST_DEPTH, 1), (MOST_DEPTH + 1, 0)])
def test_steps_that_add_tags_start_ten_deep_at_most(
    workspace: Workspace, depth: int, count: int
) -> None:
    make_sequence(workspace, MONTH, trigger="tag_added", tagNames=["vip"])
    make_sequence(workspace, MONTH, trigger="contact_added")
    joined = List.objects.create(workspace=workspace, name="News").pk
    person, tag_id = person_in(workspace), tag_named(workspace, "vip")

    reactions.current().tags_added(
        subscriber_ids=[person.pk], tag_ids=[tag_id], now=LATER, depth=depth, is_test=True
    )
    reactions.current().list_joined(
        subscriber_ids=[person.pk], list_ids=[joined], now=LATER, depth=depth, is_test=True
    )

    assert [enrollment.depth for enrollment in enrollments()] == [depth] * (2 * count)
    assert all(enrollment.is_test for enrollment in enrollments())


def test_beyond_ten_deep_a_tag_still_stops(workspace: Workspace) -> None:
    stop = {"type": "tag_added", "value": "vip"}
    enrollment = make_enrollment(
        make_sequence(workspace, MONTH, stopCondition=stop), person_in(workspace)
    )

    reactions.current().tags_added(
        subscriber_ids=[enrollment.subscriber_id],
        tag_ids=[tag_named(workspace, "vip")],
        now=LATER,
        depth=MOST_DEPTH + 1,
    )

    assert enrollments()[0].status == Status.STOPPED


def test_a_list_that_is_joined_starts_its_sequences(workspace: Workspace) -> None:
    joined = List.objects.create(workspace=workspace, name="News")
    List.objects.create(workspace=workspace, name="Offers")
    make_sequence(workspace, name="News", trigger="contact_added", lists=["News"])
    make_sequence(workspace, name="Offers", trigger="contact_added", lists=["Offers"])
    make_sequence(workspace, name="Anybody", trigger="contact_added", listScope="any_contact")
    person = person_in(workspace)

    reactions.current().list_joined(subscriber_ids=[person.pk], list_ids=[joined.pk], now=LATER)

    assert [enrollment.sequence.name for enrollment in enrollments()] == ["News", "Anybody"]
    assert enrollments()[0].entered_via == {"kind": "list", "name": "News"}


def test_a_pending_persons_enrollment_waits_for_the_confirmation(workspace: Workspace) -> None:
    make_sequence(workspace, MONTH, trigger="tag_added", tagNames=["vip"])
    person = person_in(workspace, status="pending")

    reactions.current().tags_added(
        subscriber_ids=[person.pk], tag_ids=[tag_named(workspace, "vip")], now=LATER
    )

    assert [(enrollment.status, enrollment.due_at) for enrollment in enrollments()] == [
        (Status.WAITING_CONFIRMATION, None)
    ]


def test_a_sequence_that_this_transaction_switched_off_starts_nobody(workspace: Workspace) -> None:
    sequence = make_sequence(workspace, MONTH, trigger="tag_added", tagNames=["vip"])
    person, tag_id = person_in(workspace), tag_named(workspace, "vip")
    sequences.pause(sequence=sequence, now=NOON)

    reactions.current().tags_added(subscriber_ids=[person.pk], tag_ids=[tag_id], now=LATER)

    assert not enrollments()


def test_erasing_a_person_takes_their_enrollments_along(workspace: Workspace) -> None:
    enrollment = make_enrollment(make_sequence(workspace, MONTH), person_in(workspace))
    factories.EventFactory.create(subscriber=enrollment.subscriber)

    reactions.current().erasing(subscriber_ids=[enrollment.subscriber_id])
    enrollment.subscriber.delete()

    assert not enrollments()
    assert not Event.objects.exists()
