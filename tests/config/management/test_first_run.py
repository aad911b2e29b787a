"""What the first `up` makes, and when there is nothing to make."""

import errno

import pytest
from django.utils import timezone

from config.management import first_run
from subscribers.models import ApiKey, Workspace
from subscribers.services.workspaces import api_keys, workspaces
from tests import factories

pytestmark = pytest.mark.django_db


def made_key() -> ApiKey:
    """Return the key that is made now."""
    text = first_run.make_what_is_missing().api_key
    assert text is not None
    found = api_keys.find_usable(text=text, now=timezone.now())
    assert found is not None
    return found


def make_demo(*, slug: str = "demo") -> Workspace:
    """Make what marks a demo: its import, and keys whose texts nobody has."""
    run = factories.ImportRunFactory.create(workspace__slug=slug, actor="seed_demo")
    api_keys.create(workspace=run.workspace, name="Website")
    return run.workspace


def test_an_empty_database_gets_an_admin_and_a_key_once() -> None:
    first = first_run.make_what_is_missing()
    second = first_run.make_what_is_missing()

    assert first.password
    assert first.api_key
    assert (second.password, second.api_key) == (None, None)
    assert Workspace.objects.get().slug == "default"


def test_what_cannot_be_kept_is_not_made() -> None:
    def fail(_: first_run.Made) -> None:
        raise OSError(errno.ENOSPC, "full")

    with pytest.raises(OSError, match="full"):
        first_run.make_what_is_missing(keep=fail)

    assert first_run.make_what_is_missing().password


def test_after_the_demo_there_is_a_workspace_of_one_s_own_with_a_key() -> None:
    make_demo()

    key = made_key()

    assert (key.workspace.slug, key.name) == ("default", "First key")
    assert first_run.make_what_is_missing().api_key is None


def test_a_demo_in_the_default_workspace_gets_one_key_too() -> None:
    demo = make_demo(slug="default")

    assert made_key().workspace == demo
    assert first_run.make_what_is_missing().api_key is None


def test_a_workspace_without_a_key_does_not_keep_the_first_key_away() -> None:
    workspaces.create(name="Acme")

    assert made_key().workspace.slug == "default"


def test_an_installation_with_a_key_gets_no_other_even_when_it_is_revoked() -> None:
    key = api_keys.create(workspace=workspaces.create(name="Acme"), name="app").api_key
    api_keys.revoke(api_key=key, now=timezone.now())

    assert first_run.make_what_is_missing().api_key is None
    assert ApiKey.objects.get() == key
