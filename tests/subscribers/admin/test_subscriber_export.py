"""Handing out what is known of somebody from their page."""

import json

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.test import Client

from config.admin_base import admin_url, view_url
from subscribers.models import Subscriber
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada() -> Subscriber:
    """Somebody who did something."""
    event = factories.EventFactory.create(subscriber__email="ada@example.com")
    person: Subscriber = event.subscriber
    return person


def test_the_button_gives_a_file_and_is_logged(admin_client: Client, ada: Subscriber) -> None:
    answer = admin_client.post(view_url(ada, "export"))

    assert answer.streaming
    document = json.loads(answer.getvalue())
    assert document["subscriber"]["email"] == "ada@example.com"
    assert len(document["events"]) == 1
    assert answer["Content-Type"] == "application/json"
    assert answer["Content-Disposition"] == f'attachment; filename="{ada.public_id}.json"'
    assert [entry.change_message for entry in LogEntry.objects.all()] == [
        "Exported everything stored about them"
    ]


def test_it_is_offered_on_the_page_and_does_nothing_by_get(
    admin_client: Client, ada: Subscriber
) -> None:
    page = admin_client.get(admin_url(ada)).content.decode()

    assert f'action="{view_url(ada, "export")}"' in page
    assert admin_client.get(view_url(ada, "export")).status_code == 405


def test_who_may_only_look_gets_no_file(client: Client, ada: Subscriber) -> None:
    reader = User.objects.create(username="reader", is_staff=True)
    reader.user_permissions.add(Permission.objects.get(codename="view_subscriber"))
    client.force_login(reader)

    assert client.post(view_url(ada, "export")).status_code == 403
    assert not LogEntry.objects.exists()
