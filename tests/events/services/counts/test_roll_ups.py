"""Counts of events by hour of receipt and by day of occurrence."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from django.utils import timezone
from pytest_django.fixtures import DjangoAssertNumQueries

from events.models import Event, EventCount, EventDefinition
from events.services.counts import roll_ups
from events.services.counts.roll_ups import Kind
from tests import factories

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
MIDNIGHT = NOON - 12 * HOUR
Unit = EventCount.Unit
serial = iter(range(1, 1_000_000))


@pytest.fixture
def signed_up(db: None) -> EventDefinition:
    return factories.EventDefinitionFactory.create()


def make_event(
    definition: EventDefinition, received_at: datetime, *, occurred_at: datetime | None = None
) -> Event:
    """Make an event whose id is of the time of its receipt, as ids are."""
    row_id = UUID(int=roll_ups.first_id_at(received_at).int + next(serial))
    return factories.EventFactory.create(
        id=row_id,
        definition=definition,
        workspace=definition.workspace,
        received_at=received_at,
        occurred_at=occurred_at or received_at,
    )


def counted(unit: Unit) -> dict[datetime, int]:
    """Return the buckets of a unit, of a single definition."""
    rows = EventCount.objects.filter(unit=unit).order_by("starts_at")
    return dict(rows.values_list("starts_at", "count"))


def test_events_are_counted_in_the_hour_of_receipt_and_the_day_of_occurrence(
    signed_up: EventDefinition,
) -> None:
    make_event(signed_up, NOON)
    make_event(signed_up, NOON + HOUR - timedelta(microseconds=1))
    make_event(signed_up, NOON + HOUR, occurred_at=NOON - 40 * DAY)

    done = roll_ups.roll_up(now=NOON + 2 * HOUR, since=NOON)

    assert done == 2
    assert counted(Unit.HOUR_OF_RECEIPT) == {NOON: 2, NOON + HOUR: 1}
    assert counted(Unit.DAY_OF_OCCURRENCE) == {MIDNIGHT - 40 * DAY: 1, MIDNIGHT: 2}


def test_the_hour_is_the_one_of_receipt_where_the_id_was_made_a_moment_later(
    signed_up: EventDefinition,
) -> None:
    event = make_event(signed_up, NOON)
    Event.objects.filter(pk=event.pk).update(received_at=NOON - timedelta(seconds=1))

    roll_ups.roll_up(now=NOON + HOUR, since=NOON)

    assert counted(Unit.HOUR_OF_RECEIPT) == {NOON - HOUR: 1}


def test_counting_again_changes_nothing_and_counts_what_is_new(signed_up: EventDefinition) -> None:
    make_event(signed_up, NOON)
    roll_ups.roll_up(now=NOON, since=NOON)
    first = EventCount.objects.get(unit=Unit.HOUR_OF_RECEIPT)

    roll_ups.roll_up(now=NOON, since=NOON)
    make_event(signed_up, NOON + timedelta(minutes=1))
    roll_ups.roll_up(now=NOON + timedelta(minutes=2), since=NOON)

    again = EventCount.objects.get(unit=Unit.HOUR_OF_RECEIPT)
    assert (first.pk, again.count) == (again.pk, 2)
    assert counted(Unit.DAY_OF_OCCURRENCE) == {MIDNIGHT: 2}


def test_each_definition_has_its_own_buckets_in_its_workspace() -> None:
    definitions = factories.EventDefinitionFactory.create_batch(2)
    for definition in definitions:
        make_event(definition, NOON)

    roll_ups.roll_up(now=NOON, since=NOON)

    hours = EventCount.objects.filter(unit=Unit.HOUR_OF_RECEIPT)
    assert {(row.definition, row.workspace, row.count) for row in hours} == {
        (definition, definition.workspace, 1) for definition in definitions
    }


def test_a_bucket_that_nothing_falls_into_any_more_goes(signed_up: EventDefinition) -> None:
    other = make_event(factories.EventDefinitionFactory.create(), NOON)
    gone = make_event(signed_up, NOON)
    roll_ups.roll_up(now=NOON, since=NOON)
    Event.objects.filter(pk=gone.pk).delete()

    roll_ups.roll_up(now=NOON, since=NOON)
    kind = Kind(definition_id=signed_up.pk, workspace_id=signed_up.workspace_id)
    roll_ups.recount_days(days_by_kind={kind: [MIDNIGHT]})

    left = EventCount.objects.values_list("definition_id", "unit")
    assert set(left) == {(other.definition_id, "hour"), (other.definition_id, "day")}


def test_what_came_while_no_worker_ran_is_made_up_for(signed_up: EventDefinition) -> None:
    make_event(signed_up, NOON)
    roll_ups.roll_up(now=NOON, since=NOON)
    make_event(signed_up, NOON + timedelta(minutes=30))
    make_event(signed_up, NOON + 30 * DAY)
    make_event(signed_up, NOON + 60 * DAY)

    done = roll_ups.roll_up(now=NOON + 90 * DAY, since=NOON + 90 * DAY - timedelta(minutes=10))

    assert done == 3
    assert counted(Unit.HOUR_OF_RECEIPT) == {NOON: 2, NOON + 30 * DAY: 1, NOON + 60 * DAY: 1}


def test_the_first_time_everything_is_counted_some_hours_at_a_time(
    signed_up: EventDefinition,
) -> None:
    for number in range(30):
        make_event(signed_up, NOON + number * HOUR)
    now = NOON + 100 * DAY

    first = roll_ups.roll_up(now=now, since=now)
    so_far = len(counted(Unit.HOUR_OF_RECEIPT))
    second = roll_ups.roll_up(now=now, since=now)

    # The newest hour is the mark, which is counted again.
    assert (first, so_far, second) == (24, 24, 7)
    assert sum(counted(Unit.HOUR_OF_RECEIPT).values()) == 30
    assert sum(counted(Unit.DAY_OF_OCCURRENCE).values()) == 30


def test_without_events_nothing_is_counted() -> None:
    assert roll_ups.roll_up(now=NOON, since=NOON - DAY) == 0
    assert not EventCount.objects.exists()


def test_a_year_of_days_is_one_look(
    signed_up: EventDefinition, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(20):
        make_event(signed_up, NOON, occurred_at=NOON - number * DAY)
    kind = Kind(definition_id=signed_up.pk, workspace_id=signed_up.workspace_id)
    days = [MIDNIGHT - number * DAY for number in range(365)]

    # The counts, the buckets written over, and those that are there.
    with django_assert_num_queries(3):
        roll_ups.recount_days(days_by_kind={kind: days})

    assert len(counted(Unit.DAY_OF_OCCURRENCE)) == 20


def test_days_are_those_of_utc_whatever_time_zone_is_active(signed_up: EventDefinition) -> None:
    make_event(signed_up, NOON, occurred_at=MIDNIGHT + timedelta(minutes=1))

    with timezone.override("America/New_York"):
        roll_ups.roll_up(now=NOON, since=NOON)

    assert counted(Unit.DAY_OF_OCCURRENCE) == {MIDNIGHT: 1}


def test_old_hours_are_dropped_but_for_the_newest(signed_up: EventDefinition) -> None:
    for moment in (NOON, NOON + HOUR, NOON + 2 * HOUR):
        make_event(signed_up, moment)
    roll_ups.roll_up(now=NOON + 3 * HOUR, since=NOON)

    dropped = roll_ups.drop_hours(before=NOON + 90 * DAY)

    assert dropped == 2
    assert counted(Unit.HOUR_OF_RECEIPT) == {NOON + 2 * HOUR: 1}
    assert counted(Unit.DAY_OF_OCCURRENCE) == {MIDNIGHT: 3}
    assert roll_ups.roll_up(now=NOON + 90 * DAY, since=NOON + 90 * DAY) == 1


def test_there_may_be_no_hours_to_drop() -> None:
    assert roll_ups.drop_hours(before=NOON) == 0
