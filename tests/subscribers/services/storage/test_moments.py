"""Moments as texts sort as the moments do, and are the same moments again."""

from datetime import timedelta

import pytest
from django.db.models import F

from events.models import Event
from subscribers.services.storage import moments
from tests import factories
from tests.factories.history import NOON


@pytest.mark.django_db
def test_texts_of_moments_sort_as_the_moments_do() -> None:
    parts = (0, 1, 10, 500_000, 500_001, 999_999, 1_000_000, 1_000_001, 60_000_000, 10**11)
    at = [NOON + timedelta(microseconds=each) for each in parts]
    for each in reversed(at):
        factories.EventFactory.create(occurred_at=each)

    rows = Event.objects.annotate(text=moments.as_text(F("occurred_at")))
    texts = sorted(rows.values_list("text", flat=True))

    assert [moments.from_text(each) for each in texts] == at
