"""Failed events are explained in the log, by place, code and field, and counted by code."""

import logging

import pytest
from prometheus_client import REGISTRY
from pytest_django.fixtures import Settings

from tests.support.calling import BULK, IMPORTS, SINGLE, Caller

pytestmark = pytest.mark.usefixtures("both_ways")
MINE = {"X-Request-Id": "mine"}
SECRET = "a value\nof the caller"


@pytest.fixture(autouse=True)
def listening(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "cueline")


@pytest.fixture
def known(caller: Caller) -> Caller:
    """An application whose key, names and person the process knows."""
    caller.bulk({"name": "a"})
    caller.bulk({"name": "a"})
    return caller


def failures(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return the lines about failed events; all of them name the request."""
    records = [record for record in caplog.records if record.name == "cueline.events"]
    assert {(record.levelname, record.request_id) for record in records} <= {("INFO", "mine")}  # type: ignore[attr-defined]
    return [record.getMessage() for record in records]


def counted(code: str) -> float:
    """Return how many events failed with the code."""
    return REGISTRY.get_sample_value("cueline_failed_events_total", {"code": code}) or 0.0


def test_each_failed_event_of_a_bulk_request_is_a_line(
    known: Caller, caplog: pytest.LogCaptureFixture
) -> None:
    before = counted("VALIDATION_ERROR")
    events = [{"name": "a"}, {"name": SECRET}, {"name": "a", "occurredAt": SECRET}, 7]

    reply = known.post(BULK, {"email": "a@example.com", "events": events}, headers=MINE)

    assert reply.status == 207
    assert failures(caplog) == [
        "events[1] failed: VALIDATION_ERROR in name",
        "events[2] failed: VALIDATION_ERROR in occurredAt",
        "events[3] failed: VALIDATION_ERROR in (the whole event)",
    ]
    assert "of the caller" not in caplog.text
    assert counted("VALIDATION_ERROR") == before + 3


@pytest.mark.parametrize("count", [20, 21, 499])
def test_more_than_twenty_are_counted(
    known: Caller, caplog: pytest.LogCaptureFixture, count: int
) -> None:
    events = [{"name": ""}] * count + [{"name": "a"}]

    known.post(BULK, {"email": "a@example.com", "events": events}, headers=MINE)

    lines = failures(caplog)
    assert lines[:20] == [f"events[{n}] failed: VALIDATION_ERROR in name" for n in range(20)]
    assert lines[20:] == ([f"{count} of {count + 1} events failed in all."] * (count > 20))


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (BULK, {"email": "a@example.com", "events": [{"name": ""}]}),
        (SINGLE, {"email": "a@example.com", "event": "a", "eventId": ""}),
    ],
)
def test_a_request_that_is_refused_for_its_events_is_explained_too(
    caller: Caller, caplog: pytest.LogCaptureFixture, path: str, body: object
) -> None:
    before = counted("VALIDATION_ERROR")

    assert caller.post(path, body, headers=MINE).status == 400

    field = "name" if path == BULK else "eventId"
    assert failures(caplog) == [f"events[0] failed: VALIDATION_ERROR in {field}"]
    assert counted("VALIDATION_ERROR") == before + 1


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (BULK, {"email": "a@example.com", "events": [{"name": "more"}]}),
        (BULK, {"email": "a@example.com", "events": [{"name": "a"}, {"name": "more"}]}),
        (SINGLE, {"email": "a@example.com", "event": "more"}),
    ],
)
def test_what_fails_while_it_is_recorded_is_explained_too(
    known: Caller, caplog: pytest.LogCaptureFixture, settings: Settings, path: str, body: object
) -> None:
    settings.MAX_DEFINITIONS = 1
    before = counted("DEFINITION_LIMIT")

    known.post(path, body, headers=MINE)

    (line,) = failures(caplog)
    assert line.endswith("failed: DEFINITION_LIMIT in name")
    assert counted("DEFINITION_LIMIT") == before + 1


def test_failed_events_of_imports_are_lines_by_their_place_in_the_request(
    caller: Caller, caplog: pytest.LogCaptureFixture
) -> None:
    before = [counted(code) for code in ("VALIDATION_ERROR", "SUBSCRIBER_NOT_FOUND")]
    events = [
        {"name": "a", "eventId": "1", "email": "a@example.com"},
        {"name": "a", "eventId": "2", "externalId": "nobody"},
        {"name": "a", "email": "a@example.com"},
    ]

    caller.post(IMPORTS, {"events": events}, headers=MINE)

    assert failures(caplog) == [
        "events[1] failed: SUBSCRIBER_NOT_FOUND in (the whole event)",
        "events[2] failed: VALIDATION_ERROR in eventId",
    ]
    after = [counted(code) for code in ("VALIDATION_ERROR", "SUBSCRIBER_NOT_FOUND")]
    assert after == [number + 1 for number in before]


def test_a_dry_run_counts_and_logs_nothing(
    caller: Caller, caplog: pytest.LogCaptureFixture
) -> None:
    before = counted("VALIDATION_ERROR")

    caller.bulk({"name": ""}, query="?dryRun=1")
    caller.bulk({"name": ""}, {"name": "a"}, query="?dryRun=1")

    assert failures(caplog) == []
    assert counted("VALIDATION_ERROR") == before


def test_the_request_line_names_workspace_and_key_prefix(
    known: Caller, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.clear()

    known.bulk({"name": "a"})
    known.send("GET", "/healthz", b"", headers={})

    of_the_api, of_health = (record for record in caplog.records if record.name.endswith("request"))
    assert of_the_api.__dict__["workspace"] == known.workspace.slug
    assert of_the_api.__dict__["api_key"] == known.key.rpartition("_")[0]
    assert not hasattr(of_health, "api_key")
