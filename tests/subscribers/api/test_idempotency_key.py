"""`Idempotency-Key`: the first answer, kept and given again."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from events.models import Event
from subscribers.models import ApiKey, IdempotentRequest
from subscribers.services import retention
from subscribers.services.admission import idempotency
from subscribers.services.workspaces import api_keys
from tests.support.calling import BULK, SINGLE, Caller, Reply
from tests.support.sequence_making import make_sequence

GOOD = {"email": "a@example.com", "events": [{"name": "a"}]}


def send(caller: Caller, body: object = GOOD, *, key: str = "k1", path: str = BULK) -> Reply:
    return caller.post(path, body, headers={"Idempotency-Key": key})


def test_a_repeat_gets_the_first_answer_and_does_nothing(caller: Caller) -> None:
    first = send(caller)

    second = send(caller)

    assert second.status == 200
    assert second.json == first.json
    assert second.headers["Idempotency-Replayed"] == "true"
    assert "Idempotency-Replayed" not in first.headers
    assert second.headers["X-Request-Id"] != first.headers["X-Request-Id"]
    assert Event.objects.count() == 1


def test_a_partial_success_is_kept(caller: Caller) -> None:
    body = {"email": "a@example.com", "events": [{"name": "a"}, {"name": ""}]}

    statuses = [send(caller, body).status for _ in range(2)]

    assert statuses == [207, 207]
    assert Event.objects.count() == 1


def test_an_unknown_subscriber_and_a_conflict_are_kept(caller: Caller) -> None:
    caller.bulk({"name": "a"}, email="a@example.com", externalId="u1")
    unknown = {"externalId": "u9", "events": [{"name": "a"}]}
    conflict = {"email": "a@example.com", "externalId": "u2", "events": [{"name": "a"}]}

    replies = [
        send(caller, body, key=key)
        for key, body in [("1", unknown), ("1", unknown), ("2", conflict), ("2", conflict)]
    ]

    assert [reply.status for reply in replies] == [404, 404, 409, 409]
    assert [reply.headers.get("Idempotency-Replayed") for reply in replies] == [
        None,
        "true",
        None,
        "true",
    ]


def test_a_wrong_request_is_not_kept(caller: Caller) -> None:
    wrong = {"email": "broken", "events": [{"name": "a"}]}
    assert send(caller, wrong).status == 400

    assert send(caller, GOOD).status == 200


def test_a_failure_of_every_event_is_not_kept(caller: Caller) -> None:
    too_long = {
        "email": "a@example.com",
        "customAttributes": {"a": "x" * 40_000},
        "events": [{"name": "a"}],
    }
    caller.post(BULK, {**too_long, "customAttributes": {"b": "x" * 40_000}})

    assert send(caller, too_long).status == 400
    assert not IdempotentRequest.objects.exists()


def test_the_same_key_with_another_body_is_a_mismatch(caller: Caller) -> None:
    send(caller)

    reply = send(caller, {**GOOD, "firstName": "Ann"})

    assert reply.status == 422
    assert reply.code == "IDEMPOTENCY_MISMATCH"


def test_the_same_key_on_another_path_is_another_request(caller: Caller) -> None:
    send(caller)

    reply = send(caller, {"email": "a@example.com", "event": "a"}, path=SINGLE)

    assert reply.status == 200
    assert Event.objects.count() == 2


def test_the_same_key_in_another_workspace_is_another_request(
    caller: Caller, stranger: Caller
) -> None:
    send(caller)

    reply = send(stranger)

    assert "Idempotency-Replayed" not in reply.headers
    assert reply.json["subscriber"]["created"] is True


def test_the_same_key_from_another_api_key_is_another_request(caller: Caller) -> None:
    made = api_keys.create(workspace=caller.workspace, name="staging", is_test=True)
    tester = Caller(workspace=caller.workspace, key=made.text)
    body = {"email": "a@example.com", "events": [{"name": "signup"}]}
    make_sequence(caller.workspace)

    tried = send(tester, body)
    live = send(caller, body)
    other_body = send(caller, {**body, "firstName": "Ada"}, key="k2")
    again = send(tester, body, key="k2")

    assert [reply.status for reply in (tried, live, other_body, again)] == [200] * 4
    assert "Idempotency-Replayed" not in live.headers
    assert live.json["events"][0]["id"] != tried.json["events"][0]["id"]
    assert send(tester, body).json == tried.json
    assert send(caller, body).json == live.json


def test_while_the_first_request_runs_a_repeat_is_asked_to_wait(caller: Caller) -> None:
    send(caller)
    IdempotentRequest.objects.update(status=None)

    reply = send(caller)

    assert reply.status == 409
    assert reply.code == "IDEMPOTENCY_IN_PROGRESS"
    assert 0 < int(reply.headers["Retry-After"]) <= 60


def test_a_repeat_while_the_first_gives_up_is_asked_to_wait(caller: Caller) -> None:
    send(caller)

    def release_before_reading(execute: Any, sql: str, *given: Any) -> Any:
        if sql.startswith("SELECT") and "idempotentrequest" in sql:
            IdempotentRequest.objects.all().delete()
        return execute(sql, *given)

    with connection.execute_wrapper(release_before_reading):
        reply = send(caller)

    assert (reply.status, reply.code) == (409, "IDEMPOTENCY_IN_PROGRESS")
    assert send(caller).status == 200


@pytest.mark.parametrize(
    "left", [timedelta(seconds=-1), timedelta(hours=3)], ids=["over", "by a clock that was ahead"]
)
def test_when_the_first_died_a_repeat_takes_over_after_its_lease(
    caller: Caller, left: timedelta
) -> None:
    send(caller)
    IdempotentRequest.objects.update(status=None, lease_expires_at=datetime.now(tz=UTC) + left)

    reply = send(caller)

    assert reply.status == 200
    assert "Idempotency-Replayed" not in reply.headers


def test_who_lost_the_lease_cannot_store_an_answer(caller: Caller) -> None:
    now = datetime.now(tz=UTC)
    scope = idempotency.RequestScope(
        api_key=ApiKey.objects.get(), method="POST", path="/x", key="k"
    )
    first = idempotency.reserve(scope=scope, body=b"", retention=timedelta(hours=1), now=now)
    later = now + timedelta(seconds=61)
    second = idempotency.reserve(scope=scope, body=b"", retention=timedelta(hours=1), now=later)
    assert isinstance(first, idempotency.Reservation)
    assert isinstance(second, idempotency.Reservation)

    with pytest.raises(idempotency.RequestInProgress):
        first.keep(status=200, body=b"{}")

    second.keep(status=201, body=b"{}")
    assert IdempotentRequest.objects.get().status == 201


def test_after_its_retention_a_key_is_new_again(caller: Caller) -> None:
    send(caller)
    IdempotentRequest.objects.update(expires_at=datetime.now(tz=UTC) - timedelta(seconds=1))

    reply = send(caller, {**GOOD, "firstName": "Ann"})

    assert reply.status == 200
    assert Event.objects.count() == 2


def test_expired_answers_are_purged(caller: Caller) -> None:
    send(caller)
    now = datetime.now(tz=UTC)

    kept = retention.purge_expired(now=now)
    purged = retention.purge_expired(now=now + timedelta(hours=25))

    assert (kept, purged) == (0, 1)


@pytest.mark.parametrize("key", ["", "x" * 256])
def test_a_key_of_a_wrong_length_is_refused(caller: Caller, key: str) -> None:
    reply = send(caller, key=key)

    assert reply.status == 400
    assert "255" in reply.message


def test_a_key_of_255_characters_is_taken(caller: Caller) -> None:
    assert send(caller, key="x" * 255).status == 200
