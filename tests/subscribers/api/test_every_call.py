"""Every declared call: as the document says, with every scope, key and foreign id."""

import json
import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from events.models import Enrollment
from subscribers import tasks
from subscribers.api.inputs import schema_of
from subscribers.models.api_key import Scope
from subscribers.services.workspaces import api_keys
from tests import factories
from tests.subscribers.api.test_document import answer_schema, assert_fits
from tests.support.calling import Caller, Reply, answer_of, application
from tests.support.every_call import JSON, KnownCall, World, every_call
from tests.support.resources import PEOPLE, done, send
from tests.support.sequence_making import make_sequence
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
    world: World, known: KnownCall, caplog: pytest.LogCaptureFixture
) -> None:
    own = known.call.scope
    # A key that gives, changes or revokes keys needs what they have.
    gives_more = own is Scope.API_KEYS_MANAGE and known.method != "GET"
    made = api_keys.create(
        workspace=world.caller.workspace, name="own", scopes=None if gives_more else [own]
    )

    own_key = Caller(world.caller.workspace, made.text)
    # An answer that holds a key is not kept.
    is_repeatable = known.method == "POST" and known.name != "POST api-keys"
    headers = {"Idempotency_Key": "once"} if is_repeatable else {}

    caplog.clear()
    reply = world.make(known, by=own_key, **headers)

    assert reply.status == 200, reply.json
    assert reply.json["success"] is True
    audited = [vars(each) for each in caplog.records if each.name == "cueline.audit"]
    names = {"request_id": reply.headers["X-Request-Id"], "api_key": made.api_key.prefix}
    assert [each.items() >= names.items() for each in audited] == [True] * known.call.does_write
    if is_repeatable:
        again = world.make(known, by=own_key, **headers)
        assert (again.headers["Idempotency-Replayed"], again.json) == ("true", reply.json)
    assert_fits(reply.json, answer_schema(known.description, 200))
    if (row := row_of(known.name)) in ROWS:
        assert_has_shape(reply, row)


def test_the_preset_that_reads_makes_the_calls_that_read_and_no_other(world: World) -> None:
    made = done(world.caller.post("/api/v1/api-keys", {"name": "Report", "preset": "read_only"}))
    reader = Caller(world.caller.workspace, made["apiKey"]["key"])

    refused = {each.name for each in every_call() if world.make(each, by=reader).status == 403}

    writing = {each.name for each in every_call() if each.call.does_write}
    # To see keys is to manage them.
    assert refused == {*writing, "GET api-keys"}


def tried(world: World, known: KnownCall, body: bytes) -> Reply:
    """Return what a call answers, and take back what it did."""
    with transaction.atomic():
        reply = world.caller.send(known.method, world.path(known), body, headers=JSON)
        transaction.set_rollback(True)
    return reply


def without_ids_and_times(reply: Reply) -> str:
    """Return an answer without what differs between two of the same request."""
    differs = r"\w+_[0-9a-f]{32}|cue_\w+|\d{4}-\d\d-\d\dT[\d:.]+Z|[0-9a-f-]{36}"
    body = {name: each for name, each in reply.json.items() if name != "requestId"}
    return f"{reply.status} {re.sub(differs, '…', json.dumps(body))}"


BODIES = [pytest.param(each, id=each.name) for each in every_call() if each.call.body]


@pytest.mark.parametrize("known", BODIES)
def test_without_a_body_nothing_is_given(world: World, known: KnownCall) -> None:
    assert known.call.body is not None
    empty, nothing = tried(world, known, b"{}"), tried(world, known, b"")

    if "required" in schema_of(known.call.body):
        assert (nothing.status, nothing.code) == (400, "INVALID_JSON")
    else:
        assert without_ids_and_times(nothing) == without_ids_and_times(empty)


# Where null has a meaning of its own.
NULL_SPEAKS = {
    "PUT sync-rules": {"syncRules"},
    "PATCH subscribers/{email}": {
        "email", "externalId", "firstName", "lastName", "timezone", "customAttributes", "status",
        "tags",
    },
}  # fmt: skip


@pytest.mark.parametrize("known", BODIES)
def test_null_is_not_given(world: World, known: KnownCall) -> None:
    assert known.call.body is not None
    example: dict[str, Any] = known.example or {}
    speaks = NULL_SPEAKS.get(row_of(known.name), set())
    names = [each.wire_name for each in known.call.body.fields if not each.is_needed]

    for name in sorted({*names} - speaks):
        absent = {each: value for each, value in example.items() if each != name}
        left_out = tried(world, known, json.dumps(absent).encode())
        is_null = tried(world, known, json.dumps({**absent, name: None}).encode())
        assert without_ids_and_times(is_null) == without_ids_and_times(left_out), name


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


# Of each call that can let somebody into a sequence, a body that does.
NEW, KNOWN = {"email": "new@example.com"}, {"emails": ["eve@example.com"]}
STARTING: dict[str, dict[str, Any]] = {
    "POST subscribers": NEW,
    "POST subscribers/imports": {"subscribers": [NEW], "enrollInSequences": True},
    "PATCH subscribers/{email}": {"tags": ["vip"]},
    "POST subscribers/tags": {**NEW, "tag": "vip"},
    "POST subscribers/tags/bulk": {**NEW, "tags": ["vip"]},
    "POST subscribers/tags/remove": {**NEW, "tag": "vip"},
    "POST subscribers/bulk/tags/add": {**KNOWN, "tags": ["vip"], "triggerAutomations": True},
    "POST lists/{list_id}/subscribers": {"emails": ["new@example.com"]},
    "POST sequences/{sequence_id}/enroll": KNOWN,
}


@pytest.mark.parametrize("is_test", [True, False])
def test_every_enrollment_that_a_test_key_begins_is_a_test(world: World, *, is_test: bool) -> None:
    workspace = world.caller.workspace
    factories.SubscriberFactory.create(workspace=workspace, email="eve@example.com")
    make_sequence(workspace, trigger="tag_added", tagNames=["vip"])
    make_sequence(workspace, trigger="contact_added", listScope="any_contact")
    made = api_keys.create(workspace=workspace, name="staging", is_test=is_test)
    by = Caller(workspace, made.text)
    before = set(Enrollment.objects.values_list("pk", flat=True))

    for known in every_call():
        if not known.call.does_write:
            continue
        with transaction.atomic():
            body = STARTING.get(row_of(known.name), known.example)
            done(send(by, known.method, world.path(known), body))
            while tasks.carry_on_imports():
                pass
            began = Enrollment.objects.exclude(pk__in=before)
            marks = set(began.values_list("is_test", flat=True))
            transaction.set_rollback(True)
        assert marks == ({is_test} if row_of(known.name) in STARTING else set()), known.name
