"""The layout on a workspace's page: checked, stored and shown."""

import pytest
from django.test import Client

from config.admin_base import admin_url, view_url
from subscribers.models import Workspace
from tests.support.workspace_form import form_of

LAYOUT = '<h2>{{workspace.name}}</h2>\r\n{{content}}<a href="{{unsubscribeUrl}}">Leave</a>'


def test_a_layout_is_stored_and_shown_around_a_sample(
    admin_client: Client, workspace: Workspace
) -> None:
    fields = {**form_of(workspace), "mail_layout": LAYOUT}

    answer = admin_client.post(admin_url(workspace), fields)

    assert answer.status_code == 302
    stored = Workspace.objects.get()
    assert stored.mail_layout == LAYOUT.replace("\r\n", "\n")
    assert stored.config_version == workspace.config_version + 1
    address = view_url(stored, "layout-preview")
    assert address in admin_client.get(admin_url(stored)).content.decode()
    shown = admin_client.get(address)
    assert b"The title of a mail" in shown.content
    assert b"/u/sample" in shown.content
    assert shown.headers["Content-Security-Policy"].startswith("sandbox; default-src 'none'")


@pytest.mark.parametrize(
    ("layout", "words"),
    [
        ("<p>x</p>", "it is missing"),
        ("{{content}}\n{{x}}", "Line 2"),
        ("<!--{{content}}-->", "nobody would see"),
    ],
)
def test_a_wrong_layout_is_refused_at_its_field(
    admin_client: Client, workspace: Workspace, layout: str, words: str
) -> None:
    answer = admin_client.post(admin_url(workspace), {**form_of(workspace), "mail_layout": layout})

    errors = answer.context["adminform"].form.errors
    assert list(errors) == ["mail_layout"]
    assert words in errors["mail_layout"][0]
    assert Workspace.objects.get().mail_layout == ""


def test_the_stored_layout_is_shown_beside_the_fault_of_another_field(
    admin_client: Client, workspace: Workspace
) -> None:
    workspace.mail_layout = LAYOUT
    workspace.save()
    fields = {**form_of(workspace), "mail_layout": "x", "timezone": "Nowhere/Land"}

    answer = admin_client.post(admin_url(workspace), fields)

    assert set(answer.context["adminform"].form.errors) == {"mail_layout", "timezone"}
    assert view_url(workspace, "layout-preview") in answer.content.decode()


def test_a_blank_layout_is_none(admin_client: Client, workspace: Workspace) -> None:
    workspace.mail_layout = LAYOUT
    workspace.save()

    admin_client.post(admin_url(workspace), {**form_of(workspace), "mail_layout": " \r\n"})

    assert Workspace.objects.get().mail_layout == ""
    assert b"mails go as they are" in admin_client.get(admin_url(workspace)).content


def test_a_stored_layout_that_cannot_be_rendered_is_reported(
    admin_client: Client, workspace: Workspace
) -> None:
    workspace.mail_layout = "{{ broken {{content}}"
    workspace.save()

    page = admin_client.get(admin_url(workspace)).content.decode()

    assert "It cannot be rendered, so mails fail." in page
    assert admin_client.get(view_url(workspace, "layout-preview")).content == b""
