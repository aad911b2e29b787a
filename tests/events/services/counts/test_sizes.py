"""The size of the database is recorded once a day, and its tables are estimated."""

from datetime import timedelta

import pytest
from django.db import connection

from events.models import SystemDay
from events.services.counts import sizes
from tests import factories
from tests.factories.sequences import NOON

pytestmark = pytest.mark.django_db


def test_a_day_has_one_record_with_its_last_size_and_all_that_was_deleted() -> None:
    sizes.note_day(now=NOON, deleted=3)
    sizes.note_day(now=NOON + timedelta(hours=1), deleted=4)
    sizes.note_day(now=NOON + timedelta(days=1), deleted=0)

    found = sizes.days(now=NOON + timedelta(days=1), count=2)

    assert [row.deleted_rows for row in found.values()] == [7, 0]
    assert all(row.database_bytes > 0 for row in found.values())


def test_records_that_are_old_are_deleted() -> None:
    sizes.note_day(now=NOON - sizes.KEPT - timedelta(days=1), deleted=0)
    sizes.note_day(now=NOON, deleted=0)

    assert [row.day for row in SystemDay.objects.all()] == [NOON.date()]


def test_the_largest_tables_are_named_with_about_their_rows() -> None:
    factories.EventFactory.create_batch(3)

    found = {table.name: table for table in sizes.tables()}

    assert len(found) == sizes.MOST_TABLES
    if connection.vendor == "sqlite":
        assert found["events_event"].rows == 3
    else:
        assert all(table.bytes is not None and table.bytes >= 0 for table in found.values())
