"""One process at a time migrates; the others wait, and not for ever."""

from collections.abc import Iterator

import psycopg
import pytest
from django.core.management.base import CommandError
from django.db import connection

from config.management import database_lock
from config.management.database_lock import LOCK_NUMBER, exclusive_database_use

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db]
TRY = "SELECT pg_try_advisory_lock(%s)"


@pytest.fixture
def other() -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    """Another process, whose locks are its session's, as those of release 0.2.0 are."""
    given = connection.get_connection_params()
    names = ("dbname", "user", "host", "port")
    with psycopg.connect(**{name: given[name] for name in names}, autocommit=True) as opened:
        yield opened


def test_another_process_waits_until_the_work_is_done(
    other: psycopg.Connection[tuple[object, ...]],
) -> None:
    with exclusive_database_use():
        during = other.execute(TRY, [LOCK_NUMBER]).fetchone()
    after = other.execute(TRY, [LOCK_NUMBER]).fetchone()

    assert (during, after) == ((False,), (True,))


def test_the_wait_ends_and_names_who_holds_the_lock(
    other: psycopg.Connection[tuple[object, ...]],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(database_lock, "SECONDS_TO_WAIT", 0.1)
    monkeypatch.setattr(database_lock, "SECONDS_BETWEEN_TRIES", 0.05)
    other.execute(TRY, [LOCK_NUMBER])

    with pytest.raises(CommandError) as ended, exclusive_database_use():
        raise AssertionError("The lock is another's.")

    process = f"process {other.info.backend_pid} of PostgreSQL"
    assert process in str(ended.value)
    assert [each.getMessage() for each in caplog.records] == [
        f"Waiting for {process}, which migrates too."
    ]
