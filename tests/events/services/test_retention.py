"""Old rows are deleted, and 0 keeps them."""

from datetime import UTC, datetime, timedelta

import pytest

from events.models import EventCount, Worker
from events.services import retention
from tests import factories

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def old_and_young(db: None) -> None:
    for age in (40 * DAY, 20 * DAY, 0 * DAY):
        factories.EventCountFactory.create(starts_at=NOON - age)
        factories.EventCountFactory.create(
            starts_at=NOON - age, unit=EventCount.Unit.DAY_OF_OCCURRENCE
        )
        factories.WorkerFactory.create(ticked_at=NOON - age)


def test_what_is_older_than_is_kept_goes(old_and_young: None) -> None:
    gone = retention.purge_expired(now=NOON, hours_kept=30 * DAY, workers_kept=7 * DAY)

    assert gone == 1 + 2
    assert EventCount.objects.filter(unit=EventCount.Unit.HOUR_OF_RECEIPT).count() == 2
    assert EventCount.objects.filter(unit=EventCount.Unit.DAY_OF_OCCURRENCE).count() == 3
    assert Worker.objects.count() == 1


def test_zero_keeps_all(old_and_young: None) -> None:
    gone = retention.purge_expired(now=NOON, hours_kept=0 * DAY, workers_kept=0 * DAY)

    assert gone == 0
    assert (EventCount.objects.count(), Worker.objects.count()) == (6, 3)
