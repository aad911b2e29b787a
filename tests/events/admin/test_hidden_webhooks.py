"""What a webhook step may hold as secrets of its receiver is shown to editors alone."""

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from config.admin_base import view_url
from config.admin_links import page_url
from events.language.steps.kinds import webhook
from subscribers.models import Workspace
from tests import factories
from tests.events.admin.test_sequence_actions import enrolled, new_version
from tests.events.admin.test_sequence_pages import compared, shown, viewer
from tests.support.sequence_making import make_sequence

pytestmark = pytest.mark.django_db


def test_values_of_headers_are_on_no_page(admin_client: Client, workspace: Workspace) -> None:
    call = {"type": "webhook", "id": "call", "url": "https://example.com/x"}
    sequence = make_sequence(workspace, {**call, "headers": {"Authorization": "Bearer secret-1"}})
    enrolled(sequence)
    new_version(sequence, {**call, "headers": {"Authorization": "Bearer secret-2"}})

    step = shown(admin_client, f"{view_url(sequence, 'step')}?number=1")
    difference = compared(admin_client, sequence, 1, 2)

    assert "Authorization: (hidden)" in step
    assert "Changed; values are hidden." in difference
    assert "secret" not in step + difference


def test_who_may_only_look_sees_the_host_of_a_webhook_alone(
    admin_client: Client, workspace: Workspace
) -> None:
    call = {"type": "webhook", "id": "call", "url": "https://example.com/secret-1?key=secret-2"}
    sequence = make_sequence(workspace, {**call, "body": '{"token": "secret-3"}'})
    enrolled(sequence)
    new_version(sequence, {**call, "body": '{"token": "secret-4"}'})
    client, person = viewer(), factories.SubscriberFactory.create(workspace=workspace)
    looking = Permission.objects.filter(codename__startswith="view_")
    User.objects.get(username="viewer").user_permissions.set(looking)

    pages = [
        shown(client, page_url(sequence)),
        shown(client, f"{view_url(sequence, 'step')}?number=1"),
        compared(client, sequence, 1, 2),
        shown(client, f"{view_url(sequence, 'simulate')}?person={person.email}"),
    ]
    of_editor = shown(admin_client, f"{view_url(sequence, 'step')}?number=1")
    simulated = shown(admin_client, f"{view_url(sequence, 'simulate')}?person={person.email}")

    assert "secret" not in "".join(pages)
    assert all(f"https://example.com/{webhook.MASK}" in page for page in pages)
    assert "Changed; values are hidden." in pages[2]
    for secret in ("secret-1?key=secret-2", "secret-4"):
        assert secret in of_editor
        assert secret in simulated
    assert "secret-3" in compared(admin_client, sequence, 1, 2)
