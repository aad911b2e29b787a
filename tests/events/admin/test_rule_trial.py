"""A sync rule is tried on its newest events, as stored or as in the form; nothing is written."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from config.admin_base import admin_url
from events.models import EventDefinition, SyncRule
from events.services.configuration import rule_trials, sync_rules
from events.services.configuration.sync_rules import RuleSpec
from subscribers.models import Subscriber, SubscriberTag, Tag, Workspace
from tests import factories
from tests.events.admin.test_pages import ADD_RULE, rule_fields
from tests.factories.history import NOON

AT = "2026-11-24 12:00:00 UTC"
HOSTILE = "\"'><script>alert(1)</script>"


@pytest.fixture
def buy(workspace: Workspace) -> EventDefinition:
    return factories.EventDefinitionFactory.create(workspace=workspace, name="buy")


def bought(definition: EventDefinition, *tags: str, **fields: Any) -> Subscriber:
    """Make an event of a person with these tags."""
    person = factories.SubscriberFactory.create(workspace=definition.workspace)
    for name in tags:
        tag, _ = Tag.objects.get_or_create(workspace=definition.workspace, name=name)
        SubscriberTag.objects.create(workspace=definition.workspace, subscriber=person, tag=tag)
    factories.EventFactory.create(definition=definition, subscriber=person, **fields)
    return person


def words_of(answer: Any) -> str:
    return " ".join(re.sub("<[^>]+>", " ", answer.content.decode()).split())


def test_a_rule_in_the_form_is_tried_and_nothing_is_stored(
    admin_client: Client, workspace: Workspace, buy: EventDefinition
) -> None:
    changed = bought(buy, "rich", "lead")
    same = bought(buy, "rich", "customer")
    without = bought(buy)
    excluded = bought(buy, "rich", "blocked")
    past = bought(buy, "rich", is_historical=True)
    bought(factories.EventDefinitionFactory.create(workspace=workspace), "rich")
    sent = rule_fields(
        workspace,
        trigger_event=" buy ",
        add="Customer, brand new",
        remove="lead, customer",
        requires="rich",
        requires_not="blocked",
    )

    answer = admin_client.post(ADD_RULE, {**sent, "_try": "1"})

    text = words_of(answer)
    assert answer.status_code == 200
    assert "Of the newest events buy , 5 were tried: 2 would change tags." in text
    assert f"1: removes lead; adds customer, brand-new {AT} {changed.email}" in text
    assert f"1: removes customer; adds customer, brand-new {AT} {same.email}" in text
    assert f"1: nothing: a tag that it requires is missing {AT} {without.email}" in text
    assert f"1: nothing: the person has a tag that it excludes {AT} {excluded.email}" in text
    assert f"1: nothing: the event was history when it arrived {AT} {past.email}" in text
    assert 'value="Customer, brand new"' in answer.content.decode()
    assert not SyncRule.objects.exists()
    assert not Tag.objects.filter(name="brand-new").exists()
    assert not LogEntry.objects.exists()


def test_a_changed_form_of_a_stored_rule_is_tried_as_it_is_in_the_form(
    admin_client: Client, workspace: Workspace, buy: EventDefinition
) -> None:
    (rule,) = sync_rules.replace_all(
        workspace=workspace, specs=[RuleSpec(trigger_event="buy", add=["customer"])]
    )
    bought(buy, "customer")
    bought(buy)
    sent = rule_fields(workspace, trigger_event="buy", add="vip")

    in_form = admin_client.post(admin_url(rule), {**sent, "_try": "1"})
    as_stored = admin_client.get(f"{admin_url(rule)}?try=1")

    assert "2 would change tags" in words_of(in_form)
    assert 'value="vip"' in in_form.content.decode()
    assert "1 would change tags" in words_of(as_stored)
    assert "1: no change: the person has these tags already" in words_of(as_stored)
    assert sync_rules.spec_of(SyncRule.objects.get()).add == ["customer"]


def test_products_decide_as_they_do_for_real(
    admin_client: Client, workspace: Workspace, buy: EventDefinition
) -> None:
    bought(buy, properties={"product": {"vendor": "ACME"}})
    other = bought(buy, properties={"product": {"vendor": "Other"}})
    sent = rule_fields(workspace, trigger_event="buy", purchased_product='{"vendors": ["Acme"]}')

    text = words_of(admin_client.post(ADD_RULE, {**sent, "_try": "1"}))

    assert "1 would change tags" in text
    assert f"1: nothing: no product of the event matches {AT} {other.email}" in text


def test_a_faulty_form_is_not_tried(admin_client: Client, workspace: Workspace) -> None:
    sent = {**rule_fields(workspace, add=""), "workspace": "zzz"}

    answer = admin_client.post(ADD_RULE, {**sent, "_try": "1"})

    assert answer.context["adminform"].form.errors
    assert "Tried, and nothing stored" not in words_of(answer)
    assert not SyncRule.objects.exists()


def test_a_name_that_never_came_says_so(admin_client: Client, workspace: Workspace) -> None:
    sent = rule_fields(workspace, trigger_event=HOSTILE)

    answer = admin_client.post(ADD_RULE, {**sent, "_try": "1"})

    assert "is there to try it on." in words_of(answer)
    assert "<script>alert" not in answer.content.decode()


def test_the_newest_events_are_tried_at_one_price(
    admin_client: Client,
    workspace: Workspace,
    buy: EventDefinition,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rule_trials, "MOST_EVENTS", 4)
    sent = {**rule_fields(workspace, trigger_event="buy"), "_try": "1"}

    def statements() -> int:
        with CaptureQueriesContext(connection) as queries:
            admin_client.post(ADD_RULE, sent)
        return len(queries)

    old = bought(buy, "customer", occurred_at=NOON - timedelta(days=1))
    statements()
    once = statements()
    for _ in range(4):
        bought(buy, "customer")

    assert statements() == once
    assert old.email not in words_of(admin_client.post(ADD_RULE, sent))


@pytest.mark.parametrize(
    ("rights", "page", "form"),
    [
        (["view_syncrule"], False, 403),
        (["view_syncrule", "view_event"], True, 403),
        (["view_syncrule", "change_syncrule"], False, 403),
        (["view_syncrule", "change_syncrule", "view_event"], True, 200),
    ],
)
def test_who_may_not_see_events_or_change_rules_tries_none(
    client: Client, workspace: Workspace, rights: list[str], page: bool, form: int
) -> None:
    (rule,) = sync_rules.replace_all(
        workspace=workspace, specs=[RuleSpec(trigger_event="buy", add=["customer"])]
    )
    person = User.objects.create(username="somebody", is_staff=True)
    person.user_permissions.set(Permission.objects.filter(codename__in=rights))
    client.force_login(person)

    stored = client.get(f"{admin_url(rule)}?try=1")
    sent = client.post(admin_url(rule), {**rule_fields(workspace), "_try": "1"})

    assert ("is there to try it on" in words_of(stored)) is page
    assert sent.status_code == form
    assert SyncRule.objects.get() == rule
