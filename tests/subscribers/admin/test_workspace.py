"""What operators do with a workspace's mail and its secret."""

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

from config.admin_base import admin_url
from subscribers.models import Workspace
from tests.support.workspace_form import form_of


def save(client: Client, workspace: Workspace, **fields: Any) -> Any:
    """Send the workspace's form."""
    return client.post(admin_url(workspace), {**form_of(workspace), **fields})


def test_mail_is_paused_and_capped_and_every_process_knows(
    admin_client: Client, workspace: Workspace
) -> None:
    answer = save(admin_client, workspace, is_mail_paused="on", mail_cap=3, mail_cap_hours=48)

    stored = Workspace.objects.get()
    assert answer.status_code == 302
    assert (stored.is_mail_paused, stored.mail_cap, stored.mail_cap_hours) == (True, 3, 48)
    assert stored.config_version == workspace.config_version + 1
    assert stored.webhook_secret == workspace.webhook_secret


@pytest.mark.parametrize(
    ("field", "value"),
    [("mail_cap", -1), ("mail_cap", 1001), ("mail_cap_hours", 0), ("mail_cap_hours", 8761),
     ("mail_cap", ""), ("mail_cap_hours", "x")],
)  # fmt: skip
def test_a_cap_that_makes_no_sense_is_refused(
    admin_client: Client, workspace: Workspace, field: str, value: Any
) -> None:
    answer = save(admin_client, workspace, **{field: value})

    assert set(answer.context["adminform"].form.errors) == {field}
    assert Workspace.objects.get().config_version == workspace.config_version


def test_the_secret_is_shown_by_a_post_that_is_logged_and_nowhere_else(
    admin_client: Client, workspace: Workspace
) -> None:
    address = reverse("admin:subscribers_workspace_show-secret", args=[workspace.pk])

    on_its_page = admin_client.get(admin_url(workspace)).content.decode()
    by_get = admin_client.get(address)
    by_post = admin_client.post(address)

    assert address in on_its_page
    assert workspace.webhook_secret not in on_its_page
    assert by_get.status_code == 405
    assert workspace.webhook_secret in by_post.content.decode()
    assert "no-store" in by_post.headers["Cache-Control"]
    assert [row.change_message for row in LogEntry.objects.all()] == [
        "Looked at the webhook secret"
    ]


def test_users_who_may_not_change_a_workspace_do_not_see_its_secret(
    client: Client, workspace: Workspace
) -> None:
    person = User.objects.create(username="viewer", is_staff=True)
    person.user_permissions.add(Permission.objects.get(codename="view_workspace"))
    client.force_login(person)
    address = reverse("admin:subscribers_workspace_show-secret", args=[workspace.pk])

    page = client.get(admin_url(workspace))
    answer = client.post(address)

    assert page.status_code == 200
    assert address not in page.content.decode()
    assert answer.status_code == 403
    assert not LogEntry.objects.exists()


@pytest.mark.parametrize(("sender", "is_warned"), [("", True), ("hello@acme.example", False)])
def test_double_opt_in_without_a_sender_is_warned_of(
    admin_client: Client, workspace: Workspace, sender: str, is_warned: bool
) -> None:
    address = admin_url(workspace)
    fields = {**form_of(workspace), "double_opt_in": "on", "from_email": sender}

    page = admin_client.post(address, fields, follow=True).content.decode()

    assert Workspace.objects.get().double_opt_in
    assert ("Confirmations wait until" in page) == is_warned
