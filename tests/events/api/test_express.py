"""The layer before Django: what it answers, what it passes on, and that both answers agree."""

import json
import logging
import uuid
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import time_machine
from pytest_django.fixtures import Settings

from config.layers import layered
from events.api import express
from events.models import Event
from events.services.ingestion import ingest
from subscribers.models import ApiKey
from subscribers.models.api_key import Scope
from subscribers.services.storage import leased_bucket
from subscribers.services.workspaces import api_keys
from tests.support.calling import BULK, Caller, Django, Reply, answer_of

if TYPE_CHECKING:
    from wsgiref.types import StartResponse

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
# Told apart by nature, or counted down.
OWN_HEADERS = {"X-Request-Id", "RateLimit-Remaining", "Content-Length"}


class Beyond:
    """Django, which counts what reaches it."""

    def __init__(self) -> None:
        self.django = Django()
        self.reached = 0

    def __call__(self, environ: dict[str, Any], start_response: "StartResponse") -> Iterable[bytes]:
        self.reached += 1
        return self.django(environ, start_response)


@pytest.fixture
def beyond() -> Beyond:
    return Beyond()


def post(caller: Caller, beyond: Beyond, body: object, path: str = BULK, **headers: str) -> Reply:
    """Send a request to the layer with Django behind it."""
    given = {
        "Authorization": f"Bearer {caller.key}",
        "Content-Type": "application/json",
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return answer_of(express.ExpressLane(beyond), "POST", path, raw, headers=given)


def ordinary(**fields: object) -> dict[str, object]:
    return {"email": "a@example.com", "events": [{"name": "a"}], **fields}


@pytest.fixture
def known(caller: Caller) -> Caller:
    """An application whose key, names and person the process knows."""
    caller.bulk({"name": "a"})
    caller.bulk({"name": "a"})
    return caller


def test_ordinary_requests_do_not_reach_django(known: Caller, beyond: Beyond) -> None:
    replies = [
        post(known, beyond, ordinary()),
        post(known, beyond, ordinary(email="new@example.com")),
        post(known, beyond, ordinary(events=[{"name": "a"}, {"name": ""}])),
        post(known, beyond, ordinary(firstName="Ada", customAttributes={"plan": "pro"})),
    ]

    assert [reply.status for reply in replies] == [200, 200, 207, 200]
    assert [reply.json["subscriber"]["created"] for reply in replies] == [False, True, False, False]
    assert beyond.reached == 0
    assert Event.objects.count() == 6


@pytest.mark.parametrize(
    ("body", "path", "headers", "status"),
    [
        (ordinary(), BULK + "?dryRun=true", {}, 200),
        (ordinary(), BULK + "?dryRun=maybe", {}, 400),
        (ordinary(), BULK, {"Idempotency_Key": "1"}, 200),
        (ordinary(), BULK, {"Content_Type": "text/plain"}, 415),
        (ordinary(), BULK, {"Authorization": "Bearer cue_0123456789_" + "x" * 40}, 401),
        (ordinary(), BULK, {"Authorization": ""}, 401),
        (ordinary(), BULK, {"Host": "evil.example"}, 400),
        (ordinary(events=[]), BULK, {}, 400),
        (ordinary(events=[{"name": ""}]), BULK, {}, 400),
        (ordinary(email="nobody"), BULK, {}, 400),
        (ordinary(events=[{"name": "new"}]), BULK, {}, 200),
        (ordinary(events=[{"name": "a", "eventId": "1"}] * 2), BULK, {}, 200),
        (ordinary(events=[{"name": "a", "occurredAt": "2026-01-31T09:30:00Z"}]), BULK, {}, 200),
        ({"externalId": "nobody", "events": [{"name": "a"}]}, BULK, {}, 404),
        ([], BULK, {}, 400),
        (b"{", BULK, {}, 400),
        (b"", BULK, {}, 400),
    ],
)
def test_anything_else_is_django_s_to_answer(
    known: Caller, beyond: Beyond, body: object, path: str, headers: dict[str, str], status: int
) -> None:
    reply = post(known, beyond, body, path, **headers)

    assert (reply.status, beyond.reached) == (status, 1)


def test_nobody_can_tell_who_answered(
    known: Caller, beyond: Beyond, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings.RATE_LIMIT = 1000
    settings.SECURE_HSTS_SECONDS = 0
    caplog.set_level(logging.INFO, "cueline.request")
    mine, longest = {"X_Request_Id": "mine"}, "x" * 64

    short = post(known, beyond, ordinary(), **mine)
    given = {"events": [{"name": "a", "eventId": longest}] * 2}
    long = post(known, beyond, ordinary(**given), **mine)

    assert beyond.reached == 1
    ours, theirs = [
        {name: value for name, value in reply.headers.items() if name not in OWN_HEADERS}
        for reply in (short, long)
    ]
    assert ours == theirs
    assert short.headers["X-Request-Id"] == long.headers["X-Request-Id"] == "mine"
    assert short.json["subscriber"] == long.json["subscriber"]
    assert short.json["events"][0].keys() == long.json["events"][0].keys()
    assert [record.getMessage() for record in caplog.records][-2:] == ["POST events-bulk 200"] * 2


@pytest.mark.parametrize("is_express", [True, False])
def test_a_setting_leaves_it_out(beyond: Beyond, settings: Settings, is_express: bool) -> None:
    settings.EXPRESS = is_express

    assert isinstance(layered(beyond), express.ExpressLane) is is_express


def test_hsts_is_sent_where_django_would(known: Caller, beyond: Beyond, settings: Settings) -> None:
    settings.SECURE_HSTS_SECONDS = 60

    reply = post(known, beyond, ordinary())

    assert reply.headers["Strict-Transport-Security"] == "max-age=60; includeSubDomains; preload"


def test_a_revoked_key_stops_at_the_next_request(known: Caller, beyond: Beyond) -> None:
    before = Event.objects.count()

    api_keys.revoke(api_key=ApiKey.objects.get(), now=datetime.now(tz=UTC))
    reply = post(known, beyond, ordinary())

    assert (reply.status, beyond.reached) == (401, 1)
    assert Event.objects.count() == before


def test_a_key_that_expired_meanwhile_is_refused(caller: Caller, beyond: Beyond) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        ends = NOON + timedelta(minutes=1)
        made = api_keys.create(workspace=caller.workspace, name="brief", expires_at=ends)
        brief = Caller(workspace=caller.workspace, key=made.text)
        brief.bulk({"name": "a"})
        assert post(brief, beyond, ordinary()).status == 200
        clock.shift(timedelta(minutes=1))

        reply = post(brief, beyond, ordinary())

    assert reply.status == 401


def test_a_key_without_the_scope_is_refused(caller: Caller, beyond: Beyond) -> None:
    made = api_keys.create(workspace=caller.workspace, name="reader", scopes=[Scope.ACCOUNT_READ])
    reader = Caller(workspace=caller.workspace, key=made.text)
    reader.get("/api/v1/account")

    assert post(reader, beyond, ordinary()).status == 403


def test_a_request_counts_once_whoever_answers_it(
    known: Caller, beyond: Beyond, settings: Settings
) -> None:
    leased_bucket.forget_leases()
    settings.RATE_LIMIT = 4
    handed_on = ordinary(events=[{"name": uuid.uuid4().hex}])

    with time_machine.travel(NOON, tick=False):
        replies = [post(known, beyond, body) for body in (ordinary(), handed_on) * 3]

    assert [reply.status for reply in replies] == [200] * 4 + [429] * 2
    assert replies[4].headers["Retry-After"]
    leased_bucket.forget_leases()


def test_a_fault_of_ours_is_told_and_not_tried_twice(
    known: Caller, beyond: Beyond, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(ingest, "record_fast", fail)

    reply = post(known, beyond, ordinary(), X_Request_Id="mine")

    assert (reply.status, reply.code, beyond.reached) == (500, "INTERNAL", 0)
    assert reply.json["requestId"] == "mine"
