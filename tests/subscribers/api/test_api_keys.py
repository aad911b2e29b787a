"""`/api-keys`: a key never gives more than it has itself."""

import pytest
from django.utils import timezone

from subscribers.models import ApiKey
from subscribers.models.api_key import Scope
from subscribers.services.workspaces import api_keys
from tests.support.calling import ACCOUNT, Caller
from tests.support.resources import PEOPLE, done, path_of_fault, send

pytestmark = pytest.mark.django_db
KEYS = "/api/v1/api-keys"
READ_ONLY = ["account:read", "subscribers:read", "lists:read", "sequences:read"]


@pytest.fixture
def scoped(caller: Caller) -> Caller:
    """Return a caller that may manage keys and record events, and nothing else."""
    scopes = [Scope.API_KEYS_MANAGE, Scope.EVENTS_WRITE]
    made = api_keys.create(workspace=caller.workspace, name="scoped", scopes=scopes)
    return Caller(caller.workspace, made.text)


def test_a_key_is_made_shown_once_and_works(caller: Caller) -> None:
    made = done(caller.post(KEYS, {"name": "Shop", "scopes": ["account:read"]}))["apiKey"]
    new = Caller(caller.workspace, made["key"])

    assert done(new.get(ACCOUNT))["apiKeyPermissions"]["scopes"] == ["account:read"]
    assert new.get(PEOPLE).status == 403
    listed = done(caller.get(KEYS))["apiKeys"]
    assert {each["name"] for each in listed} >= {"Shop"}
    assert all("key" not in each for each in listed)
    assert [each["isCurrent"] for each in listed].count(True) == 1


@pytest.mark.parametrize(
    ("body", "scopes"),
    [
        ({}, None),
        ({"preset": "full_access"}, None),
        ({"scopes": None}, None),
        ({"preset": "read_only"}, READ_ONLY),
        ({"preset": "full_access", "scopes": ["events:write"]}, ["events:write"]),
    ],
)
def test_scopes_win_over_a_preset_and_the_default_is_full(
    caller: Caller, body: dict[str, object], scopes: list[str] | None
) -> None:
    made = done(caller.post(KEYS, {"name": "x", **body}))["apiKey"]

    assert made["scopes"] == scopes
    assert made["permissions"]["fullAccess"] is (scopes is None)


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"scopes": []}, "scopes"),
        ({"scopes": ["sequences:fly"]}, "scopes[0]"),
        ({"scopes": "events:write"}, "scopes"),
        # Each needs scopes that are not here.
        ({"preset": "agent_safe"}, "preset"),
        ({"preset": "ai_drafting"}, "preset"),
        ({"preset": "data_ingest_automations"}, "preset"),
        ({"preset": "marketing_sender"}, "preset"),
        ({"preset": "transactional_sender"}, "preset"),
        ({"preset": "read_only", "scopes": None}, "scopes"),
        ({"name": ""}, "name"),
        ({"expiresAt": "2020-01-01"}, "expiresAt"),
    ],
)
def test_a_faulty_key_is_refused(caller: Caller, body: dict[str, object], path: str) -> None:
    before = ApiKey.objects.count()

    assert path_of_fault(caller.post(KEYS, body)) == path
    assert ApiKey.objects.count() == before


def test_null_changes_nothing_of_a_key(caller: Caller, scoped: Caller) -> None:
    own = ApiKey.objects.get(name="scoped")
    nothing = {"name": None, "preset": None}

    done(send(caller, "PATCH", f"{KEYS}/key_{own.pk.hex}", nothing))

    own.refresh_from_db()
    assert (own.name, own.scopes) == ("scoped", ["api_keys:manage", "events:write"])


def test_a_change_of_a_key_that_somebody_changed_is_refused(caller: Caller) -> None:
    path = f"{KEYS}/{done(caller.post(KEYS, {'name': 'Shop'}))['apiKey']['id']}"
    seen = {each["name"]: each["etag"] for each in done(caller.get(KEYS))["apiKeys"]}
    done(send(caller, "PATCH", path, {"name": "Store"}, If_Match=seen["Shop"]))

    late = send(caller, "PATCH", path, {"name": "Kiosk"}, If_Match=seen["Shop"])

    assert (late.status, late.code) == (412, "PRECONDITION_FAILED")
    assert not ApiKey.objects.filter(name="Kiosk").exists()


