"""Rows that have served their time go."""

from datetime import UTC, datetime, timedelta

import pytest

from subscribers.models import IdempotentRequest, LeasedWindow
from subscribers.services import retention

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.mark.django_db
def test_windows_and_seconds_go_after_an_hour() -> None:
    for age in (timedelta(minutes=61), timedelta(minutes=59)):
        LeasedWindow.objects.create(bucket="some_key", starts_at=NOON - age, handed_out=1)
        LeasedWindow.objects.create(bucket="mails", starts_at=NOON - age, handed_out=1)

    assert retention.purge_expired(now=NOON) == 2
    assert sorted(LeasedWindow.objects.values_list("bucket", flat=True)) == ["mails", "some_key"]
    assert not IdempotentRequest.objects.exists()
