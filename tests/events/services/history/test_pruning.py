"""Pruning: old events go in portions, what runs need is kept, and the roll-ups follow."""

from datetime import UTC, datetime, timedelta

import pytest

from events.models import Enrollment, Event, EventCount, EventDefinition, FailedStage
from events.services.counts import roll_ups
from events.services.history import pruning
from events.services.history.pruning import Pruned
from subscribers.models import Workspace
from tests import factories

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
BEFORE = NOON - timedelta(days=365)
DAY = timedelta(days=1)


@pytest.fixture
def definition(workspace: Workspace) -> EventDefinition:
    return factories.EventDefinitionFactory.create(workspace=workspace, name="order.placed")


def happen(definition: EventDefinition, *moments: datetime) -> list[Event]:
    """Record one event at each moment, all of one person."""
    person = factories.SubscriberFactory.create(workspace=definition.workspace)
    return [
        factories.EventFactory.create(subscriber=person, definition=definition, occurred_at=each)
        for each in moments
    ]


def prune(workspace: Workspace, name: str | None = None) -> list[Pruned]:
    return list(pruning.portions(workspace=workspace, before=BEFORE, name=name))


def preview(workspace: Workspace, name: str | None = None) -> list[Pruned]:
    return list(pruning.preview(workspace=workspace, before=BEFORE, name=name))


def test_what_is_older_goes_and_the_rest_stays(definition: EventDefinition) -> None:
    _, stays = happen(definition, BEFORE - timedelta(microseconds=1), BEFORE)
    elsewhere = happen(factories.EventDefinitionFactory.create(), BEFORE - DAY)

    found = prune(definition.workspace)

    assert found == [Pruned(name="order.placed", deleted=1, kept=0)]
    assert set(Event.objects.all()) == {stays, *elsewhere}


def test_failed_stages_are_deleted_and_ended_enrollments_stay(definition: EventDefinition) -> None:
    (old,) = happen(definition, BEFORE - DAY)
    factories.FailedStageFactory.create(event=old)
    enrollment = factories.EnrollmentFactory.create(
        subscriber=old.subscriber, started_by=old, status=Enrollment.Status.COMPLETED,
        entry_slot=None, version__workspace=old.workspace,
    )  # fmt: skip

    prune(definition.workspace)

    enrollment.refresh_from_db()
    assert enrollment.started_by is None
    assert not FailedStage.objects.exists()


@pytest.mark.parametrize("pointer", ["started_by", "released_by"])
def test_what_an_enrollment_under_way_needs_is_kept(
    definition: EventDefinition, pointer: str
) -> None:
    needed, _ = happen(definition, BEFORE - 2 * DAY, BEFORE - DAY)
    factories.EnrollmentFactory.create(
        subscriber=needed.subscriber, status=Enrollment.Status.PAUSED,
        version__workspace=needed.workspace,
        **{pointer: needed if pointer == "started_by" else needed.pk},
    )  # fmt: skip

    foretold = preview(definition.workspace)
    found = prune(definition.workspace)

    assert foretold == found == [Pruned(name="order.placed", deleted=1, kept=1)]
    assert Event.objects.get() == needed


def test_one_name_alone_is_pruned(definition: EventDefinition) -> None:
    other = factories.EventDefinitionFactory.create(workspace=definition.workspace)
    happen(definition, BEFORE - DAY)
    happen(other, BEFORE - DAY)

    prune(definition.workspace, name=" order.placed ")

    assert Event.objects.get().definition == other
    with pytest.raises(pruning.NoSuchName, match="No event named"):
        prune(definition.workspace, name="order.plced")


def test_the_preview_changes_nothing(definition: EventDefinition) -> None:
    happen(definition, BEFORE - DAY, NOON)

    assert preview(definition.workspace) == [Pruned(name="order.placed", deleted=1, kept=0)]
    assert Event.objects.count() == 2


def test_portions_cut_days_and_moments_and_nothing_is_left_out_or_counted_wrong(
    definition: EventDefinition, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pruning, "MOST_AT_ONCE", 3)
    first = BEFORE.replace(hour=0) - 3 * DAY
    # Five at one moment; a day that two portions share; a day that a portion ends with.
    moments = [first] * 5 + [first + DAY] * 4 + [first + 2 * DAY] * 2 + [NOON]
    events = happen(definition, *moments)
    needed = events[6]
    factories.EnrollmentFactory.create(
        subscriber=needed.subscriber, started_by=needed, version__workspace=needed.workspace
    )
    days = {first + number * DAY for number in range(3)} | {NOON.replace(hour=0)}
    kind = roll_ups.Kind(definition.pk, definition.workspace_id)
    roll_ups.recount_days(days_by_kind={kind: days})

    found = prune(definition.workspace)

    assert [(each.deleted, each.kept) for each in found] == [(3, 0), (3, 0), (2, 1), (2, 0)]
    assert set(Event.objects.all()) == {needed, events[-1]}
    counts = EventCount.objects.order_by("starts_at").values_list("starts_at", "count")
    assert list(counts) == [(first + DAY, 1), (NOON.replace(hour=0), 1)]


def test_a_caller_that_stops_between_portions_goes_on_by_repeating(
    definition: EventDefinition, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pruning, "MOST_AT_ONCE", 2)
    day = BEFORE.replace(hour=0) - DAY
    happen(definition, *[day] * 5)
    kind = roll_ups.Kind(definition.pk, definition.workspace_id)
    roll_ups.recount_days(days_by_kind={kind: {day}})

    next(pruning.portions(workspace=definition.workspace, before=BEFORE))
    left = Event.objects.count()
    prune(definition.workspace)

    assert left == 3
    assert not Event.objects.exists()
    assert not EventCount.objects.exists()


def test_hours_of_receipt_that_are_stored_are_recounted(definition: EventDefinition) -> None:
    now = datetime.now(tz=UTC)
    happen(definition, BEFORE - DAY, NOON)
    Event.objects.update(received_at=now)
    roll_ups.roll_up(now=now, since=now - timedelta(hours=1))

    prune(definition.workspace)

    hours = EventCount.objects.filter(unit=EventCount.Unit.HOUR_OF_RECEIPT)
    assert list(hours.values_list("count", flat=True)) == [1]