@pytest.mark.parametrize(
    "body", [{}, {"scopes": None}, {"preset": "full_access"}, {"scopes": ["account:read"]}]
)
def test_a_key_gives_no_more_than_it_has(scoped: Caller, body: dict[str, object]) -> None:
    own = ApiKey.objects.get(name="scoped")

    made = scoped.post(KEYS, {"name": "more", **body})
    changed = send(scoped, "PATCH", f"{KEYS}/key_{own.pk.hex}", body or {"scopes": None})

    assert [(made.status, made.code), (changed.status, changed.code)] == [(403, "FORBIDDEN")] * 2
    own.refresh_from_db()
    assert own.scopes == ["api_keys:manage", "events:write"]
    assert not ApiKey.objects.filter(name="more").exists()


def test_a_key_does_not_touch_one_that_may_do_more(caller: Caller, scoped: Caller) -> None:
    full = ApiKey.objects.exclude(name="scoped").get()

    reply = send(scoped, "PATCH", f"{KEYS}/key_{full.pk.hex}", {"scopes": ["events:write"]})

    assert (reply.status, reply.code) == (403, "FORBIDDEN")
    full.refresh_from_db()
    assert full.scopes is None


def test_a_stored_key_without_scopes_may_do_nothing(caller: Caller, scoped: Caller) -> None:
    ApiKey.objects.filter(name="scoped").update(scopes=[])

    assert [scoped.get(path).status for path in (KEYS, ACCOUNT, PEOPLE)] == [403] * 3
    assert scoped.bulk({"name": "a"}).status == 403


def test_a_key_with_an_older_word_can_be_renamed(caller: Caller, scoped: Caller) -> None:
    own = ApiKey.objects.get(name="scoped")
    ApiKey.objects.filter(pk=own.pk).update(scopes=["webhooks:manage", "account:read"])
    path = f"{KEYS}/key_{own.pk.hex}"

    renamed = send(caller, "PATCH", path, {"name": "old"})

    assert done(renamed)["apiKey"]["name"] == "old"
    assert renamed.json["apiKey"]["scopes"] == ["webhooks:manage", "account:read"]
    kept = send(caller, "PATCH", path, {"name": "older"}, If_Match=renamed.headers["ETag"])
    assert kept.status == 200


def test_a_key_does_not_revoke_one_that_may_do_more(caller: Caller, scoped: Caller) -> None:
    full = ApiKey.objects.exclude(name="scoped").get()

    reply = send(scoped, "DELETE", f"{KEYS}/key_{full.pk.hex}")

    assert (reply.status, reply.code) == (403, "FORBIDDEN")
    assert caller.get(KEYS).status == 200


def test_changed_scopes_hold_from_the_next_request(caller: Caller, scoped: Caller) -> None:
    assert scoped.bulk({"name": "a"}).status == 200
    own = ApiKey.objects.get(name="scoped")

    changed = done(
        send(caller, "PATCH", f"{KEYS}/key_{own.pk.hex}", {"scopes": ["account:read"], "name": "r"})
    )

    assert (changed["apiKey"]["scopes"], changed["apiKey"]["name"]) == (["account:read"], "r")
    assert scoped.bulk({"name": "a"}).status == 403
    assert scoped.get(ACCOUNT).status == 200


def test_a_revoked_key_is_refused_at_once(caller: Caller, scoped: Caller) -> None:
    own = ApiKey.objects.get(name="scoped")

    done(send(caller, "DELETE", f"{KEYS}/key_{own.pk.hex}"))

    assert scoped.get(KEYS).status == 401


def test_what_a_test_key_makes_is_a_test_key(caller: Caller) -> None:
    made = api_keys.create(workspace=caller.workspace, name="test", is_test=True)

    new = done(Caller(caller.workspace, made.text).post(KEYS, {"name": "x"}))

    assert new["apiKey"]["isTest"] is True


def test_another_workspace_s_key_is_not_there(caller: Caller, stranger: Caller) -> None:
    own = ApiKey.objects.get(workspace=caller.workspace)

    replies = [
        send(stranger, "PATCH", f"{KEYS}/key_{own.pk.hex}", {"name": "x"}),
        send(stranger, "DELETE", f"{KEYS}/key_{own.pk.hex}"),
    ]

    assert [reply.code for reply in replies] == ["NOT_FOUND"] * 2
    own.refresh_from_db()
    assert own.is_usable(at=timezone.now())


def test_a_key_is_not_kept_for_a_repetition(caller: Caller) -> None:
    reply = caller.post(KEYS, {"name": "x"}, headers={"Idempotency-Key": "1"})

    assert path_of_fault(reply) == "Idempotency-Key"
    assert not ApiKey.objects.filter(name="x").exists()
