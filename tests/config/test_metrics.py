"""Who may read the numbers, and that they count what happens."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import DatabaseError, connection
from django.test import Client
from prometheus_client import REGISTRY
from pytest_django.fixtures import Settings

from events import enqueue
from events.enqueue import Lane, TaskCall
from tests import factories
from tests.support.calling import Caller

TOKEN = "a-token-of-twenty-signs-and-more"


def number(name: str, **labels: str) -> float:
    """Return a metric's value now; nothing counted is 0."""
    return REGISTRY.get_sample_value(name, labels) or 0.0


LOCAL: dict[str, Any] = {"HTTP_HOST": "127.0.0.1:8000"}


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({}, 200),
        ({"REMOTE_ADDR": "::1", "HTTP_HOST": "[::1]:8000"}, 200),
        ({"HTTP_HOST": "localhost"}, 200),
        ({"REMOTE_ADDR": "192.0.2.1"}, 404),
        ({"HTTP_HOST": "testserver"}, 404),
        ({"HTTP_HOST": "localhost.example.com"}, 400),
        *(
            ({f"HTTP_{name}": value}, 404)
            for name in (
                "X_FORWARDED_FOR", "X_FORWARDED_PROTO", "X_FORWARDED_HOST", "X_FORWARDED",
                "FORWARDED", "VIA", "X_REAL_IP", "X_CLIENT_IP", "TRUE_CLIENT_IP",
                "CF_CONNECTING_IP", "X_ORIGINAL_FORWARDED_FOR",
                "X_ENVOY_EXTERNAL_ADDRESS",
            )
            for value in ("127.0.0.1", "")
        ),
        # What nginx's bare `proxy_pass` sends: no header of its own, and the upstream as host.
        ({"SERVER_PROTOCOL": "HTTP/1.0"}, 404),
        ({"SERVER_PROTOCOL": "HTTP/1"}, 404),
    ],
)  # fmt: skip
def test_without_a_token_this_machine_may_read(
    client: Client, db: None, sent: dict[str, Any], status: int
) -> None:
    assert client.get("/metrics", **{**LOCAL, **sent}).status_code == status


def test_behind_a_proxy_nobody_is_local(client: Client, db: None, settings: Settings) -> None:
    settings.BEHIND_PROXY = True

    assert client.get("/metrics", **LOCAL).status_code == 404


@pytest.mark.parametrize(
    ("url", "status"),
    [("http://localhost:8000", 200), ("http://[::1]:8000", 200), ("https://m.example.com", 404)],
)
def test_an_installation_with_a_public_address_asks_everybody_for_the_token(
    client: Client, db: None, settings: Settings, url: str, status: int
) -> None:
    settings.PUBLIC_URL = url

    # What a proxy on this machine sends that rewrites `Host` and adds no header.
    assert client.get("/metrics", **LOCAL).status_code == status


@pytest.mark.parametrize(
    ("given", "status"),
    [(f"Bearer {TOKEN}", 200), (f"Bearer {TOKEN}x", 404), ("", 404), ("Bearer é", 404)],
)
def test_with_a_token_only_the_token_counts(
    client: Client, db: None, settings: Settings, given: str, status: int
) -> None:
    settings.METRICS_TOKEN = TOKEN

    answer = client.get("/metrics", HTTP_AUTHORIZATION=given, REMOTE_ADDR="192.0.2.1")

    assert answer.status_code == status
    assert client.get("/metrics", **LOCAL).status_code == 404


def test_events_are_counted_by_outcome(caller: Caller) -> None:
    def counted() -> list[float]:
        words = ("recorded", "duplicate", "historical", "failed")
        return [number("cueline_events_total", outcome=word) for word in words]

    before = counted()
    caller.bulk({"name": "a", "eventId": "1"})

    caller.bulk(
        {"name": "a", "eventId": "1"},
        {"name": "a", "occurredAt": "2026-11-01T00:00:00Z"},
        {"name": ""},
    )

    assert [after - each for after, each in zip(counted(), before, strict=True)] == [1, 1, 1, 1]


def test_the_path_of_a_request_is_counted_with_its_cause(caller: Caller) -> None:
    caller.bulk({"name": "a"}, {"name": "buy"})

    def counted() -> list[float]:
        kinds = [("fast", ""), ("reference", "not_plain"), ("reference", "kept_answer")]
        return [
            number("cueline_ingest_requests_total", path=path, cause=cause) for path, cause in kinds
        ]

    before = counted()
    caller.bulk({"name": "a"})
    caller.bulk({"name": "new"})
    caller.post(
        "/api/v1/subscribers/events/bulk",
        {"email": "a@example.com", "events": [{"name": "a"}]},
        headers={"Idempotency-Key": "1"},
    )

    assert [after - each for after, each in zip(counted(), before, strict=True)] == [1, 1, 1]


def test_requests_are_counted_by_route_and_not_by_path(client: Client, db: None) -> None:
    labels = {"method": "other", "route": "(no route)", "status": "404"}
    before = number("cueline_request_seconds_count", **labels)

    client.generic("BREW", "/coffee/secret-token")

    assert number("cueline_request_seconds_count", **labels) == before + 1
    text = client.get("/metrics", **LOCAL).content.decode()
    assert "cueline_request_seconds_bucket" in text
    assert "secret-token" not in text
    assert "BREW" not in text


def test_what_waits_for_the_worker_is_shown(client: Client, db: None) -> None:
    now = datetime.now(tz=UTC)
    factories.WorkerFactory.create(ticked_at=now, beat_at=now)
    factories.EnrollmentFactory.create(due_at=now)
    factories.FailedStageFactory.create()
    enqueue.put(calls=[(Lane.MARKETING, TaskCall("events.tasks.advance"))])

    lines = client.get("/metrics", **LOCAL).content.decode().splitlines()

    for line in (
        "cueline_workers_live 1.0",
        "cueline_enrollments_due 1.0",
        "cueline_failed_stages 1.0",
        "cueline_queue_waiting 1.0",
        "cueline_queue_taken 0.0",
        "cueline_emails_unknown 0.0",
    ):
        assert line in lines
    (size,) = [line for line in lines if line.startswith("cueline_database_bytes ")]
    assert float(size.split()[1]) > 0


def test_numbers_of_the_process_are_shown_without_a_database(client: Client, db: None) -> None:
    def refuse(*args: object) -> None:
        raise DatabaseError("gone")

    with connection.execute_wrapper(refuse):
        answer = client.get("/metrics", **LOCAL)

    assert answer.status_code == 200
    assert b"cueline_request_seconds" in answer.content
    assert b"cueline_workers_live" not in answer.content
