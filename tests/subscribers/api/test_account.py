"""`GET /account`."""

from subscribers.models import ApiKey
from tests.support.calling import ACCOUNT, Caller


def test_the_account_names_workspace_and_key(caller: Caller) -> None:
    reply = caller.get(ACCOUNT)

    key = ApiKey.objects.get()
    assert reply.status == 200
    assert reply.json["success"] is True
    assert reply.json["currentCompanyId"] == f"wsp_{caller.workspace.pk.hex}"
    assert reply.json["companies"][0]["name"] == "Acme"
    assert reply.json["workspace"]["slug"] == "acme"
    permissions = reply.json["apiKeyPermissions"]
    assert permissions["fullAccess"] is True
    assert permissions["scopes"] is None
    assert permissions["activeKey"]["prefix"] == key.prefix
    assert permissions["activeKey"]["type"] == "company"
    assert caller.key not in str(reply.json)


def test_scopes_are_answered(caller: Caller) -> None:
    ApiKey.objects.update(scopes=["account:read"])

    permissions = caller.get(ACCOUNT).json["apiKeyPermissions"]

    assert permissions["scopes"] == ["account:read"]
    assert permissions["fullAccess"] is False


def test_the_use_of_a_key_is_noted(caller: Caller) -> None:
    caller.get(ACCOUNT)
    first = ApiKey.objects.get().last_used_at

    caller.get(ACCOUNT)

    assert first is not None
    assert ApiKey.objects.get().last_used_at == first
