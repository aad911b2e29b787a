"""What a load balancer asks."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from django.db import DatabaseError, connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client

from config import health
from tests import factories


def test_alive_without_a_single_query(client: Client) -> None:
    answer = client.get("/healthz")

    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_ready_with_database_and_migrations(client: Client, db: None) -> None:
    answer = client.get("/readyz")

    assert answer.status_code == 200
    assert answer.json() == {"status": "ok", "database": "ok", "migrations": "ok"}


def test_not_ready_while_a_migration_is_missing(client: Client, db: None) -> None:
    (newest,) = MigrationLoader(connection).graph.leaf_nodes("events")
    MigrationRecorder(connection).record_unapplied(*newest)

    answer = client.get("/readyz")

    assert answer.status_code == 503
    assert answer.json()["migrations"] == "1 missing"


def test_not_ready_without_a_database(client: Client, db: None) -> None:
    def refuse(*args: object) -> None:
        raise DatabaseError("gone")

    with connection.execute_wrapper(refuse):
        answer = client.get("/readyz")

    assert answer.status_code == 503
    assert answer.json()["database"] == "unreachable"


def test_a_worker_that_ticks_and_passes_probes_is_healthy(client: Client, db: None) -> None:
    now = datetime.now(tz=UTC)
    factories.WorkerFactory.create(host="secret-name", ticked_at=now, beat_at=now)

    answer = client.get("/healthz/worker")

    assert answer.status_code == 200
    assert (answer.json()["status"], answer.json()["workers"]) == ("ok", 1)
    assert 0 <= answer.json()["lastTickSeconds"] < 30
    assert 0 <= answer.json()["lastBeatSeconds"] < 30
    assert b"secret-name" not in answer.content


def test_a_dead_worker_shows_there_and_nowhere_else(client: Client, db: None) -> None:
    long_ago = datetime.now(tz=UTC) - timedelta(minutes=2)
    factories.WorkerFactory.create(ticked_at=long_ago, beat_at=long_ago)

    answer = client.get("/healthz/worker")

    assert answer.status_code == 503
    assert answer.json()["status"] == "unavailable"
    assert answer.json()["reason"].startswith("No worker has reported for 12")
    assert client.get("/readyz").status_code == 200


def test_a_worker_cannot_be_judged_without_a_database(client: Client, db: None) -> None:
    def refuse(*args: object) -> None:
        raise DatabaseError("gone")

    with connection.execute_wrapper(refuse):
        answer = client.get("/healthz/worker")

    assert (answer.status_code, answer.json()["database"]) == (503, "unreachable")


@pytest.mark.parametrize("path", ["/healthz", "/healthz/worker", "/readyz"])
def test_health_takes_no_post(client: Client, path: str) -> None:
    assert client.post(path).status_code == 405


def test_who_asks_during_a_look_gets_the_last_answer() -> None:
    goes_on, looks = threading.Event(), list[str]()
    goes_on.set()

    def look() -> health.Answer:
        looks.append("look")
        goes_on.wait(timeout=20)
        return {"number": len(looks)}, 200

    ask = health.one_look_at_a_time(look)
    assert ask() == ({"number": 1}, 200)
    goes_on.clear()
    with ThreadPoolExecutor(1) as others:
        other = others.submit(ask)
        while len(looks) == 1:
            time.sleep(0.001)

        assert [ask() for _ in range(100)] == [({"number": 1}, 200)] * 100

        goes_on.set()
        assert other.result() == ({"number": 2}, 200)
    assert ask() == ({"number": 3}, 200)
