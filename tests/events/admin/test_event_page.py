"""An event's page: its neighbours, its properties with their paths, and its replay."""

import json
import re
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils.html import escape

from config.admin_base import admin_url, view_url
from events.models import Enrollment, Event
from events.services.configuration import sync_rules
from events.services.configuration.sync_rules import RuleSpec
from subscribers.ids import new_id
from subscribers.models import Confirmation, SubscriberTag, Workspace
from tests import factories
from tests.factories.history import NOON
from tests.support.calling import Caller
from tests.support.sequence_making import MAIL, make_sequence

HOSTILE = "\"'><script>alert(1)</script>"


def page_of(client: Client, event: Event) -> str:
    return client.get(admin_url(event)).content.decode()


def asking_page(client: Client, event: Event) -> str:
    return client.get(view_url(event, "replaying")).content.decode()


def replay(client: Client, event: Event, token: str | None = None) -> Any:
    found = re.search(r'name="token" value="(\w+)"', asking_page(client, event))
    assert found
    return client.post(view_url(event, "replay"), {"token": token or found[1]}, follow=True)


def test_the_person_s_events_before_and_after_are_linked(admin_client: Client) -> None:
    person = factories.SubscriberFactory.create()
    times = (NOON.replace(hour=9), NOON, NOON, NOON.replace(hour=15))
    before, one, two, after = (
        factories.EventFactory.create(subscriber=person, occurred_at=at) for at in times
    )
    factories.EventFactory.create()

    page = page_of(admin_client, one)

    assert f'Earlier: <a href="{admin_url(before)}">' in page
    assert f'Later: <a href="{admin_url(two)}">' in page
    assert f'Earlier: <a href="{admin_url(one)}">' in page_of(admin_client, two)
    assert "Later:" not in page_of(admin_client, after)


def test_properties_have_the_paths_that_filters_take(admin_client: Client) -> None:
    properties = {
        "plan": "pro",
        "order": {"items": [{"sku": "A-7", "sizes": [[1]]}], "a.b": {"c": 1}},
        " x ": {"y": 1},
    }
    event = factories.EventFactory.create(properties=properties)

    page = page_of(admin_client, event)

    copied = re.findall('data-copy="([^"]+)"', page)
    assert copied == [
        "plan", "order", "order.items", "order.items[].sku", "order.items[].sizes",
    ]  # fmt: skip
    assert "<details" in page
    # PostgreSQL keeps the keys of an object in an order of its own.
    stored = Event.objects.get().properties
    assert escape(json.dumps(stored, indent=2)) in page


def test_hostile_properties_are_shown_as_text(admin_client: Client) -> None:
    event = factories.EventFactory.create(
        properties={HOSTILE: {HOSTILE: [HOSTILE]}}, event_id=HOSTILE
    )

    assert "<script>alert" not in page_of(admin_client, event)
    assert "<script>alert" not in asking_page(admin_client, event)


def test_an_event_s_page_costs_the_same_with_many_neighbours(admin_client: Client) -> None:
    event = factories.EventFactory.create(properties={"a": {"b": 1}})

    def statements() -> int:
        with CaptureQueriesContext(connection) as queries:
            page_of(admin_client, event)
        return len(queries)

    statements()
    once = statements()
    factories.EventFactory.create_batch(5, subscriber=event.subscriber)

    assert statements() <= once <= 14


def test_the_asking_page_says_what_a_replay_would_do_and_does_nothing(
    admin_client: Client, workspace: Workspace, caller: Caller
) -> None:
    caller.bulk({"name": "buy", "properties": {"n": 1}})
    event = Event.objects.get()
    sync_rules.replace_all(
        workspace=workspace,
        specs=[
            RuleSpec(trigger_event="buy", add=["customer"], remove=["lead"]),
            RuleSpec(trigger_event="buy", add=["vip"], requires=["rich"]),
        ],
    )
    make_sequence(workspace, MAIL, name="Thanks", eventName="buy")
    make_sequence(workspace, MAIL, name="Off", eventName="buy", is_active=False)

    page = asking_page(admin_client, event)

    assert f"Back to <bdi>{event.definition} of {event.subscriber}</bdi>" in page
    assert ">customer</a> would be added by the rule" in page
    assert "would do nothing: a tag that it requires is missing" in page
    assert "Thanks</a>” would start, with a new enrollment at its first step." in page
    assert "Mails and enrollments of the first event stay as they are" in page
    assert Event.objects.count() == 1
    assert not Enrollment.objects.exists()
    assert not SubscriberTag.objects.exists()
    assert not LogEntry.objects.exists()


