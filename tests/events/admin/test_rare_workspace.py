"""The list of events of a workspace that has few of the newest ones."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from events.admin import event_list
from events.models import EventDefinition
from tests import factories
from tests.events.admin.test_event_list import make, shown, signed_up

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
    assert len([each for each in queries if "events_event" in each["sql"]]) <= 5
