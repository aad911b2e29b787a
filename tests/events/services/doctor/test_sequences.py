"""Faults of sequences, planted one at a time."""

import pytest

from events.models import Sequence
from tests import factories
from tests.support.examining import found

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
