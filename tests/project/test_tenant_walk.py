"""No endpoint answers for another workspace: every route of the URL conf is walked."""

import json
from collections.abc import Iterator

import pytest
from django.urls import URLPattern, URLResolver, get_resolver

from events.models import Event
from subscribers.models import Subscriber
from tests.support.calling import ACCOUNT, BULK, IMPORTS, SINGLE, Caller
from tests.support.every_call import as_documented, every_call

# What each route is tried with, as a stranger who knows every id of the caller's workspace.
# A route that is missing here fails the walk, so that nobody adds one without a thought.
WITHOUT_IDS = {ACCOUNT, BULK, SINGLE, IMPORTS}
# Declared calls: `tests/subscribers/api/test_every_call.py` walks them with every key and id.
DECLARED = {each.route for each in every_call()}
# They hold nothing of any workspace.
PUBLIC = {"/api/v1/openapi.json", "/api/docs", "/api/docs/"}


def api_routes() -> list[str]:
    def walk(patterns: list[URLPattern | URLResolver], prefix: str) -> Iterator[str]:
        for pattern in patterns:
            route = prefix + str(pattern.pattern)
            if isinstance(pattern, URLResolver):
                yield from walk(pattern.url_patterns, route)
            else:
                yield route

    routes = walk(get_resolver().url_patterns, "/")
    return sorted(as_documented(route) for route in routes if route.startswith("/api/"))


def test_the_walk_knows_every_route() -> None:
    assert set(api_routes()) == WITHOUT_IDS | DECLARED | PUBLIC


@pytest.mark.parametrize("route", sorted(WITHOUT_IDS))
def test_no_route_answers_without_a_key(caller: Caller, route: str) -> None:
    method = "GET" if route == ACCOUNT else "POST"

    reply = caller.send(method, route, b"{}", headers={"Authorization": ""})

    assert reply.status == 401


@pytest.mark.parametrize("route", [BULK, SINGLE, IMPORTS])
def test_a_foreign_external_id_is_nobody(caller: Caller, stranger: Caller, route: str) -> None:
    caller.bulk({"name": "mine"}, email="a@example.com", externalId="secret-id")
    event = {"name": "x", "eventId": "1", "externalId": "secret-id"}

    reply = stranger.post(route, {"externalId": "secret-id", "event": "x", "events": [event]})

    assert reply.status == (207 if route == IMPORTS else 404)
    assert Event.objects.count() == 1
    assert "a@example.com" not in json.dumps(reply.json)
    if route == IMPORTS:
        assert reply.json["failed"] == 1


@pytest.mark.parametrize("route", [BULK, SINGLE, IMPORTS])
def test_the_same_identity_in_two_workspaces_stays_apart(
    caller: Caller, stranger: Caller, route: str
) -> None:
    person = {"email": "a@example.com", "externalId": "u1"}
    caller.bulk({"name": "mine", "eventId": "1"}, customAttributes={"secret": 1}, **person)
    event = {"name": "mine", "eventId": "1", **person}

    reply = stranger.post(route, {**person, "event": "mine", "eventId": "1", "events": [event]})

    assert reply.status == 200
    assert Subscriber.objects.count() == 2
    assert Event.objects.count() == 2
    theirs = Subscriber.objects.get(workspace=stranger.workspace)
    assert theirs.attributes == {}
    assert reply.json.get("duplicate") is None


def test_the_account_is_the_key_s_own(caller: Caller, stranger: Caller) -> None:
    assert caller.get(ACCOUNT).json["workspace"]["slug"] == "acme"
    assert stranger.get(ACCOUNT).json["workspace"]["slug"] == "strangers"
