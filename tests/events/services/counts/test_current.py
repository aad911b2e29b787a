"""Numbers of now are counted in turns, each of which is bounded."""

from datetime import UTC, datetime, timedelta

import pytest
from pytest_django import DjangoAssertNumQueries

from events.models import CurrentCount, Enrollment
from events.services.counts import current
from events.services.counts.current import Subject
from subscribers.models import ListMembership, Subscriber, Workspace
from tests import factories
from tests.support.engine_running import enrollment_of
from tests.support.sequence_making import MAIL, make_sequence

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def number(subject: Subject, row: object) -> current.Current:
    found = current.of(subject=subject, ids=[row.pk])  # type: ignore[attr-defined]
    return found.get(row.pk, current.NOT_COUNTED)  # type: ignore[attr-defined]


def test_tags_lists_people_and_mails_are_counted(workspace: Workspace) -> None:
    ada, bob = factories.SubscriberFactory.create_batch(2, workspace=workspace)
    tagged = factories.SubscriberTagFactory.create(workspace=workspace, subscriber=ada)
    member = factories.ListMembershipFactory.create(workspace=workspace, subscriber=bob)
    ListMembership.objects.create(
        workspace=workspace, list=member.list, subscriber=ada, unsubscribed_at=NOON
    )
    factories.SubscriberFactory.create(workspace=workspace, status="bounced")
    factories.OutgoingEmailFactory.create(subscriber=bob)
    factories.OutgoingEmailFactory.create(subscriber=bob, sent=True)

    current.count_due(now=NOON)

    assert number(Subject.TAG, tagged.tag).count == 1
    assert number(Subject.LIST, member.list).count == 1
    assert number(Subject.PEOPLE, workspace) == current.Current(
        3, NOON, {"active": 2, "bounced": 1}
    )
    assert number(Subject.QUEUED_MAIL, workspace).count == 1


def test_enrollments_under_way_are_counted_by_step(workspace: Workspace) -> None:
    sequence = make_sequence(workspace, {**MAIL, "id": "hello"}, {**MAIL, "id": "more"})
    enrollment_of(sequence, "ada")
    over = enrollment_of(sequence, "bob")
    Enrollment.objects.filter(pk=over.pk).update(status="completed", ended_at=NOON, due_at=None)

    current.count_due(now=NOON)

    assert number(Subject.SEQUENCE, sequence) == current.Current(1, NOON, {"hello": 1})


def test_a_part_that_nobody_is_in_any_more_goes(workspace: Workspace) -> None:
    person = factories.SubscriberFactory.create(workspace=workspace)
    current.count_due(now=NOON)
    Subscriber.objects.filter(pk=person.pk).update(status="unsubscribed")

    current.count_due(now=NOON + MINUTE)

    assert number(Subject.PEOPLE, workspace).parts == {"unsubscribed": 1}


def test_the_number_of_a_deleted_tag_goes(workspace: Workspace) -> None:
    tag = factories.TagFactory.create(workspace=workspace)
    current.count_due(now=NOON)
    row_id = tag.pk
    tag.delete()

    current.count_due(now=NOON + MINUTE)

    assert not CurrentCount.objects.filter(subject_id=row_id).exists()


def test_nothing_is_counted_twice_in_a_minute(workspace: Workspace) -> None:
    factories.TagFactory.create(workspace=workspace)

    assert current.count_due(now=NOON) == 3
    assert current.count_due(now=NOON + MINUTE / 2) == 0
    assert current.count_due(now=NOON + MINUTE) == 3


def test_a_turn_ends_when_its_seconds_are_over_and_the_next_goes_on(workspace: Workspace) -> None:
    tags = factories.TagFactory.create_batch(3, workspace=workspace)

    portions = [current.count_due(now=NOON + MINUTE / 60 * n, seconds=0) for n in range(4)]

    # Each turn counts one portion: rows of one kind.
    assert sorted(portions) == [0, 1, 1, 3]
    assert all(number(Subject.TAG, tag).counted_at for tag in tags)


def test_a_large_number_is_counted_alone(workspace: Workspace) -> None:
    factories.TagFactory.create_batch(3, workspace=workspace)
    current.count_due(now=NOON)
    CurrentCount.objects.filter(subject=Subject.TAG).update(count=current.MOST_ROWS)

    portions = {current.count_due(now=NOON + MINUTE, seconds=0) for _ in range(5)}

    assert portions == {1}


def test_a_portion_costs_as_many_statements_as_one_row(
    workspace: Workspace, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    factories.TagFactory.create_batch(50, workspace=workspace)
    current.count_due(now=NOON)
    # Five look for what is missing; then for each of three kinds: which are due, which are there,
    # count, what is stored, write in a transaction; and nothing is due any more.
    with django_assert_num_queries(5 + 3 * 7 + 1):
        current.count_due(now=NOON + MINUTE)
