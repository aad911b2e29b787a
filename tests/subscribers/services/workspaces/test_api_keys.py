"""A cached key is checked at each request."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from subscribers.models import ApiKey, Workspace
from subscribers.models.api_key import Scope
from subscribers.services.workspaces import api_keys, workspaces


def find(text: str) -> ApiKey | None:
    """Look a key up as a request does."""
    return api_keys.find_usable(text=text, now=timezone.now())


@pytest.fixture
def created(workspace: Workspace) -> api_keys.CreatedKey:
    """A key that this process has seen already."""
    created = api_keys.create(workspace=workspace, name="app", scopes=[Scope.ACCOUNT_READ])
    assert find(created.text)
    return created


def test_a_known_key_costs_one_short_query(created: api_keys.CreatedKey) -> None:
    with CaptureQueriesContext(connection) as queries:
        found = find(created.text)

    assert found == created.api_key
    assert len(queries) == 1


def test_a_revoked_key_is_refused_at_once(created: api_keys.CreatedKey) -> None:
    api_keys.revoke(api_key=created.api_key, now=timezone.now())

    assert find(created.text) is None


def test_a_deleted_key_is_refused_at_once(created: api_keys.CreatedKey) -> None:
    created.api_key.delete()

    assert find(created.text) is None


def test_a_known_key_expires(workspace: Workspace) -> None:
    soon = timezone.now() + timedelta(minutes=1)
    created = api_keys.create(workspace=workspace, name="app", expires_at=soon)
    assert find(created.text)

    assert api_keys.find_usable(text=created.text, now=soon) is None


def test_the_right_prefix_with_another_secret_is_refused(created: api_keys.CreatedKey) -> None:
    assert find(created.text[:-1] + ("a" if created.text[-1] != "a" else "b")) is None
    assert find(created.text)


def test_a_renamed_key_and_a_changed_workspace_are_seen_at_once(
    created: api_keys.CreatedKey, workspace: Workspace
) -> None:
    created.api_key.name = "shop"
    api_keys.save(api_key=created.api_key)
    workspace.double_opt_in = True
    workspaces.save(changed=workspace)

    found = find(created.text)

    assert found is not None
    assert found.name == "shop"
    assert found.workspace.double_opt_in is True


def test_the_use_is_noted_once_in_five_minutes(created: api_keys.CreatedKey) -> None:
    now = timezone.now()
    found = find(created.text)
    assert found is not None

    api_keys.note_use(api_key=found, now=now)
    api_keys.note_use(api_key=found, now=now + timedelta(minutes=4))
    first = ApiKey.objects.get().last_used_at
    api_keys.note_use(api_key=found, now=now + timedelta(minutes=6))

    assert first == now
    assert ApiKey.objects.get().last_used_at == now + timedelta(minutes=6)


def test_what_is_remembered_is_bounded(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api_keys, "MOST_KEYS", 3)

    for _ in range(10):
        assert find(api_keys.create(workspace=workspace, name="app").text)

    assert len(api_keys._known) <= 3
