"""Test keys: chosen when the key is created, shown from then on."""

from django.test import Client

from config.admin_base import admin_url, list_url
from subscribers.models import ApiKey, Workspace
from tests import factories


def test_a_key_is_marked_test_when_it_is_made(admin_client: Client, workspace: Workspace) -> None:
    fields = {"workspace": workspace.pk, "name": "staging", "is_test": "on", "is_full": "on"}

    admin_client.post("/admin/subscribers/apikey/add/", fields)

    assert ApiKey.objects.get().is_test


def test_the_mark_does_not_change(admin_client: Client) -> None:
    test_key = factories.ApiKeyFactory.create(is_test=True)
    live_key = factories.ApiKeyFactory.create()

    admin_client.post(admin_url(test_key), {"name": "new"})
    admin_client.post(admin_url(live_key), {"name": "new", "is_test": "on"})

    assert list(ApiKey.objects.order_by("id").values_list("name", "is_test")) == [
        ("new", True),
        ("new", False),
    ]


def test_the_list_and_the_page_show_the_mark(admin_client: Client) -> None:
    row = factories.ApiKeyFactory.create(is_test=True)

    listed = admin_client.get(list_url(ApiKey)).content.decode()
    shown = admin_client.get(admin_url(row)).content.decode()

    assert "column-test" in listed
    assert ">Test<" in "".join(shown.split())


def test_the_form_names_the_clock_that_a_key_expires_by(
    admin_client: Client, workspace: Workspace
) -> None:
    Workspace.objects.update(timezone="Asia/Kolkata")

    page = admin_client.get("/admin/subscribers/apikey/add/").content.decode()

    assert "The key stops working then. Empty: never. By the clock of Asia/Kolkata." in page
