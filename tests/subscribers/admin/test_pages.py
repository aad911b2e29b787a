"""What operators do on the pages of subscribers."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.db import OperationalError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from config.admin_base import admin_url, list_url
from events.models import SyncRule
from events.services.sequences import name_uses
from subscribers.models import (
    ApiKey,
    List,
    ListMembership,
    Subscriber,
    SubscriberTag,
    Tag,
    Workspace,
)
from subscribers.services.storage import portions
from tests import factories
from tests.support.calling import ACCOUNT, Caller
from tests.support.sequence_making import make_sequence
from tests.support.workspace_form import form_of


def form_errors(answer: Any) -> dict[str, list[str]]:
    """Return the errors that a form shows."""
    return dict(answer.context["adminform"].form.errors)


def make_key(client: Client, workspace: Workspace, **fields: Any) -> Any:
    """Send the form for a new key."""
    may = {} if "scopes" in fields else {"is_full": "on"}
    values = {"workspace": workspace.pk, "name": "shop", **may, **fields}
    return client.post("/admin/subscribers/apikey/add/", values)


def test_a_new_key_is_shown_once_and_works(admin_client: Client, workspace: Workspace) -> None:
    answer = make_key(admin_client, workspace, scopes=["account:read"])

    text = answer.context["text"]
    row = ApiKey.objects.get()
    assert text in answer.content.decode()
    assert "no-store" in answer.headers["Cache-Control"]
    assert row.scopes == ["account:read"]
    assert Caller(workspace=workspace, key=text).get(ACCOUNT).status == 200
    assert text not in admin_client.get(admin_url(row)).content.decode()
    assert LogEntry.objects.get().object_id == str(row.pk)


@pytest.mark.parametrize("may", [{"is_full": ""}, {"is_full": "on", "scopes": ["account:read"]}])
def test_a_key_is_made_only_after_a_decision(
    admin_client: Client, workspace: Workspace, may: dict[str, Any]
) -> None:
    answer = make_key(admin_client, workspace, **may)

    assert form_errors(answer) == {"__all__": ["Choose what the key may do, or full access."]}
    assert not ApiKey.objects.exists()


def test_a_key_that_would_have_expired_is_not_made(
    admin_client: Client, workspace: Workspace
) -> None:
    past = timezone.now() - timedelta(days=1)

    answer = make_key(
        admin_client, workspace, expires_at_0=f"{past:%Y-%m-%d}", expires_at_1="12:00:00"
    )

    assert form_errors(answer) == {"expires_at": ["The key would have expired already."]}
    assert not ApiKey.objects.exists()


def test_a_revoked_key_is_refused_at_the_next_request(
    admin_client: Client, workspace: Workspace, caller: Caller
) -> None:
    row = ApiKey.objects.get()
    address = reverse("admin:subscribers_apikey_revoke", args=[row.pk])
    assert caller.get(ACCOUNT).status == 200

    first = admin_client.post(address, follow=True)
    admin_client.post(address)

    assert "is revoked" in first.content.decode()
    assert address not in first.content.decode()
    assert caller.get(ACCOUNT).status == 401
    assert [entry.change_message for entry in LogEntry.objects.all()] == ["Revoked"]


def test_only_the_name_of_a_key_changes(admin_client: Client) -> None:
    row = factories.ApiKeyFactory.create(scopes=["account:read"])

    admin_client.post(admin_url(row), {"name": "new name", "scopes": [], "prefix": "cue_x"})

    stored = ApiKey.objects.get()
    assert stored.name == "new name"
    assert (stored.prefix, stored.scopes) == (row.prefix, ["account:read"])


def test_changed_settings_raise_the_version(admin_client: Client, workspace: Workspace) -> None:
    answer = admin_client.post(
        admin_url(workspace),
        {
            **form_of(workspace),
            "name": "New",
            "slug": "other",
            "timezone": "Europe/Berlin",
            "from_email": "",
        },
    )

    stored = Workspace.objects.get()
    assert answer.status_code == 302
    assert (stored.name, stored.slug, stored.timezone) == ("New", "acme", "Europe/Berlin")
    assert stored.config_version == workspace.config_version + 1


def test_a_workspace_is_made_in_the_admin(admin_client: Client) -> None:
    admin_client.post(
        "/admin/subscribers/workspace/add/", {"name": "New", "slug": "new", "timezone": "UTC"}
    )
    again = admin_client.post(
        "/admin/subscribers/workspace/add/", {"name": "New", "slug": "new", "timezone": "Mars"}
    )

    assert Workspace.objects.get().slug == "new"
    assert set(form_errors(again)) == {"timezone", "slug"}


def test_the_preset_needs_the_box_and_replaces_the_rules(
    admin_client: Client, workspace: Workspace
) -> None:
    factories.SyncRuleFactory.create(workspace=workspace)
    address = reverse("admin:subscribers_workspace_use-preset", args=[workspace.pk])

    refused = admin_client.post(address, follow=True)
    kept = SyncRule.objects.count()
    accepted = admin_client.post(address, {"replace": "yes"}, follow=True)

    assert "Tick the box" in refused.content.decode()
    assert kept == 1
    assert "7 sync rules are in place" in accepted.content.decode()
    assert SyncRule.objects.count() == 7
    assert Workspace.objects.get().config_version > workspace.config_version
    assert LogEntry.objects.count() == 1


def test_the_form_of_a_new_row_has_no_numbers(admin_client: Client) -> None:
    forms = [admin_client.get(reverse(f"admin:subscribers_{each}_add")) for each in ("tag", "list")]

    assert all("Created at" not in answer.content.decode() for answer in forms)


def test_a_new_tag_s_name_is_folded(admin_client: Client, workspace: Workspace) -> None:
    fields = {"workspace": workspace.pk, "color": "red"}

    admin_client.post("/admin/subscribers/tag/add/", {**fields, "name": " VIP_User "})
    twice = admin_client.post("/admin/subscribers/tag/add/", {**fields, "name": "vip user"})
    empty = admin_client.post("/admin/subscribers/tag/add/", {**fields, "name": "!?"})

    assert Tag.objects.get().name == "vip-user"
    assert "__all__" in form_errors(twice)
    assert form_errors(empty) == {"name": ["The name needs at least one letter or digit."]}


def test_a_tag_that_a_rule_names_is_kept_and_the_page_says_why(admin_client: Client) -> None:
    named = factories.SyncRuleTagFactory.create()
    address = reverse("admin:subscribers_tag_delete", args=[named.tag.pk])

    page = admin_client.get(address)
    answer = admin_client.post(address, {"post": "yes"})

    assert "Sync rule: On order.placed" in page.content.decode()
    assert answer.status_code == 403 or Tag.objects.filter(pk=named.tag.pk).exists()
    assert Tag.objects.filter(pk=named.tag.pk).exists()


def test_a_tag_that_a_sequence_names_is_kept_and_the_page_says_why(admin_client: Client) -> None:
    tag = factories.TagFactory.create(name="vip")
    make_sequence(tag.workspace, trigger="tag_added", tagNames=["vip"], name="Perks of VIPs")
    address = reverse("admin:subscribers_tag_delete", args=[tag.pk])

    page = admin_client.get(address)
    admin_client.post(address, {"post": "yes"})

    assert "Sequence: Perks of VIPs" in page.content.decode()
    assert Tag.objects.filter(pk=tag.pk).exists()


def test_a_list_that_a_sequence_names_is_kept_and_the_page_says_why(admin_client: Client) -> None:
    chosen = factories.ListFactory.create(name="Tips")
    make_sequence(chosen.workspace, {"type": "update_list", "join": ["Tips"]}, name="Weekly tips")
    address = reverse("admin:subscribers_list_delete", args=[chosen.pk])

    page = admin_client.get(address)
    admin_client.post(address, {"post": "yes"})

    assert "Sequence: Weekly tips" in page.content.decode()
    assert List.objects.filter(pk=chosen.pk).exists()


def test_a_system_tag_is_not_deleted(admin_client: Client) -> None:
    tag = factories.TagFactory.create(is_system=True)

    answer = admin_client.post(
        reverse("admin:subscribers_tag_delete", args=[tag.pk]), {"post": "yes"}
    )

    assert answer.status_code == 403


def test_a_default_list_made_in_the_admin_is_joined_by_the_next_subscriber(
    admin_client: Client, workspace: Workspace, caller: Caller
) -> None:
    fields = {"workspace": workspace.pk, "name": "News", "is_default": "on"}

    admin_client.post("/admin/subscribers/list/add/", fields)
    caller.bulk({"name": "x"})

    assert ListMembership.objects.get().list.name == "News"
    assert Workspace.objects.get().config_version == workspace.config_version + 1


def test_a_deleted_list_leaves_its_people(admin_client: Client) -> None:
    membership = factories.ListMembershipFactory.create()

    admin_client.post(
        reverse("admin:subscribers_list_delete", args=[membership.list.pk]), {"post": "yes"}
    )

    assert not List.objects.exists()
    assert not ListMembership.objects.exists()
    assert Subscriber.objects.count() == 1


@pytest.mark.parametrize("kind", ["tag", "list"])
def test_what_many_people_have_is_deleted_in_portions(
    admin_client: Client, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr(portions, "AT_ONCE", 2)
    row = five_people_with(kind)
    address = reverse(f"admin:subscribers_{kind}_delete", args=[row.pk])

    with CaptureQueriesContext(connection) as statements:
        admin_client.post(address, {"post": "yes"})

    links = (SubscriberTag if kind == "tag" else ListMembership)._meta.db_table
    deletes = [each["sql"] for each in statements if each["sql"].startswith("DELETE FROM")]
    assert sum(links in each for each in deletes) == 3
    assert not type(row)._default_manager.exists()
    assert Subscriber.objects.count() == 5
    words = [entry.get_change_message() for entry in LogEntry.objects.order_by("pk")]
    assert words[0] == "Took it from 4 people, to delete it"
    assert len(words) == 2
    assert Workspace.objects.get().config_version == 2


@pytest.mark.parametrize("kind", ["tag", "list"])
def test_a_deletion_that_breaks_off_has_its_line_in_the_log(
    admin_client: Client, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr(portions, "AT_ONCE", 2)
    row = five_people_with(kind)
    address = reverse(f"admin:subscribers_{kind}_delete", args=[row.pk])
    checks = []

    def refuse(uses: list[str]) -> None:
        checks.append(uses)
        if len(checks) == 2:
            raise OperationalError("The connection is lost.")

    monkeypatch.setattr(name_uses, "refuse_if_used", refuse)

    answer = admin_client.post(address, {"post": "yes"})

    assert answer.status_code == 503
    assert type(row)._default_manager.exists()
    words = LogEntry.objects.get().change_message
    assert words == "Take it from everybody, to delete it: begun, but not ended"


def five_people_with(kind: str) -> Tag | List:
    if kind == "tag":
        tag = factories.TagFactory.create()
        for person in factories.SubscriberFactory.create_batch(5, workspace=tag.workspace):
            factories.SubscriberTagFactory.create(
                tag=tag, subscriber=person, workspace=tag.workspace
            )
        return tag
    chosen = factories.ListFactory.create()
    for person in factories.SubscriberFactory.create_batch(5, workspace=chosen.workspace):
        factories.ListMembershipFactory.create(
            list=chosen, subscriber=person, workspace=chosen.workspace
        )
    return chosen


@pytest.mark.parametrize("kind", ["tag", "list"])
def test_a_link_narrows_subscribers_to_who_hangs_on_a_row(admin_client: Client, kind: str) -> None:
    link = (
        factories.SubscriberTagFactory.create()
        if kind == "tag"
        else factories.ListMembershipFactory.create()
    )
    factories.SubscriberFactory.create(workspace=link.workspace)
    address = list_url(Subscriber, **{kind: getattr(link, kind).pk.hex})

    rows = admin_client.get(address).context["cl"].result_list

    assert address.encode() in admin_client.get(admin_url(getattr(link, kind))).content
    assert [row.pk for row in rows] == [link.subscriber.pk]


def test_a_subscriber_s_page_shows_who_and_what(admin_client: Client) -> None:
    person = factories.SubscriberFactory.create(
        first_name="Ada", attributes={"plan": "pro", "seats": [1, 2]}, external_id="u1"
    )
    tagged = factories.SubscriberTagFactory.create(subscriber=person)
    factories.ListMembershipFactory.create(
        subscriber=person, list__name="News", unsubscribed_at=timezone.now()
    )
    factories.EventFactory.create(subscriber=person, definition__name="event 20")

    page = admin_client.get(admin_url(person)).content.decode()

    assert person.public_id in page
    assert admin_url(tagged.tag) in page
    assert "News" in page
    assert ", left 2" in page
    assert "<th>plan</th>" in page
    assert ">event 20</a>" in page
    assert f"/admin/events/event/?subscriber__id__exact={person.pk}" in page
