"""How much work waits for the engine."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from events.models import Enrollment
from events.services.engine import gauges as engine_gauges
from subscribers.models import OutgoingEmail
from tests import factories

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def test_an_idle_engine_has_nothing_to_tell() -> None:
    gauges = engine_gauges.read(now=NOON)

    assert (gauges.enrollments_due, gauges.oldest_due_seconds, gauges.failed_stages) == (0, 0, 0)


def test_what_is_due_is_counted_over_all_lanes_with_the_latest() -> None:
    step = factories.StepFactory.create()
    for lane, ago in ((0, 5), (1, 90), (2, 10), (2, -1)):
        factories.EnrollmentFactory.create(
            version=step.version, step=step, lane=lane, due_at=NOON - timedelta(seconds=ago)
        )
    claimed = factories.EnrollmentFactory.create(
        version=step.version, step=step, lease_token=UUID(int=1)
    )
    Enrollment.objects.filter(pk=claimed.pk).update(due_at=NOON - timedelta(days=1))

    gauges = engine_gauges.read(now=NOON)

    assert (gauges.enrollments_due, gauges.oldest_due_seconds) == (3, 90)


def test_mails_are_counted_by_what_became_of_them() -> None:
    status = OutgoingEmail.Status
    for each in (status.SENDING, status.UNKNOWN, status.UNKNOWN, status.SENT):
        factories.OutgoingEmailFactory.create(status=each)
    factories.OutgoingEmailFactory.create(due_at=NOON)
    factories.FailedStageFactory.create()

    gauges = engine_gauges.read(now=NOON)

    assert (gauges.emails_due, gauges.emails_sending, gauges.emails_unknown) == (1, 1, 2)
    assert gauges.failed_stages == 1


def test_counting_stops_where_it_helps_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_gauges, "MOST_COUNTED", 2)
    factories.OutgoingEmailFactory.create_batch(3, status=OutgoingEmail.Status.UNKNOWN)

    assert engine_gauges.read(now=NOON).emails_unknown == 2
