"""Every address of the admin is asked by everybody and with everything: read `admin_walk`."""

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.test import Client

from subscribers.models import ApiKey, Subscriber, Workspace
from subscribers.services.consent import unsubscribing
from tests.config.test_roles import with_role
from tests.support.admin_walk import (
    Address,
    World,
    addresses,
    asked_of,
    changed,
    digests,
    make_world,
)

pytestmark = pytest.mark.django_db
# Shown, sent on, not with these rights or for nobody, only by POST.
ANSWERS = {200, 302, 403, 405}


@pytest.fixture
def world() -> World:
    return make_world()


def secrets() -> list[str]:
    """Return what no page shows: hashes, tokens and keys."""
    people = list(Subscriber.objects.all())
    found = [
        settings.SECRET_KEY,
        *ApiKey.objects.values_list("key_hash", flat=True),
        *(each.webhook_secret[6:] for each in Workspace.objects.all()),
        *Workspace.objects.values_list("address_hash_key", flat=True),
        *(each.unsubscribe_token for each in people),
        *(unsubscribing.link_token(each) for each in people),
        *Session.objects.values_list("session_key", flat=True),
        *User.objects.values_list("password", flat=True),
    ]
    return [each for each in found if each]


def text_of(client: Client, address: Address, world: World) -> str:
    """Open a page and return its text."""
    answer = client.get(address.path, asked_of(world, address))
    assert answer.status_code in ANSWERS, f"{address}: {answer.status_code}"
    content = b"".join(answer) if answer.streaming else answer.content
    return content.decode() + str(answer.headers)


def test_a_get_changes_nothing_and_shows_no_secret(client: Client, world: World) -> None:
    client.force_login(User.objects.get(username="ada"))
    before, hidden = digests(), secrets()

    shown = []
    for address in addresses(world):
        text = text_of(client, address, world)
        shown += [str(address) for secret in hidden if secret in text]

    assert len(hidden) > 7
    assert shown == []
    assert changed(before, digests()) == []


def test_a_viewer_changes_nothing_and_sees_no_secret(world: World) -> None:
    client = with_role("viewer")
    before, hidden = digests(), secrets()

    shown = []
    for address in addresses(world):
        text = text_of(client, address, world)
        client.post(address.path, {"reason": "because", **asked_of(world, address)})
        shown += [str(address) for secret in hidden if secret in text]

    assert shown == []
    assert changed(before, digests()) == []
