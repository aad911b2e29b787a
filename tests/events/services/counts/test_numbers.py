"""What pages read of the roll-ups."""

from datetime import UTC, date, datetime, timedelta

import pytest
from pytest_django import DjangoAssertNumQueries

from events.models import Sequence, SequenceCount
from events.services.counts import current, event_numbers, numbers, step_roll_ups
from subscribers import ids
from subscribers.models import Workspace
from tests import factories
from tests.support.engine_running import enrollment_of
from tests.support.sequence_making import MAIL, NOON, make_sequence
from tests.support.time_travel import TimeTravel

Measure = SequenceCount.Measure
pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
TODAY = date(2026, 11, 24)


@pytest.fixture
def sequence(workspace: Workspace) -> Sequence:
    """Two people got the first mail; one of them left since, the other waits."""
    sequence = make_sequence(
        workspace,
        {**MAIL, "id": "hello"},
        {"type": "delay", "id": "pause", "days": 3},
        {**MAIL, "id": "more"},
        stopCondition={"type": "tag_added", "value": "customer"},
    )
    travel = TimeTravel(NOON)
    with ids.made_at(travel.clock):
        leaving = enrollment_of(sequence, "ada")
        enrollment_of(sequence, "bob")
        travel.tick()
        leaving.refresh_from_db()
        leaving.status, leaving.reason, leaving.due_at = "stopped", "tag_added", None
        leaving.ended_at = NOON
        leaving.save()
    step_roll_ups.roll_up(now=NOON + DAY)
    current.count_due(now=NOON + DAY)
    return sequence


def test_a_sequence_is_told_step_by_step(
    sequence: Sequence, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(4):
        found = numbers.of_sequence(sequence=sequence, since=TODAY, until=TODAY)

    hello, pause, more = found.steps
    assert (found.whole.of(Measure.ENTERED), found.under_way.count) == (2, 1)
    assert (hello.key, hello.position, hello.of(Measure.MAILED), hello.left) == ("hello", 0, 2, 0)
    assert pause.by_reason(Measure.ENDED) == {"stopped: tag_added": 1}
    assert (pause.reached, pause.left, pause.waiting) == (1, 1, 1)
    assert (more.reached, more.waiting) == (0, 0)
    assert found.counted_at == NOON + DAY


def test_a_step_of_an_earlier_version_comes_last(sequence: Sequence) -> None:
    SequenceCount.objects.filter(step_key="hello").update(step_key="gone")

    found = numbers.of_sequence(sequence=sequence, since=TODAY, until=TODAY)

    assert [(each.key, each.position) for each in found.steps] == [
        ("hello", 0), ("pause", 1), ("more", 2), ("gone", None),
    ]  # fmt: skip


def test_all_sequences_are_two_queries(
    sequence: Sequence, workspace: Workspace, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    other = make_sequence(workspace)

    with django_assert_num_queries(2):
        found = numbers.of_sequences(ids=[sequence.pk, other.pk], since=TODAY - DAY, until=TODAY)

    assert found[sequence.pk].numbers.of(Measure.MAILED) == 2
    assert found[sequence.pk].under_way.count == 1
    assert found[other.pk].numbers.of(Measure.ENTERED) == 0


def test_days_and_hours_can_be_drawn(sequence: Sequence, workspace: Workspace) -> None:
    days = numbers.by_day(sequence=sequence, since=TODAY - DAY, until=TODAY)
    hours = numbers.mails(workspace=workspace, unit=numbers.Unit.HOUR, since=NOON, until=NOON + DAY)

    assert {day: each.of(Measure.MAILED) for day, each in days.items()} == {TODAY: 2}
    assert {hour: each.of(Measure.MAILED) for hour, each in hours.items()} == {NOON: 2}
    hello = numbers.by_day(sequence=sequence, since=TODAY, until=TODAY, step_key="hello")
    assert hello[TODAY].counts == {("mailed", ""): 2}


def test_events_are_told_by_day_and_month(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    now = datetime(2026, 11, 24, 12, 30, tzinfo=UTC)
    counted = factories.EventCountFactory.create(count=3)
    definition = counted.definition
    for age, unit, count in [(DAY, "hour", 4), (2 * DAY, "hour", 5), (DAY, "day", 6),
                             (29 * DAY, "day", 7), (31 * DAY, "day", 8)]:  # fmt: skip
        factories.EventCountFactory.create(
            definition=definition, unit=unit, starts_at=NOON - age, count=count
        )

    with django_assert_num_queries(1):
        found = event_numbers.came(definition_ids=[definition.pk], now=now)

    came = found[definition.pk]
    assert (came.in_day, came.in_month, came.last_day) == (3 + 4, 6 + 7, TODAY - DAY)
