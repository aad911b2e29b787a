"""Faults of events and their counts, planted one at a time."""

from datetime import timedelta
from uuid import uuid4

import pytest
from pytest_django.fixtures import Settings

from events.models import Event, EventCount
from events.services.counts import roll_ups
from events.services.counts.roll_ups import Kind
from subscribers.services.audits.audits import Level
from tests import factories
from tests.support.examining import NOON, found, levels

pytestmark = pytest.mark.django_db
HOUR_AGO = NOON - timedelta(hours=1)
MIDNIGHT = NOON.replace(hour=0)


def make_counted_event() -> Event:
    """Return an event of an hour ago that is in the counts."""
    event = factories.EventFactory.create(occurred_at=HOUR_AGO, received_at=HOUR_AGO)
    kind = Kind(event.definition_id, event.workspace_id)
    roll_ups.recount_days(days_by_kind={kind: [MIDNIGHT]})
    return event


def test_a_counted_event_is_no_fault() -> None:
    make_counted_event()

    assert found() == []


def test_an_event_that_is_not_counted_yet_is_no_fault() -> None:
    factories.EventFactory.create(received_at=NOON - timedelta(minutes=1))

    assert found() == []


def test_an_event_that_stays_uncounted_is_found() -> None:
    factories.EventFactory.create(occurred_at=HOUR_AGO, received_at=HOUR_AGO)

    assert found() == ["Events, counts"]


def test_a_count_that_is_too_high_is_found() -> None:
    make_counted_event()
    EventCount.objects.update(count=2)

    assert found() == ["Events, counts"]


def test_an_event_of_another_workspace_is_found() -> None:
    make_counted_event()
    Event.objects.update(workspace=factories.WorkspaceFactory.create())

    assert found() == ["Events, workspaces"]


def test_an_event_without_its_person_is_found() -> None:
    event = make_counted_event()
    Event.objects.update(subscriber_id=uuid4())

    looked = found()

    Event.objects.update(subscriber_id=event.subscriber_id)
    assert looked == ["Events, orphans"]


def test_a_stage_that_nobody_retries_is_found() -> None:
    event = make_counted_event()
    factories.FailedStageFactory.create(event=event, next_attempt_at=HOUR_AGO)

    assert found() == ["Events, stages"]


def test_more_names_than_allowed_are_found(settings: Settings) -> None:
    settings.MAX_DEFINITIONS = 10
    workspace = factories.WorkspaceFactory.create()
    factories.EventDefinitionFactory.create_batch(11, workspace=workspace)

    assert levels() == {"Events, names": Level.PROBLEM}


def test_names_near_the_limit_are_a_warning(settings: Settings) -> None:
    settings.MAX_DEFINITIONS = 10
    workspace = factories.WorkspaceFactory.create()
    factories.EventDefinitionFactory.create_batch(10, workspace=workspace)

    assert levels() == {"Events, names": Level.WARNING}
