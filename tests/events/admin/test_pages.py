"""What operators see of events, and how they make rules."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from config.admin_base import admin_url, list_url
from events.models import Event, EventDefinition, FailedStage, SyncRule, SyncRuleTag
from events.services.configuration import sync_rules
from events.services.configuration.sync_rules import RuleSpec
from subscribers.models import Tag, Workspace
from tests import factories
from tests.support.calling import Caller

ADD_RULE = "/admin/events/syncrule/add/"


def rule_fields(workspace: Workspace, **fields: Any) -> dict[str, Any]:
    """Return a filled form."""
    return {
        "workspace": workspace.pk,
        "trigger_event": "order.placed",
        "position": 0,
        "add": "customer",
        **fields,
    }


def test_an_event_s_page_tells_what_it_did_and_why_not_more(
    admin_client: Client, workspace: Workspace, caller: Caller
) -> None:
    did, did_not = sync_rules.replace_all(
        workspace=workspace,
        specs=[
            RuleSpec(trigger_event="buy", add=["customer"]),
            RuleSpec(trigger_event="buy", add=["vip"], requires=["rich"]),
        ],
    )
    caller.bulk({"name": "buy", "properties": {"order": {"id": "A-7", "gift": True, "note": None}}})
    event = Event.objects.get()

    page = admin_client.get(admin_url(event)).content.decode()

    tag = Tag.objects.get(name="customer")
    assert f'Tag <a href="{admin_url(tag)}">customer</a> was added' in page
    assert f'<a href="{admin_url(did)}">On buy</a>' in page
    assert f'<a href="{admin_url(did_not)}">On buy</a>” did nothing: a tag that it requires' in page
    assert admin_url(event.subscriber) in page
    assert admin_url(event.definition) in page
    assert 'data-copy="order.id">order.id</small></th>' in page
    assert ">A-7</code>" in page
    assert ">true</code>" in page
    assert ">null</code>" in page


def test_a_rule_that_is_gone_is_still_named(
    admin_client: Client, workspace: Workspace, caller: Caller
) -> None:
    sync_rules.replace_all(
        workspace=workspace, specs=[RuleSpec(trigger_event="buy", add=["customer"])]
    )
    caller.bulk({"name": "buy"})
    sync_rules.replace_all(workspace=workspace, specs=[])

    page = admin_client.get(admin_url(Event.objects.get())).content.decode()

    assert "was added by a deleted rule" in page


def test_an_event_without_effects_says_why(admin_client: Client, caller: Caller) -> None:
    caller.bulk({"name": "buy"})

    page = admin_client.get(admin_url(Event.objects.get())).content.decode()

    assert "no sync rule changed a tag" in page


def test_history_and_failures_are_told(admin_client: Client) -> None:
    rule = factories.SyncRuleFactory.create()
    effects = {
        "rulesSkipped": [{"rule": rule.pk.hex, "reason": "historical"}],
        "failedStages": [{"stage": "apply-sync-rules", "error": "deadlock detected"}],
        "later": {"key": "from a newer version"},
    }
    event = factories.EventFactory.create(subscriber__workspace=rule.workspace, effects=effects)
    failed = factories.FailedStageFactory.create(event=event)

    page = admin_client.get(admin_url(event)).content.decode()

    assert "did nothing: the event was history when it arrived" in page
    assert "The stage apply-sync-rules failed: deadlock detected" in page
    assert "from a newer version" in page
    assert admin_url(failed) in page


@pytest.mark.parametrize("text", ["{evt}", "ADA@Example.com", "user-1"])
def test_events_are_found_by_id_and_by_person(admin_client: Client, text: str) -> None:
    person = factories.SubscriberFactory.create(email="ada@example.com", external_id="user-1")
    event = factories.EventFactory.create(subscriber=person)
    factories.EventFactory.create()

    wanted = text.format(evt=event.public_id)
    rows = admin_client.get(list_url(Event, q=wanted)).context["cl"].result_list

    assert [row.pk for row in rows] == [event.pk]


def test_a_definition_is_hidden_and_nothing_else(admin_client: Client) -> None:
    definition = factories.EventDefinitionFactory.create(name="buy")

    admin_client.post(admin_url(definition), {"is_hidden": "on", "name": "other"})

    stored = EventDefinition.objects.get()
    assert (stored.name, stored.is_hidden) == ("buy", True)


def test_a_rule_made_in_the_admin_runs(
    admin_client: Client, workspace: Workspace, caller: Caller
) -> None:
    fields = rule_fields(
        workspace,
        trigger_event=" buy ",
        add="VIP_User, new one",
        remove="lead",
        requires_not="blocked,",
        purchased_product='{"vendors": ["Acme"]}',
    )

    answer = admin_client.post(ADD_RULE, fields)
    caller.bulk({"name": "buy", "properties": {"product": {"vendor": "acme"}}})

    assert answer.status_code == 302
    effects = Event.objects.get().effects
    assert [each["tag"] for each in effects["tagsAdded"]] == ["vip-user", "new-one"]
    assert Workspace.objects.get().config_version == workspace.config_version + 1
    page = admin_client.get(admin_url(SyncRule.objects.get())).content.decode()
    assert 'value="vip-user, new-one"' in page
    assert 'value="blocked"' in page


def test_an_empty_condition_is_shown_as_nothing(admin_client: Client) -> None:
    form = admin_client.get(ADD_RULE).context["adminform"].form

    assert "null" not in str(form["purchased_product"])


def test_a_changed_rule_keeps_its_workspace_and_takes_new_tags(
    admin_client: Client, workspace: Workspace
) -> None:
    rule = factories.SyncRuleTagFactory.create(rule__workspace=workspace).rule
    other = factories.WorkspaceFactory.create()

    admin_client.post(admin_url(rule), rule_fields(other, add="", remove="lead"))

    stored = SyncRule.objects.get()
    assert stored.workspace == workspace
    roles = SyncRuleTag.objects.values_list("role", "tag__name", "tag__workspace")
    assert list(roles) == [("remove", "lead", workspace.pk)]


def test_a_deleted_rule_raises_the_version(admin_client: Client, workspace: Workspace) -> None:
    rule = factories.SyncRuleFactory.create(workspace=workspace)

    admin_client.post(reverse("admin:events_syncrule_delete", args=[rule.pk]), {"post": "yes"})

    assert not SyncRule.objects.exists()
    assert Workspace.objects.get().config_version == workspace.config_version + 1


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"add": ""}, "Name at least one tag to add or to remove."),
        ({"add": "ok, !?"}, "The tag “!?” needs at least one letter or digit."),
        ({"add": "x" * 101}, "is longer than 100 characters."),
        ({"trigger_event": "a\u0085b"}, "Control characters are not allowed."),
        ({"trigger_event": ""}, "This field is required."),
        ({"trigger_event": "x" * 201}, "at most 200 characters"),
        ({"position": "-1"}, "greater than or equal to 0"),
        ({"purchased_product": "["}, "Enter a valid JSON."),
        ({"purchased_product": "[1]"}, "Must be an object"),
        ({"purchased_product": "[" * 100_000}, "It nests too deeply"),
        ({"purchased_product": "9" * 5000}, "a number is too long"),
        ({"purchased_product": '{"colour": ["red"]}'}, "Unknown key: colour."),
        ({"purchased_product": '{"tags": []}'}, "tags must be a list of texts, at least one."),
        ({"purchased_product": '{"tags": "red"}'}, "tags must be a list of texts"),
        ({"purchased_product": '{"tags": ["\\u0000"]}'}, "It holds a NUL"),
        ({"purchased_product": '{"tags": ["\\ud800"]}'}, "It holds a NUL or half of a surrogate"),
        ({"purchased_product": '{"\\ud800": ["x"]}'}, "Unknown key"),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused_with_a_sentence(
    admin_client: Client, workspace: Workspace, fields: dict[str, Any], words: str
) -> None:
    answer = admin_client.post(ADD_RULE, rule_fields(workspace, **fields))

    errors = answer.context["adminform"].form.errors
    assert answer.status_code == 200
    assert words in " ".join(word for each in errors.values() for word in each)
    assert not SyncRule.objects.exists()


def test_a_failed_stage_s_page_names_the_event(admin_client: Client) -> None:
    failed = factories.FailedStageFactory.create()

    page = admin_client.get(admin_url(failed)).content.decode()

    assert FailedStage.objects.count() == 1
    assert admin_url(failed.event) in page
    assert "a deadlock" in page
