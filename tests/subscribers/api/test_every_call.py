"""Every declared call: as the document says, with every scope, key and foreign id."""

import json
from datetime import timedelta

import pytest
from django.utils import timezone

from subscribers.models.api_key import Scope
from subscribers.services.workspaces import api_keys
from tests.subscribers.api.test_document import answer_schema, assert_fits
from tests.support.calling import Caller, answer_of, application
from tests.support.every_call import JSON, KnownCall, World, every_call
from tests.support.resources import PEOPLE
from tests.support.wire_table import ROWS, assert_has_shape, row_of

pytestmark = pytest.mark.django_db
CALLS = [pytest.param(each, id=each.name) for each in every_call()]


@pytest.fixture
def world(caller: Caller) -> World:
    return World(caller)


# A world takes some time to make, so that all refusals of a call are tried in one.
@pytest.mark.parametrize("known", CALLS)
def test_it_refuses_dead_keys_other_scopes_and_what_it_does_not_know(
    world: World, stranger: Caller, known: KnownCall
) -> None:
    it_takes_no_dead_key(world, known)
    every_other_scope_together_is_not_enough(world, known)
    if "{" in known.route:
        it_knows_nothing_of_another_workspace(world, stranger, known)
    it_refuses_unknown_names_and_a_slash(world, known)


def it_takes_no_dead_key(world: World, known: KnownCall) -> None:
    now, workspace = timezone.now(), world.caller.workspace
    revoked = api_keys.create(workspace=workspace, name="revoked")
    api_keys.revoke(api_key=revoked.api_key, now=now)
    passed = now - timedelta(seconds=1)
    expired = api_keys.create(workspace=workspace, name="expired", expires_at=passed)

    for text in (revoked.text, expired.text, "cue_0000000000_" + "0" * 40, ""):
        reply = world.make(known, by=Caller(workspace, text))
        assert (reply.status, reply.code) == (401, "UNAUTHORIZED")


def every_other_scope_together_is_not_enough(world: World, known: KnownCall) -> None:
    others = [scope for scope in Scope if scope is not known.call.scope]
    made = api_keys.create(workspace=world.caller.workspace, name="others", scopes=others)

    refused = world.make(known, by=Caller(world.caller.workspace, made.text))

    assert (refused.status, refused.code) == (403, "FORBIDDEN")
    assert known.call.scope.value in refused.message


def it_knows_nothing_of_another_workspace(world: World, stranger: Caller, known: KnownCall) -> None:
    reply = world.make(known, by=stranger)

    if known.name == "GET suppressions/{address}":
        assert reply.json["suppression"]["suppressed"] is False
    else:
        assert reply.status == 404, reply.json


def it_refuses_unknown_names_and_a_slash(world: World, known: KnownCall) -> None:
    path = world.path(known)
    query = "&" if "?" in path else "?"
    unknown = world.caller.send(known.method, f"{path}{query}nonsense=1", b"", headers={})
    slash = world.caller.send(known.method, path.partition("?")[0] + "/", b"", headers={})

    assert (unknown.status, unknown.code) == (400, "VALIDATION_ERROR")
    assert "nonsense" in unknown.message
    if "{external_id}" in known.route:
        # A slash is a part of the id.
        assert slash.status in {400, 404, 405}
    else:
        assert (slash.status, slash.code) == (404, "NOT_FOUND")
        assert "slash" in slash.message
    if known.method != "GET":
        body = json.dumps({**(known.example or {}), "nonsense": 1}).encode()
        field = world.caller.send(known.method, path, body, headers=JSON)
        assert (field.status, field.code) == (400, "VALIDATION_ERROR")
        assert "nonsense" in field.message


@pytest.mark.parametrize("known", CALLS)
def test_it_answers_as_the_document_says_with_its_scope_alone(
    world: World, known: KnownCall
) -> None:
    own = known.call.scope
    # A key that gives, changes or revokes keys needs what they have.
    gives_more = own is Scope.API_KEYS_MANAGE and known.method != "GET"
    made = api_keys.create(
        workspace=world.caller.workspace, name="own", scopes=None if gives_more else [own]
    )

    reply = world.make(known, by=Caller(world.caller.workspace, made.text))

    assert reply.status == 200, reply.json
    assert reply.json["success"] is True
    assert_fits(reply.json, answer_schema(known.description, 200))
    if (row := row_of(known.name)) in ROWS:
        assert_has_shape(reply, row)


@pytest.mark.parametrize("method", ["CALL", "REQUIRED_SCOPE", "OPTIONS", "HEAD", "TRACE"])
def test_an_odd_method_is_not_allowed(caller: Caller, method: str) -> None:
    called = application(is_express=False)
    path, headers = "/api/v1/tags", {"Authorization": f"Bearer {caller.key}"}

    reply = answer_of(called, method, path, b"", headers=headers)

    assert reply.status == 405


def test_what_a_test_key_makes_sends_nothing(world: World) -> None:
    made = api_keys.create(workspace=world.caller.workspace, name="test", is_test=True)

    reply = Caller(world.caller.workspace, made.text).post(
        PEOPLE, {"email": "new@example.com", "optInMode": "double_opt_in"}
    )

    assert reply.json["optIn"]["emailQueued"] is False
    assert reply.json["optIn"]["reason"] == "test_key"
