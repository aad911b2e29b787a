"""Faults of sequences, planted one at a time."""

from datetime import timedelta

import pytest
from django.utils import timezone

from events.models import Sequence
from events.services.counts import current, step_roll_ups
from subscribers.models import Workspace
from tests import factories
from tests.support.engine_running import enrollment_of
from tests.support.examining import found
from tests.support.sequence_making import make_sequence

pytestmark = pytest.mark.django_db


def test_a_draft_without_steps_is_no_fault() -> None:
    factories.SequenceFactory.create()

    assert found() == []


def test_an_active_sequence_without_steps_is_found() -> None:
    factories.SequenceFactory.create(status=Sequence.Status.ACTIVE)

    assert found() == ["Sequences, ready"]


def test_a_sequence_with_the_version_of_another_is_found() -> None:
    other = factories.SequenceVersionFactory.create()
    factories.SequenceFactory.create(current_version=other)

    assert found() == ["Sequences, versions"]


def test_numbers_that_no_worker_counts_any_more_are_found(workspace: Workspace) -> None:
    now = timezone.now()
    enrollment_of(make_sequence(workspace), due_at=now + timedelta(days=9))
    step_roll_ups.roll_up(now=now - timedelta(minutes=1))
    current.count_due(now=now)

    assert found(now=now) == []
    assert found(now=now + timedelta(hours=2)) == ["Sequences, numbers"]

    step_roll_ups.roll_up(now=now + timedelta(hours=2))
    current.count_due(now=now + timedelta(hours=2))
    assert found(now=now + timedelta(hours=2)) == []
