"""What a part waits for before it begins."""

import pytest
from django.db import DatabaseError, connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from pytest_django.fixtures import Settings

from events.worker import readiness
from subscribers.models import Installation
from subscribers.services.workspaces.installation import SecretKeyDiffers

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness, "SECONDS_BETWEEN_LOOKS", 0)


def test_a_database_that_is_ready_is_not_waited_for() -> None:
    waits: list[int] = []

    readiness.wait_until_ready(on_wait=lambda: waits.append(1))

    assert waits == []
    assert Installation.objects.count() == 1


def test_a_database_that_does_not_answer_is_waited_for_and_logged_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    left = [3]

    def refuse(execute: object, *statement: object) -> object:
        if left[0]:
            raise DatabaseError("gone")
        return execute(*statement)  # type: ignore[operator]

    def count() -> None:
        left[0] -= 1

    with connection.execute_wrapper(refuse):
        readiness.wait_until_ready(on_wait=count)

    assert left == [0]
    assert caplog.text.count("the database does not answer (gone)") == 1


def test_migrations_are_waited_for(caplog: pytest.LogCaptureFixture) -> None:
    (newest,) = MigrationLoader(connection).graph.leaf_nodes("events")
    MigrationRecorder(connection).record_unapplied(*newest)

    readiness.wait_until_ready(
        on_wait=lambda: MigrationRecorder(connection).record_applied(*newest)
    )

    assert "1 migrations are not applied" in caplog.text


def test_a_database_of_another_key_is_refused(settings: Settings) -> None:
    readiness.wait_until_ready(on_wait=lambda: None)
    settings.SECRET_KEY = "another key, which is long enough for an installation"

    with pytest.raises(SecretKeyDiffers):
        readiness.wait_until_ready(on_wait=lambda: None)
