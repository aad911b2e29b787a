"""The workspace chosen in the sidebar narrows every list and presets every form."""

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.db.models import Model
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from config.admin_base import admin_url, list_url
from config.workspace_choice import SESSION_KEY
from events.models import Event
from subscribers.models import ApiKey, List, Subscriber, Suppression, Tag, Workspace
from tests import factories
from tests.project.test_admin_pages import PAGES, make_row

# No workspace has it; fixed, since all workers of a run must find the same tests.
NOBODYS = "01a22c25799274fb9d0435ded2311db0"
CHOOSE = "/admin/choose-workspace/"
OF_TENANTS = [
    model for model in PAGES if any(field.name == "workspace" for field in model._meta.fields)
]


def choose(client: Client, workspace: Workspace | None, **more: str) -> str:
    """Choose as the form of the sidebar does; return where it leads."""
    answer = client.post(CHOOSE, {"workspace": workspace.pk.hex if workspace else "", **more})
    assert answer.status_code == 302
    return answer.headers["Location"]


def pks_on(client: Client, address: str) -> set[object]:
    return {row.pk for row in client.get(address).context["cl"].result_list}


@pytest.mark.parametrize("model", OF_TENANTS)
def test_every_list_shows_the_chosen_workspace_alone(
    admin_client: Client, model: type[Model]
) -> None:
    ours, theirs = make_row(model, 0), make_row(model, 1)
    workspace = ours.workspace  # type: ignore[attr-defined]
    assert pks_on(admin_client, list_url(model)) >= {ours.pk, theirs.pk}

    choose(admin_client, workspace)
    page = admin_client.get(list_url(model))

    shown = page.context["cl"].result_list
    assert {row.workspace_id for row in shown} == {workspace.pk}
    assert ours.pk in {row.pk for row in shown}
    assert f'<a class="cueline-crumb" href="/admin/">{workspace.name}</a>' in page.content.decode()
    assert "workspace" not in page.context["cl"].list_display
    choose(admin_client, None)
    assert pks_on(admin_client, list_url(model)) >= {ours.pk, theirs.pk}


@pytest.mark.parametrize("model", OF_TENANTS)
def test_a_link_to_a_foreign_row_works_and_names_its_workspace(
    admin_client: Client, model: type[Model]
) -> None:
    ours, theirs = factories.WorkspaceFactory.create(), make_row(model, 1)
    name = theirs.workspace.name  # type: ignore[attr-defined]
    choose(admin_client, ours)

    page = admin_client.get(admin_url(theirs))

    assert page.status_code == 200
    assert f'<a class="cueline-crumb" href="/admin/">{name}</a>' in page.content.decode()


def test_a_list_that_a_link_narrows_to_a_row_shows_all_of_it(admin_client: Client) -> None:
    event = factories.EventFactory.create()
    tagged = factories.SubscriberTagFactory.create()
    choose(admin_client, factories.WorkspaceFactory.create())

    of_person = list_url(Event, subscriber__id__exact=event.subscriber.pk)
    of_tag = list_url(Subscriber, tag=tagged.tag.pk.hex)

    assert pks_on(admin_client, of_person) == {event.pk}
    assert pks_on(admin_client, of_tag) == {tagged.subscriber.pk}


def test_events_of_a_name_are_those_of_the_chosen_workspace(admin_client: Client) -> None:
    events = [factories.EventFactory.create(definition__name="signed_up") for _ in range(2)]

    for event in events:
        choose(admin_client, event.workspace)
        assert pks_on(admin_client, list_url(Event, name="signed_up")) == {event.pk}


def test_an_id_is_found_in_whatever_workspace(admin_client: Client) -> None:
    person = factories.SubscriberFactory.create()
    choose(admin_client, factories.WorkspaceFactory.create())

    assert pks_on(admin_client, list_url(Subscriber, q=f" {person.public_id}")) == {person.pk}
    assert pks_on(admin_client, list_url(Subscriber, q=person.email)) == set()


