"""The next request sees every change of a workspace's configuration.

What a process remembers is dropped by nobody: only the version in the database tells it that it is
old. So a change in this process is to the memory here what one in any other process is.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from config.admin_base import admin_url
from events.models import Event, SyncRule
from events.services.configuration import sync_rules
from events.services.configuration.sync_rules import RuleSpec
from subscribers.models import ApiKey, List, ListMembership, Subscriber
from subscribers.services.audience import lists
from subscribers.services.workspaces import api_keys
from tests.events.admin.test_pages import ADD_RULE, rule_fields
from tests.support.calling import Caller

Change = Callable[[Client, Caller], Any]
ADMIN_SITE = "/admin/subscribers"


def delete(client: Client, row: SyncRule | List) -> None:
    """Press the button of the page that asks whether to delete."""
    name = f"admin:{row._meta.app_label}_{row._meta.model_name}_delete"
    client.post(reverse(name, args=[row.pk]), {"post": "yes"})


def use_preset(client: Client, caller: Caller) -> None:
    address = reverse("admin:subscribers_workspace_use-preset", args=[caller.workspace.pk])
    client.post(address, {"replace": "yes"})


def set_rules(caller: Caller, *specs: RuleSpec) -> None:
    sync_rules.replace_all(workspace=caller.workspace, specs=specs)


REFUND_ADDS = RuleSpec(trigger_event="saas.refund", add=["first"])


@pytest.mark.parametrize(
    ("change", "tags"),
    [
        pytest.param(
            lambda client, caller: client.post(
                ADD_RULE,
                rule_fields(caller.workspace, trigger_event="saas.refund", add="second", remove=""),
            ),
            ["first", "second"],
            id="added in the admin",
        ),
        pytest.param(
            lambda client, caller: client.post(
                admin_url(SyncRule.objects.get()),
                rule_fields(caller.workspace, trigger_event="saas.refund", add="third", remove=""),
            ),
            ["third"],
            id="changed in the admin",
        ),
        pytest.param(
            lambda client, caller: client.post(
                admin_url(SyncRule.objects.get()),
                rule_fields(caller.workspace, trigger_event="other", add="third", remove=""),
            ),
            [],
            id="given another name in the admin",
        ),
        pytest.param(
            lambda client, _: delete(client, SyncRule.objects.get()),
            [],
            id="deleted in the admin",
        ),
        pytest.param(use_preset, ["refunded"], id="replaced by the preset"),
        pytest.param(lambda _, caller: set_rules(caller), [], id="removed by the service"),
    ],
)
def test_rules(admin_client: Client, caller: Caller, change: Change, tags: list[str]) -> None:
    set_rules(caller, REFUND_ADDS)
    for number in range(2):
        caller.bulk({"name": "saas.refund"}, email=f"{number}@example.com")

    change(admin_client, caller)
    caller.bulk({"name": "saas.refund"}, email="next@example.com")

    links = Subscriber.objects.get(email="next@example.com").tag_links.all()
    assert sorted(links.values_list("tag__name", flat=True)) == tags
    effects = Event.objects.order_by("pk").last().effects  # type: ignore[union-attr] # there is one
    assert sorted(each["tag"] for each in effects.get("tagsAdded", [])) == tags


@pytest.mark.parametrize(
    ("change", "names"),
    [
        pytest.param(
            lambda client, caller: client.post(
                f"{ADMIN_SITE}/list/add/",
                {"workspace": caller.workspace.pk, "name": "Second", "is_default": "on"},
            ),
            ["First", "Second"],
            id="added in the admin",
        ),
        pytest.param(
            lambda client, _: client.post(admin_url(List.objects.get()), {"name": "First"}),
            [],
            id="no longer a default list",
        ),
        pytest.param(
            lambda client, _: delete(client, List.objects.get()), [], id="deleted in the admin"
        ),
    ],
)
def test_default_lists(
    admin_client: Client, caller: Caller, change: Change, names: list[str]
) -> None:
    lists.save(changed=List(workspace=caller.workspace, name="First", is_default=True))
    for number in range(3):
        caller.bulk({"name": "a"}, email=f"{number}@example.com")

    change(admin_client, caller)
    caller.bulk({"name": "a"}, email="next@example.com")

    joined = ListMembership.objects.filter(subscriber__email="next@example.com")
    assert sorted(joined.values_list("list__name", flat=True)) == names


def test_double_opt_in(admin_client: Client, caller: Caller) -> None:
    for number in range(3):
        caller.bulk({"name": "a"}, email=f"{number}@example.com")
    row = caller.workspace

    admin_client.post(
        admin_url(row),
        {
            "name": row.name,
            "slug": row.slug,
            "timezone": "UTC",
            "language": "en",
            "double_opt_in": "on",
            "mail_cap": 0,
            "mail_cap_hours": 24,
            "reminder_hours": 0,
            "give_up_days": 30,
        },
    )
    caller.bulk({"name": "a"}, email="next@example.com")

    assert Subscriber.objects.get(email="next@example.com").status == Subscriber.Status.PENDING


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(
            lambda client, row: client.post(
                reverse("admin:subscribers_apikey_revoke", args=[row.pk])
            ),
            id="in the admin",
        ),
        pytest.param(
            lambda _, row: api_keys.revoke(api_key=row, now=datetime.now(tz=UTC)),
            id="by the service",
        ),
    ],
)
def test_a_key_s_revocation(admin_client: Client, caller: Caller, change: Change) -> None:
    for _ in range(2):
        assert caller.bulk({"name": "a"}).status == 200

    change(admin_client, ApiKey.objects.get())  # type: ignore[arg-type] # a row here

    assert caller.bulk({"name": "a"}).status == 401
    assert Event.objects.count() == 2