def test_a_replay_is_a_new_event_of_now_with_a_mark_and_a_log_entry(
    admin_client: Client, workspace: Workspace, caller: Caller
) -> None:
    caller.bulk({"name": "buy", "properties": {"n": 1}, "occurredAt": "2026-01-01T00:00:00Z"})
    event = Event.objects.get()
    make_sequence(workspace, MAIL, name="Thanks", eventName="buy")

    answer = replay(admin_client, event)

    new = Event.objects.exclude(pk=event.pk).get()
    assert answer.redirect_chain == [(admin_url(new), 302)]
    assert (new.properties, new.subscriber, new.is_historical) == (
        {"n": 1},
        event.subscriber,
        False,
    )
    assert new.occurred_at > event.received_at
    assert new.event_id is not None
    assert new.event_id.startswith(f"replay:{event.public_id}:")
    assert Enrollment.objects.get().started_by == new
    assert f'a replay of <a href="{admin_url(event)}">' in answer.content.decode()
    logged = LogEntry.objects.values_list("object_id", "change_message").order_by("id")
    assert list(logged) == [
        (str(new.pk), f"Replayed from {event.public_id}"),
        (str(event.pk), f"Replayed as {new.public_id}"),
    ]


def test_a_second_click_replays_nothing_and_another_page_replays_again(
    admin_client: Client, caller: Caller
) -> None:
    caller.bulk({"name": "buy"})
    event = Event.objects.get()
    token = new_id().hex

    replay(admin_client, event, token)
    again = replay(admin_client, event, token)
    count = Event.objects.count()
    replay(admin_client, event)

    assert "This replay was recorded already" in again.content.decode()
    assert count == 2
    assert Event.objects.count() == 3


@pytest.mark.parametrize("token", ["", "zzz", "\0", "0" * 31])
def test_a_replay_without_its_page_does_nothing(
    admin_client: Client, caller: Caller, token: str
) -> None:
    caller.bulk({"name": "buy"})
    event = Event.objects.get()

    answer = admin_client.post(view_url(event, "replay"), {"token": token}, follow=True)

    assert "Nothing was recorded" in answer.content.decode()
    assert Event.objects.count() == 1


def test_the_page_warns_of_mails_that_go_out_again_and_one_time_stays_one_time(
    admin_client: Client, workspace: Workspace, caller: Caller
) -> None:
    again = make_sequence(workspace, MAIL, name="Again", eventName="buy")
    make_sequence(workspace, MAIL, name="Once", eventName="buy", enrollmentMode="one_time")
    caller.bulk({"name": "buy"})
    event = Event.objects.get()
    over = {"status": Enrollment.Status.COMPLETED, "due_at": None}
    Enrollment.objects.filter(sequence=again).update(entry_slot=None)
    Enrollment.objects.update(**over)

    page = asking_page(admin_client, event)

    assert "The person was in “<bdi>Again</bdi>” before" in page
    assert "“<bdi>Once</bdi>” before" not in page
    assert "Once</a>” would not start: people enter it once" in page


def test_a_replay_of_a_test_key_s_event_sends_no_mail_either(
    admin_client: Client, workspace: Workspace, caller: Caller
) -> None:
    make_sequence(workspace, MAIL, name="Thanks", eventName="buy")
    caller.bulk({"name": "buy"})
    event = Event.objects.get()
    Enrollment.objects.update(
        is_test=True, status=Enrollment.Status.COMPLETED, entry_slot=None, due_at=None
    )

    replay(admin_client, event)

    assert Enrollment.objects.order_by("-pk")[0].is_test is True


def test_the_page_says_whether_a_pending_person_is_asked_to_confirm(
    admin_client: Client, workspace: Workspace
) -> None:
    workspace.double_opt_in = True
    workspace.save()
    person = factories.SubscriberFactory.create(workspace=workspace, pending=True)
    event = factories.EventFactory.create(subscriber=person)

    page = asking_page(admin_client, event)

    assert "A confirmation would be sent: the person has not confirmed." in page
    assert not Confirmation.objects.exists()


def test_only_who_may_change_events_replays_them(client: Client, caller: Caller) -> None:
    caller.bulk({"name": "buy"})
    event = Event.objects.get()
    person = User.objects.create(username="viewer", is_staff=True)
    person.user_permissions.set(Permission.objects.filter(codename="view_event"))
    client.force_login(person)

    assert view_url(event, "replaying") not in page_of(client, event)
    assert 'name="token"' not in asking_page(client, event)
    assert client.post(view_url(event, "replay"), {"token": "0" * 32}).status_code == 403
    assert client.get(view_url(event, "replay")).status_code == 405
    assert Event.objects.count() == 1
