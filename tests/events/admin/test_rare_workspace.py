"""The list of events of a workspace that has few of the newest ones."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from config.admin_base import ROWS_PER_PAGE, list_url
from events.admin import event_list
from events.models import Event, EventDefinition
from subscribers.ids import first_id_at
from tests import factories
from tests.events.admin.test_event_list import make, shown, signed_up
from tests.factories.history import NOON

__all__ = ["signed_up"]


@pytest.mark.parametrize("narrowed", [{}, {"kind": "live"}, {"property": "n = 1"}])
def test_a_workspace_is_found_behind_the_events_of_others(
    admin_client: Client,
    signed_up: EventDefinition,
    monkeypatch: pytest.MonkeyPatch,
    narrowed: dict[str, str],
) -> None:
    """As many as a page must be among the newest rows; else those of its names are sorted."""
    monkeypatch.setattr(event_list, "MOST_LOOKED_AT", 4)
    bought = factories.EventDefinitionFactory.create(workspace=signed_up.workspace, name="bought")
    theirs = factories.EventDefinitionFactory.create(name="signed_up")
    names = [signed_up, theirs, bought, theirs, signed_up, *[theirs] * 9]
    events = [make(name, properties={"n": 1}) for name in names]
    mine = [event for event in events if event.definition != theirs]

    of_workspace = {"workspace__id__exact": signed_up.workspace.pk, **narrowed}
    with CaptureQueriesContext(connection) as queries:
        found = shown(admin_client, **of_workspace)

    assert found == mine[::-1]
    assert shown(admin_client, **of_workspace, before=mine[1].pk) == mine[:1]
    assert shown(admin_client, **of_workspace, before=mine[0].pk) == []
    assert len([each for each in queries if "events_event" in each["sql"]]) <= 6


def paged(client: Client, **filters: object) -> Iterator[Event]:
    """Yield the events of all pages, as "Older" leads from one to the next."""
    address: str | None = list_url(Event, **filters)
    while address:
        listed = client.get(address).context["cl"]
        yield from listed.result_list
        address = listed.older and list_url(Event) + listed.older


@pytest.mark.parametrize(
    "narrowed",
    [
        {}, {"kind": "live"}, {"kind": "history"}, {"followed": "yes"}, {"followed": "no"},
        {"property": "n = 1"}, {"property": "n = 1", "kind": "live", "followed": "no"},
        {"from": "2026-11-24T12:05Z"}, {"until": "2026-11-24T12:05Z"},
        {"from": "2026-11-24T12:02Z", "until": "2026-11-24T12:08Z", "property": "n = 1"},
    ],
)  # fmt: skip
def test_either_way_leads_to_the_same_events(
    admin_client: Client,
    signed_up: EventDefinition,
    monkeypatch: pytest.MonkeyPatch,
    narrowed: dict[str, str],
) -> None:
    """History that was received late stands where it was received, whatever its name."""
    bought = factories.EventDefinitionFactory.create(workspace=signed_up.workspace, name="bought")
    theirs = factories.EventDefinitionFactory.create(name="signed_up")
    for number in range(24):
        at = NOON + timedelta(seconds=30 * number)
        is_old = number % 3 == 1
        make(
            (signed_up, theirs, bought, theirs)[number % 4],
            # Made up to a minute later than received.
            id=first_id_at(at + timedelta(seconds=60 * (number % 2), milliseconds=number)),
            received_at=at,
            occurred_at=at - timedelta(days=500 - number) * is_old,
            is_historical=is_old,
            effects={"tagsAdded": []} if number % 5 == 0 else {},
            properties={"n": number % 7 // 3},
        )
    factories.EventFactory.create_batch(5)
    filters = {"workspace__id__exact": signed_up.workspace.pk, **narrowed}

    monkeypatch.setattr(event_list, "MOST_SORTED", -1)
    by_receipt = list(paged(admin_client, **filters))
    monkeypatch.setattr(event_list, "MOST_SORTED", 100)
    monkeypatch.setattr(event_list, "MOST_LOOKED_AT", 4)
    monkeypatch.setattr(event_list, "FIRST_LOOKED_UP", 1)
    monkeypatch.setattr(event_list, "MORE_EACH_TIME", 2)
    by_name = list(paged(admin_client, **filters))
    monkeypatch.setattr(event_list, "MOST_LOOKED_UP", 3)
    by_name_in_parts = list(paged(admin_client, **filters))

    assert by_receipt
    assert by_name == by_receipt
    assert by_name_in_parts == by_receipt


def test_a_page_says_how_many_events_it_looked_up(
    admin_client: Client, signed_up: EventDefinition, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_list, "MOST_LOOKED_AT", 4)
    monkeypatch.setattr(event_list, "MOST_LOOKED_UP", 3)
    wanted = make(signed_up, properties={"n": 1})
    for _ in range(3):
        make(signed_up)
    factories.EventFactory.create_batch(5)
    filters = {"workspace__id__exact": signed_up.workspace.pk, "property": "n = 1"}

    first = admin_client.get(list_url(Event, **filters))
    second = admin_client.get(list_url(Event) + first.context["cl"].older)

    assert list(first.context["cl"].result_list) == []
    assert "Looked at 3 events, back to" in first.content.decode()
    assert list(second.context["cl"].result_list) == [wanted]
    assert second.context["cl"].older is None


def test_a_full_page_goes_on_from_its_last_event(
    admin_client: Client, signed_up: EventDefinition, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_list, "MOST_LOOKED_AT", 4)
    events = [make(signed_up) for _ in range(ROWS_PER_PAGE + 2)]
    factories.EventFactory.create_batch(5)
    filters = {"workspace__id__exact": signed_up.workspace.pk, "kind": "live"}

    assert list(paged(admin_client, **filters)) == events[::-1]
