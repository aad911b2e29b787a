"""Rows that have served their time go."""

from datetime import UTC, datetime, timedelta

import pytest

from subscribers.models import IdempotentRequest, RateWindow, SendingSecond
from subscribers.services import retention
from tests import factories

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.mark.django_db
def test_windows_and_seconds_go_after_an_hour() -> None:
    key = factories.ApiKeyFactory.create()
    for age in (timedelta(minutes=61), timedelta(minutes=59)):
        RateWindow.objects.create(api_key=key, window_start=NOON - age, handed_out=1)
        SendingSecond.objects.create(starts_at=NOON - age, handed_out=1)

    assert retention.purge_expired(now=NOON) == 2
    assert (RateWindow.objects.count(), SendingSecond.objects.count()) == (1, 1)
    assert not IdempotentRequest.objects.exists()
