"""An event definition's page: how often it comes, its properties, and what uses it."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from config.admin_base import admin_url, list_url
from events.models import Event, EventCount, EventDefinition
from events.services.configuration import sync_rules
from events.services.configuration.sync_rules import RuleSpec
from subscribers.models import Workspace
from tests import factories
from tests.factories.history import NOON
from tests.support.sequence_making import MAIL, make_sequence

HOSTILE = "\"'><script>alert(1)</script>"
Unit = EventCount.Unit


@pytest.fixture
def buy(workspace: Workspace) -> EventDefinition:
    return factories.EventDefinitionFactory.create(workspace=workspace, name="buy")


def make(definition: EventDefinition, **fields: Any) -> Event:
    return factories.EventFactory.create(
        subscriber__workspace=definition.workspace, definition=definition, **fields
    )


def page_of(client: Client, definition: EventDefinition, query: str = "") -> str:
    return client.get(admin_url(definition) + query).content.decode()


def words_of(page: str) -> str:
    return " ".join(re.sub("<[^>]+>", " ", page).split())


def test_the_volume_is_what_the_worker_counted(admin_client: Client, buy: EventDefinition) -> None:
    hour = timezone.now().astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    day = hour.replace(hour=0)
    for unit, at, count in (
        (Unit.HOUR_OF_RECEIPT, hour, 3),
        (Unit.HOUR_OF_RECEIPT, hour - timedelta(hours=23), 4),
        (Unit.HOUR_OF_RECEIPT, hour - timedelta(hours=24), 100),
        (Unit.DAY_OF_OCCURRENCE, day - timedelta(days=29), 1),
        (Unit.DAY_OF_OCCURRENCE, day - timedelta(days=89), 1_000),
    ):
        factories.EventCountFactory.create(definition=buy, unit=unit, starts_at=at, count=count)

    assert "Came 7 times in 24 hours" in page_of(admin_client, buy, "?span=24h")
    assert "Came 1 time in 30 days" in page_of(admin_client, buy)
    assert "Came 1,001 times in 90 days" in page_of(admin_client, buy, "?span=90d")
    assert "in 30 days" in page_of(admin_client, buy, "?span=zzz%00")


def test_the_first_last_and_newest_events_are_shown(
    admin_client: Client, buy: EventDefinition
) -> None:
    events = [make(buy, occurred_at=NOON + timedelta(days=day)) for day in range(12)]
    factories.EventFactory.create(occurred_at=datetime(2020, 1, 1, tzinfo=UTC))

    page = page_of(admin_client, buy)

    assert "First seen 2026-11-24 12:00:00 UTC, last seen 2026-12-05 12:00:00 UTC." in words_of(
        page
    )
    assert [admin_url(each) in page for each in events] == [False] * 2 + [True] * 10
    assert list_url(Event, definition__id__exact=buy.pk) in page


def test_paths_are_learnt_with_types_share_and_newest_value(
    admin_client: Client, buy: EventDefinition
) -> None:
    make(buy, properties={"plan": "free", "n": 1, "tags": ["a"], "old": {"deep": None}})
    make(buy, properties={"plan": True, "items": [{"sku": "A-7"}, {"sku": 5}], HOSTILE: HOSTILE})

    page = page_of(admin_client, buy)

    text = words_of(page)
    assert "As the newest 2 events have them." in text
    assert "plan true/false, text 100% true" in text
    assert "items[].sku text, number 50% A-7" in text
    assert "tags[] text 50% a" in text
    assert "old.deep null 50%" in text
    assert "<script>alert" not in page


def test_what_uses_the_event_is_named(
    admin_client: Client, workspace: Workspace, buy: EventDefinition
) -> None:
    starting = make_sequence(workspace, MAIL, name="Starting", eventName="buy")
    naming = make_sequence(
        workspace,
        MAIL,
        {"type": "wait_for_event", "eventName": "buy"},
        {"type": "condition", "rules": [{"type": "did_not_event", "eventName": "buy"}]},
        name="Naming",
        is_active=False,
        stopCondition={"type": "event_received", "value": "buy"},
    )
    make_sequence(workspace, MAIL, name="Another")
    (rule,) = sync_rules.replace_all(
        workspace=workspace, specs=[RuleSpec(trigger_event="buy", add=["customer"])]
    )

    page = page_of(admin_client, buy)

    text = words_of(page)
    assert "Starting : starts it (active)" in text
    assert "Naming : ends it early, named by step 2, 3 (draft)" in text
    assert "Another" not in text
    for row in (starting, naming, rule):
        assert admin_url(row) in page


def test_an_unused_name_without_events_says_so(admin_client: Client, buy: EventDefinition) -> None:
    text = words_of(page_of(admin_client, buy))

    assert "No sequence and no sync rule names this event." in text
    assert "None: its newest events have no properties." in text
    assert "Its events are deleted." in text


def test_each_part_is_shown_to_who_may_see_it(client: Client, buy: EventDefinition) -> None:
    event = make(buy, properties={"plan": "pro"})
    person = User.objects.create(username="viewer", is_staff=True)
    person.user_permissions.set(Permission.objects.filter(codename="view_eventdefinition"))
    client.force_login(person)

    page = page_of(client, buy)

    assert "Came 0 times" in page
    assert admin_url(event) not in page
    assert "plan" not in words_of(page).split("Came", 1)[1]
    assert "Used by" not in page


def test_the_page_costs_the_same_with_many_events_and_sequences(
    admin_client: Client, workspace: Workspace, buy: EventDefinition
) -> None:
    def statements() -> int:
        with CaptureQueriesContext(connection) as queries:
            page_of(admin_client, buy)
        assert not [each["sql"] for each in queries if "COUNT(" in each["sql"].upper()]
        return len(queries)

    def add() -> None:
        make(buy, properties={"a": 1})
        make_sequence(workspace, MAIL, eventName="buy")

    add()
    statements()
    once = statements()
    for _ in range(4):
        add()

    assert statements() == once <= 14
