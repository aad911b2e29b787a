"""Each row of the contract's error table, and what all answers share."""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from pytest_django.fixtures import Settings

from subscribers.models import ApiKey
from subscribers.models.api_key import Scope
from subscribers.services.storage import leased_bucket
from subscribers.services.workspaces import api_keys
from tests.support.calling import ACCOUNT, BULK, IMPORTS, SINGLE, Caller, Reply

JSON = {"Content-Type": "application/json"}
GOOD = {"email": "a@example.com", "events": [{"name": "a"}]}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"nonsense",
        b"{'email': 1}",
        b'{"email": NaN}',
        b'{"email": Infinity}',
        b'{"email": -Infinity}',
        b'{"email": 1e999}',
        b'{"email": 1' + b"0" * 5000 + b"}",
        b"\xff\xfe{}",
        b'\xef\xbb\xbf{"email": "a@example.com"}',
        json.dumps(GOOD).encode("utf-16"),
        b'{"email": "\xff"}',
        b"[" * 100_000,
        b"[" * 100_000 + b"]" * 100_000,
        b'{"a":' * 21 + b"1" + b"}" * 21,
        b'{"a":[' * 10 + b"[]" + b"]}" * 10,
        b'{"email": "a@example.com"} x',
    ],
    ids=lambda body: repr(body[:20]),
)
@pytest.mark.parametrize("path", [BULK, SINGLE, IMPORTS])
def test_what_is_not_json_is_invalid_json(caller: Caller, path: str, body: bytes) -> None:
    reply = caller.post(path, body)

    assert reply.status == 400
    assert reply.code == "INVALID_JSON"


def test_twenty_levels_are_allowed(caller: Caller) -> None:
    nested: object = 1
    for _ in range(17):
        nested = {"a": nested}

    reply = caller.bulk({"name": "a", "properties": nested})

    assert reply.status == 200


def test_the_last_of_a_repeated_key_counts(caller: Caller) -> None:
    reply = caller.post(BULK, b'{"email":"x","email":"a@example.com","events":[{"name":"a"}]}')

    assert reply.status == 200


@pytest.mark.parametrize("body", [b"[]", b"1", b"null", b'"text"'])
def test_json_that_is_no_object_is_a_validation_error(caller: Caller, body: bytes) -> None:
    reply = caller.post(BULK, body)

    assert reply.status == 400
    assert reply.code == "VALIDATION_ERROR"


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Bearer",
        "Bearer ",
        "Basic abc",
        "Bearer cue_unknown",
        "Bearer cue_aaaaaaaaaa_" + "A" * 40,
    ],
)
def test_without_a_usable_key_nobody_gets_in(caller: Caller, authorization: str) -> None:
    reply = caller.post(BULK, GOOD, headers={"Authorization": authorization})

    assert reply.status == 401
    assert reply.code == "UNAUTHORIZED"
    assert reply.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize(
    "change", [str.lower, str.upper, lambda key: key[:-1], lambda key: f"{key} x"]
)
def test_a_key_that_was_changed_is_unknown(caller: Caller, change: object) -> None:
    assert callable(change)
    reply = caller.post(BULK, GOOD, headers={"Authorization": f"Bearer {change(caller.key)}"})

    assert reply.status == 401


def test_a_revoked_key_stops_at_the_next_request(caller: Caller) -> None:
    assert caller.get(ACCOUNT).status == 200
    api_keys.revoke(api_key=ApiKey.objects.get(), now=datetime.now(tz=UTC))

    assert caller.get(ACCOUNT).status == 401


def test_an_expired_key_is_refused(caller: Caller) -> None:
    ApiKey.objects.update(expires_at=datetime.now(tz=UTC) - timedelta(seconds=1))

    assert caller.get(ACCOUNT).status == 401


@pytest.mark.parametrize(
    ("scope", "path", "status"),
    [
        (Scope.ACCOUNT_READ, BULK, 403),
        (Scope.ACCOUNT_READ, SINGLE, 403),
        (Scope.ACCOUNT_READ, IMPORTS, 403),
        (Scope.EVENTS_WRITE, ACCOUNT, 403),
        (Scope.ACCOUNT_READ, ACCOUNT, 200),
        (Scope.EVENTS_WRITE, BULK, 200),
    ],
)
def test_a_key_may_only_do_what_its_scopes_say(
    caller: Caller, scope: Scope, path: str, status: int
) -> None:
    ApiKey.objects.update(scopes=[scope.value])

    reply = caller.get(path) if path == ACCOUNT else caller.post(path, GOOD)

    assert reply.status == status
    if status == 403:
        assert reply.code == "FORBIDDEN"
        assert "scope" in reply.message


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/nothing",
        "/api/v1/",
        "/api/v2/account",
        BULK + "/",
        ACCOUNT + "/",
        "/api/v1/subscribers/events/bulk/x",
    ],
)
def test_a_path_that_nobody_answers_is_not_found_and_never_redirects(
    caller: Caller, path: str
) -> None:
    reply = caller.post(path, GOOD)

    assert reply.status == 404
    assert reply.code == "NOT_FOUND"


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
def test_other_methods_are_not_allowed(caller: Caller, method: str) -> None:
    reply = caller.send(method, BULK, b"", headers={})

    assert reply.status == 405
    assert reply.code == "METHOD_NOT_ALLOWED"
    assert reply.headers["Allow"] == "POST"


