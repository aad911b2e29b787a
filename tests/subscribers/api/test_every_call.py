"""Every declared call: as the document says, with every scope, key and foreign id."""

from datetime import timedelta

import pytest
from django.utils import timezone

from subscribers.models import ApiKey
from subscribers.models.api_key import Scope
from subscribers.services.workspaces import api_keys
from tests.subscribers.api.test_document import answer_schema, assert_fits
from tests.support.calling import Caller
from tests.support.every_call import KnownCall, World, every_call
from tests.support.resources import PEOPLE

pytestmark = pytest.mark.django_db
CALLS = [pytest.param(each, id=each.name) for each in every_call()]


@pytest.fixture
def world(caller: Caller) -> World:
    return World(caller)


def key_of(caller: Caller) -> ApiKey:
    return ApiKey.objects.get(prefix=caller.key.rpartition("_")[0])


@pytest.mark.parametrize("known", CALLS)
def test_it_answers_as_the_document_says(world: World, known: KnownCall) -> None:
    reply = world.make(known)

    assert reply.status == 200, reply.json
    assert reply.json["success"] is True
    assert_fits(reply.json, answer_schema(known.description, 200))


@pytest.mark.parametrize("known", CALLS)
def test_it_needs_its_scope_and_no_other(world: World, known: KnownCall) -> None:
    """Every other scope together is not enough; its own alone is."""
    own = known.call.scope
    others = [scope for scope in Scope if scope is not own]
    made = api_keys.create(workspace=world.caller.workspace, name="others", scopes=others)
    refused = world.make(known, by=Caller(world.caller.workspace, made.text))
    made = api_keys.create(workspace=world.caller.workspace, name="own", scopes=[own])
    taken = world.make(known, by=Caller(world.caller.workspace, made.text))

    assert (refused.status, refused.code) == (403, "FORBIDDEN")
    assert own.value in refused.message
    # A key that gives or changes keys needs what it gives.
    gives_more = own is Scope.API_KEYS_MANAGE and known.method in {"POST", "PATCH"}
    assert taken.status == (403 if gives_more else 200)


@pytest.mark.parametrize("known", CALLS)
def test_it_takes_no_dead_key(world: World, known: KnownCall) -> None:
    now = timezone.now()
    revoked = api_keys.create(workspace=world.caller.workspace, name="revoked")
    api_keys.revoke(api_key=revoked.api_key, now=now)
    expired = api_keys.create(
        workspace=world.caller.workspace, name="expired", expires_at=now - timedelta(seconds=1)
    )

    for text in (revoked.text, expired.text, "cue_0000000000_" + "0" * 40, ""):
        reply = world.make(known, by=Caller(world.caller.workspace, text))
        assert (reply.status, reply.code) == (401, "UNAUTHORIZED")


@pytest.mark.parametrize("known", [each for each in CALLS if "{" in each.values[0].route])  # type: ignore[union-attr]
def test_it_knows_nothing_of_another_workspace(
    world: World, stranger: Caller, known: KnownCall
) -> None:
    reply = world.make(known, by=stranger)

    if known.name == "GET suppressions/{address}":
        assert reply.json["suppression"]["suppressed"] is False
        return
    assert reply.status == 404, reply.json


@pytest.mark.parametrize("known", CALLS)
def test_it_refuses_an_unknown_parameter_and_a_slash(world: World, known: KnownCall) -> None:
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


def test_what_a_test_key_makes_sends_nothing(world: World) -> None:
    made = api_keys.create(workspace=world.caller.workspace, name="test", is_test=True)

    reply = Caller(world.caller.workspace, made.text).post(
        PEOPLE, {"email": "new@example.com", "optInMode": "double_opt_in"}
    )

    assert reply.json["optIn"]["emailQueued"] is False
    assert reply.json["optIn"]["reason"] == "test_key"
