"""The scopes that a key can have are those that calls require."""

from collections.abc import Iterator

from django.urls import URLPattern, URLResolver, get_resolver

from subscribers.models.api_key import Scope
from subscribers.services.workspaces import api_keys
from tests.support.calling import ACCOUNT, Caller
from tests.support.every_call import every_call


def views_of(patterns: list[URLPattern | URLResolver]) -> Iterator[object]:
    """Yield the views of the patterns, of those within them, too."""
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            yield from views_of(pattern.url_patterns)
        else:
            yield getattr(pattern.callback, "cls", None)


def test_exactly_the_scopes_that_a_call_asks_for_are_offered() -> None:
    views = views_of(get_resolver().url_patterns)

    asked_for = {each.call.scope for each in every_call()} | {
        scope for view in views if isinstance(scope := getattr(view, "required_scope", None), Scope)
    }

    assert asked_for == set(Scope)


def test_a_key_with_a_scope_that_is_no_longer_offered_still_works(caller: Caller) -> None:
    made = api_keys.create(workspace=caller.workspace, name="older")
    made.api_key.scopes = ["sequences:read", "account:read"]
    made.api_key.save()
    older = Caller(workspace=caller.workspace, key=made.text)

    account = older.get(ACCOUNT)

    assert account.status == 200
    assert account.json["apiKeyPermissions"]["scopes"] == ["sequences:read", "account:read"]
    assert older.bulk({"name": "a"}).status == 403