def test_a_body_over_the_limit_is_too_large(caller: Caller) -> None:
    limit = 5 * 1024 * 1024
    body = json.dumps(GOOD).encode()

    fits = caller.post(BULK, body.ljust(limit))
    too_large = caller.post(BULK, body.ljust(limit + 1))

    assert fits.status == 200
    assert too_large.status == 413
    assert too_large.code == "PAYLOAD_TOO_LARGE"
    assert str(limit) in too_large.message


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": ""},
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Type": "multipart/form-data; boundary=x"},
        {"Content-Type": "application/json; charset=latin-1"},
        {"Content-Type": "application/json", "Content-Encoding": "gzip"},
        {"Content-Type": "application/json", "Content-Encoding": "br"},
    ],
)
def test_anything_but_plain_json_is_an_unsupported_media_type(
    caller: Caller, headers: dict[str, str]
) -> None:
    reply = caller.send("POST", BULK, json.dumps(GOOD).encode(), headers=headers)

    assert reply.status == 415
    assert reply.code == "UNSUPPORTED_MEDIA_TYPE"


@pytest.mark.parametrize(
    "content_type",
    ["application/json", "Application/JSON; charset=UTF-8", 'application/json;charset="utf-8"'],
)
def test_json_may_say_that_it_is_utf8(caller: Caller, content_type: str) -> None:
    body = json.dumps(GOOD).encode()

    assert caller.send("POST", BULK, body, headers={"Content-Type": content_type}).status == 200


@pytest.mark.parametrize("accept", ["text/html", "application/xml", "*/*", "nonsense"])
def test_the_answer_is_json_whatever_is_accepted(caller: Caller, accept: str) -> None:
    assert caller.post(BULK, GOOD, headers={"Accept": accept}).status == 200


@pytest.mark.parametrize(("setting", "other"), [("RATE_LIMIT", "get"), ("READ_RATE_LIMIT", "post")])
def test_beyond_the_rate_limit_a_request_waits(
    caller: Caller, settings: Settings, setting: str, other: str
) -> None:
    """Reading and writing have a limit of their own."""
    leased_bucket.forget_leases()
    setattr(settings, setting, 3)
    send: dict[str, Callable[[], Reply]] = {
        "get": lambda: caller.get(ACCOUNT),
        "post": lambda: caller.post(BULK, GOOD),
    }
    limited = send["post" if other == "get" else "get"]

    replies = [limited() for _ in range(4)]

    statuses = [reply.status for reply in replies]
    if statuses != [200, 200, 200, 429]:  # the minute changed under the test
        replies = [limited() for _ in range(4)]
    assert send[other]().status == 200
    refused = replies[-1]
    assert refused.status == 429
    assert refused.code == "RATE_LIMITED"
    assert 0 < int(refused.headers["Retry-After"]) <= 60
    assert refused.headers["RateLimit-Limit"] == "3"
    assert refused.headers["RateLimit-Remaining"] == "0"
    assert 0 < int(refused.headers["RateLimit-Reset"]) <= 60


def test_every_error_has_the_same_shape(caller: Caller) -> None:
    replies = [
        caller.post(BULK, b"{"),
        caller.post(BULK, {}),
        caller.post(BULK, GOOD, headers={"Authorization": "x"}),
        caller.post("/api/v1/nothing", GOOD),
        caller.get(BULK),
        caller.post(BULK, GOOD, headers={"Content-Type": "text/plain"}),
        caller.bulk({"name": "a"}, externalId="nobody"),
    ]

    for reply in replies:
        assert reply.json["success"] is False
        assert reply.json["requestId"] == reply.headers["X-Request-Id"]
        assert reply.code == reply.code.upper()
        assert reply.message.endswith((".", ")"))
        assert reply.headers["Content-Type"].startswith("application/json")


@pytest.mark.parametrize("given", ["abc", "A.b_c-9", "x" * 64])
def test_a_well_formed_request_id_is_kept(caller: Caller, given: str) -> None:
    reply = caller.post(BULK, GOOD, headers={"X-Request-Id": given})

    assert reply.headers["X-Request-Id"] == given


@pytest.mark.parametrize("given", ["", "x" * 65, "a b", "a/b", "é", "a;b"])
def test_any_other_request_id_is_replaced(caller: Caller, given: str) -> None:
    reply = caller.post(BULK, GOOD, headers={"X-Request-Id": given})

    assert re.fullmatch("req_[0-9a-f]{32}", reply.headers["X-Request-Id"])