@pytest.mark.parametrize("model", [ApiKey, List, Suppression, Tag])
def test_a_form_offers_the_chosen_workspace_alone(
    admin_client: Client, model: type[Model], workspace: Workspace
) -> None:
    factories.WorkspaceFactory.create()
    address = list_url(model) + "add/"
    field = admin_client.get(address).context["adminform"].form.fields["workspace"]
    assert len(list(field.choices)) == 3

    choose(admin_client, workspace)
    field = admin_client.get(address).context["adminform"].form.fields["workspace"]

    assert [str(label) for _, label in field.choices] == [workspace.name]


def test_with_a_single_workspace_there_is_nothing_to_choose(
    admin_client: Client, workspace: Workspace
) -> None:
    page = admin_client.get(list_url(Tag))
    field = admin_client.get(list_url(Tag) + "add/").context["adminform"].form.fields["workspace"]

    assert "cueline-switcher" not in page.content.decode()
    assert "workspace" not in page.context["cl"].list_display
    assert [str(label) for _, label in field.choices] == [workspace.name]


@pytest.mark.parametrize("stored", [NOBODYS, "x", 7, None, ["a"]])
def test_a_stale_choice_is_ignored(admin_client: Client, stored: object) -> None:
    rows = [factories.TagFactory.create(), factories.TagFactory.create()]
    session = admin_client.session
    session[SESSION_KEY] = stored
    session.save()

    assert pks_on(admin_client, list_url(Tag)) == {row.pk for row in rows}


@pytest.mark.parametrize("text", ["x", NOBODYS, "0" * 500, "%00"])
def test_an_unknown_workspace_is_not_chosen(
    admin_client: Client, workspace: Workspace, text: str
) -> None:
    answer = admin_client.post(CHOOSE, {"workspace": text}, follow=True)

    assert "There is no such workspace." in answer.content.decode()
    assert SESSION_KEY not in admin_client.session


@pytest.mark.parametrize(
    ("given", "leads_to"),
    [
        ("/admin/subscribers/tag/", "/admin/subscribers/tag/"),
        ("/admin/events/event/?definition__id__exact=1", "/admin/events/event/"),
        ("", "/admin/"),
        ("https://evil.example/admin/", "/admin/"),
        ("//evil.example/admin/", "/admin/"),
        ("/admin/\r\nX: y", "/admin/%0D%0AX:%20y"),
        ("/docs/", "/admin/"),
    ],
)
def test_choosing_leads_back_to_the_page_and_nowhere_else(
    admin_client: Client, workspace: Workspace, given: str, leads_to: str
) -> None:
    assert choose(admin_client, workspace, next=given) == leads_to


def test_only_a_post_with_csrf_by_staff_chooses(
    admin_client: Client, admin_user: User, workspace: Workspace
) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(admin_user)

    assert admin_client.get(CHOOSE, {"workspace": workspace.pk.hex}).status_code == 405
    assert strict.post(CHOOSE, {"workspace": workspace.pk.hex}).status_code == 403
    outsider = Client().post(CHOOSE, {"workspace": workspace.pk.hex})
    assert outsider.headers["Location"].startswith("/admin/login/")
    assert SESSION_KEY not in admin_client.session


def test_the_menu_and_the_names_of_workspaces_are_for_those_with_rights(
    client: Client, db: None
) -> None:
    workspaces = factories.WorkspaceFactory.create_batch(2)
    person = User.objects.create(username="intern", is_staff=True)
    client.force_login(person)
    assert workspaces[0].name not in client.get("/admin/").content.decode()

    person.user_permissions.add(Permission.objects.get(codename="view_tag"))
    page = client.get("/admin/").content.decode()

    assert workspaces[0].name in page
    assert reverse("admin:subscribers_tag_changelist") in page
    assert reverse("admin:events_event_changelist") not in page


def test_many_workspaces_cost_no_more_queries(admin_client: Client) -> None:
    factories.TagFactory.create_batch(2)
    admin_client.get(list_url(Tag))
    with CaptureQueriesContext(connection) as few:
        admin_client.get(list_url(Tag))
    factories.WorkspaceFactory.create_batch(20)

    with CaptureQueriesContext(connection) as many:
        admin_client.get(list_url(Tag))

    assert len(many) == len(few)
