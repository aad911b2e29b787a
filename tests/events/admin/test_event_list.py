"""The list of events: its filters, how far it looks, and what came meanwhile."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from config import admin_scanning, workspace_choice
from config.admin_base import NOT_OFFERED, ROWS_PER_PAGE, list_url
from config.sign_in.middleware import SEEN
from events.models import Event, EventDefinition
from subscribers.ids import encode, first_id_at
from subscribers.models import Workspace
from tests import factories
from tests.factories.history import NOON

NEWER = "/admin/events/event/newer/"
BEGINNING = encode("evt", first_id_at(NOON))


def shown(client: Client, **filters: object) -> list[Event]:
    """Return the events that the list shows with these filters."""
    return list(client.get(list_url(Event, **filters), follow=True).context["cl"].result_list)


def make(definition: EventDefinition, **fields: Any) -> Event:
    return factories.EventFactory.create(
        subscriber__workspace=definition.workspace, definition=definition, **fields
    )


@pytest.fixture
def signed_up(workspace: Workspace) -> EventDefinition:
    return factories.EventDefinitionFactory.create(workspace=workspace, name="signed_up")


def test_a_name_finds_its_events(admin_client: Client, signed_up: EventDefinition) -> None:
    old = make(signed_up, occurred_at=NOON)
    new = make(signed_up, occurred_at=NOON + timedelta(hours=1))
    factories.EventFactory.create(subscriber=old.subscriber)

    assert shown(admin_client, name=" signed_up ") == [new, old]


def test_the_search_finds_an_event_s_name(admin_client: Client, signed_up: EventDefinition) -> None:
    event = make(signed_up)

    answer = admin_client.get(list_url(Event, q="signed_up", kind="live"))

    assert answer.status_code == 302
    assert answer.headers["Location"] == list_url(Event, kind="live", name="signed_up")
    assert shown(admin_client, q="signed_up") == [event]
    assert shown(admin_client, q="nothing like it") == []


def test_the_beginning_of_a_name_leads_to_the_names(
    admin_client: Client, signed_up: EventDefinition
) -> None:
    make(signed_up)

    page = admin_client.get(list_url(Event, q="sign"), follow=True)

    assert not page.context["cl"].result_list
    text = page.content.decode()
    assert "No event has this name. Names that begin like it:" in text
    assert f'href="{list_url(Event, name="signed_up")}"><bdi>signed_up</bdi></a>' in text


def test_a_name_of_several_workspaces_shows_one_and_leads_to_the_others(
    admin_client: Client, signed_up: EventDefinition
) -> None:
    other = factories.EventDefinitionFactory.create(name="signed_up")
    mine, theirs = make(signed_up), make(other)

    page = admin_client.get(list_url(Event, name="signed_up"))

    assert list(page.context["cl"].result_list) == [mine]
    text = page.content.decode()
    assert f"signed_up, in {signed_up.workspace}" in text
    assert list_url(Event, definition__id__exact=other.pk) in text
    narrowed = {"name": "signed_up", "workspace__id__exact": other.workspace_id}
    assert shown(admin_client, **narrowed) == [theirs]


def test_a_name_is_that_of_the_chosen_workspace(
    admin_client: Client, signed_up: EventDefinition
) -> None:
    other = factories.EventDefinitionFactory.create(name="signed_up")
    make(signed_up)
    theirs = make(other)
    session = admin_client.session
    session[workspace_choice.SESSION_KEY] = str(other.workspace_id)
    session.save()

    page = admin_client.get(list_url(Event, name="signed_up"))

    assert list(page.context["cl"].result_list) == [theirs]
    assert "Other workspaces have it too" not in page.content.decode()


def test_a_person_is_found_by_address_and_external_id(admin_client: Client) -> None:
    event = factories.EventFactory.create(
        subscriber__email="ada@example.com", subscriber__external_id="user-1"
    )
    factories.EventFactory.create()

    assert shown(admin_client, person="ADA@example.com") == [event]
    assert shown(admin_client, person="user-1") == [event]
    assert shown(admin_client, person="nobody") == []


def test_times_are_those_of_the_receipt_and_with_a_name_of_the_occurrence(
    admin_client: Client, signed_up: EventDefinition
) -> None:
    now = timezone.now()
    event = make(signed_up, received_at=now, occurred_at=NOON - timedelta(days=30))
    today = timezone.localdate().isoformat()

    assert shown(admin_client, **{"from": today, "until": today}) == [event]
    assert shown(admin_client, until="2026-11-01") == []
    assert shown(admin_client, name="signed_up", until="2026-11-01") == [event]
    assert shown(admin_client, name="signed_up", **{"from": today}) == []
    assert shown(admin_client, name="signed_up", until="2026-10-25T11:59Z") == []
    assert shown(admin_client, name="signed_up", until="2026-10-25T12:01Z") == [event]


def test_effects_history_and_retries_are_filters(admin_client: Client) -> None:
    plain = factories.EventFactory.create()
    tagged = factories.EventFactory.create(effects={"tagsAdded": []})
    past = factories.EventFactory.create(is_historical=True)
    owed = factories.FailedStageFactory.create(event__effects={"failedStages": []}).event

    assert shown(admin_client, followed="yes") == [owed, tagged]
    assert shown(admin_client, followed="no") == [past, plain]
    assert shown(admin_client, kind="history") == [past]
    assert shown(admin_client, kind="live", followed="no") == [plain]
    assert shown(admin_client, retries="yes") == [owed]


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        ("plan = pro", "ab"),
        ('plan = "pro"', "ab"),
        ("plan != pro", "c"),
        ("order.total = 40", "a"),
        ("order.total > 39.5", "a"),
        ("order.items[].sku = A-7", "a"),
        ("is_trial = true", "b"),
        ('is_trial = "true"', "c"),
        ("order", "a"),
        ("plan ~ ENTER", "c"),
        ("name = a = b", "b"),
        ("plan equals pro", ""),
    ],
)
def test_properties_are_found_by_value_and_type(
    admin_client: Client, signed_up: EventDefinition, condition: str, found: str
) -> None:
    items = [{"sku": "B-1"}, {"sku": "A-7"}]
    make(
        signed_up, event_id="a", properties={"plan": "pro", "order": {"total": 40, "items": items}}
    )
    make(signed_up, event_id="b", properties={"plan": "pro", "is_trial": True, "name": "a = b"})
    make(signed_up, event_id="c", properties={"plan": "enterprise", "is_trial": "true"})

    rows = shown(admin_client, property=condition)

    assert "".join(sorted(str(row.event_id) for row in rows)) == found


def test_a_condition_that_is_none_is_said_and_not_used(admin_client: Client) -> None:
    event = factories.EventFactory.create()

    page = admin_client.get(list_url(Event, property="= pro <b>"))

    assert list(page.context["cl"].result_list) == [event]
    assert "It is not used: it must begin with a path" in page.content.decode()
    assert "<b>" not in page.content.decode().split("It is not used", 1)[1][:200]


def test_a_filter_without_an_index_looks_at_so_many_and_goes_on(
    admin_client: Client, signed_up: EventDefinition, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admin_scanning, "MOST_LOOKED_AT", 4)
    wanted = [make(signed_up, properties={"n": 1}) for _ in range(2)]
    for minutes in range(9):
        make(signed_up, occurred_at=NOON + timedelta(minutes=minutes))

    for narrowed in ({"property": "n = 1"}, {"property": "n = 1", "name": "signed_up"}):
        address: str | None = list_url(Event, **narrowed)
        pages, found = 0, []
        while address:
            answer = admin_client.get(address)
            listed = answer.context["cl"]
            found += listed.result_list
            pages += 1
            assert ("Looked at 4 events, back to" in answer.content.decode()) is bool(listed.older)
            address = listed.older and list_url(Event) + listed.older

        assert found == wanted[::-1]
        assert pages == 3


def test_a_scan_with_more_than_a_page_of_matches_loses_none(
    admin_client: Client, signed_up: EventDefinition, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admin_scanning, "MOST_LOOKED_AT", ROWS_PER_PAGE + 3)
    events = [make(signed_up, properties={"n": 1}) for _ in range(ROWS_PER_PAGE + 5)]

    address, found = list_url(Event, property="n = 1"), []
    while address:
        listed = admin_client.get(address).context["cl"]
        found += listed.result_list
        address = listed.older and list_url(Event) + listed.older

    assert found == events[::-1]


def test_the_filters_form_leads_to_an_address_without_blanks(admin_client: Client) -> None:
    row = factories.EventFactory.create()
    blank = "name=&from=&person=&kind=live&property="

    answer = admin_client.get(f"{list_url(Event)}?{blank}&before={row.pk}&q=a")

    assert answer.headers["Location"] == list_url(Event, kind="live", q="a")


@pytest.mark.parametrize(
    "query",
    [
        "from=zzz", "until=2026-13-01", "from=0001-01-01", "until=9999-12-31", "from=%00",
        "from=2026-11-29T99:00", "until=9999-12-31T23:59:59Z", "kind=zzz", "followed=1",
        "name=%00", "person=%00", "property=%00", "workspace__id__exact=zzz&name=a",
        "workspace__id__exact=zzz&q=a", "q=%00", "before=zzz&property=a",
    ],
)  # fmt: skip
def test_an_address_that_nobody_wrote_is_no_fault(admin_client: Client, query: str) -> None:
    factories.EventFactory.create()

    answer = admin_client.get(f"{list_url(Event)}?{query}", follow=True)

    assert answer.status_code == 200
    assert admin_client.get(f"{NEWER}?{query}&after={BEGINNING}").status_code == 200


def test_new_events_are_counted_with_the_list_s_filters(
    admin_client: Client, signed_up: EventDefinition
) -> None:
    since = {"after": BEGINNING}

    def words(**filters: str) -> str:
        return str(admin_client.get(NEWER, {**since, **filters}).json()["words"])

    assert words() == ""
    make(signed_up, properties={"plan": "pro"})
    assert words() == "1 new event"
    factories.EventFactory.create()
    assert words() == "2 new events"
    assert words(name="signed_up") == "1 new event"
    assert words(property="plan = pro", kind="live") == "1 new event"
    assert words(kind="history") == ""
    assert words(effects__regex="(") == ""
    assert words(after=encode("evt", first_id_at(timezone.now() + timedelta(days=1)))) == ""
    assert words(after="zzz") == ""


def test_asking_for_new_events_does_not_keep_the_session_alive(admin_client: Client) -> None:
    session = admin_client.session
    session[SEEN] = 1
    session.save()

    admin_client.get(NEWER, {"after": BEGINNING})
    admin_client.get(list_url(Event), headers={"X-Cueline-Live": "1"})
    after_asking = admin_client.session[SEEN]
    admin_client.get(list_url(Event))

    assert after_asking == 1
    assert admin_client.session[SEEN] > 1


def test_new_events_are_told_on_the_first_page_only(
    admin_client: Client, signed_up: EventDefinition
) -> None:
    events = [make(signed_up) for _ in range(2)]

    first = admin_client.get(list_url(Event, name="signed_up"))
    second = admin_client.get(list_url(Event, before=events[1].pk))

    assert f'data-address="{NEWER}?name=signed_up&amp;after=evt_' in first.content.decode()
    assert NEWER not in second.content.decode()


def test_who_may_not_see_events_is_told_of_none(client: Client, db: None) -> None:
    person = User.objects.create(username="intern", is_staff=True)
    client.force_login(person)
    refused = client.get(NEWER, {"after": BEGINNING})
    person.user_permissions.set(Permission.objects.filter(codename="view_event"))

    assert refused.status_code == 403
    assert client.get(NEWER, {"after": BEGINNING}).status_code == 200
    assert client.post(NEWER).status_code == 405
    assert Client().get(NEWER).status_code == 302


@pytest.mark.parametrize(
    "filters",
    [
        {}, {"name": "signed_up"}, {"person": "user-1"}, {"property": "n = 1"},
        {"followed": "no", "from": "2020-01-01"}, {"retries": "yes"},
    ],
)  # fmt: skip
def test_a_list_costs_the_same_with_many_rows(
    admin_client: Client, signed_up: EventDefinition, filters: dict[str, object]
) -> None:
    person = factories.SubscriberFactory.create(workspace=signed_up.workspace, external_id="user-1")

    def add() -> None:
        event = factories.EventFactory.create(
            definition=signed_up, subscriber=person, properties={"n": 1}
        )
        factories.FailedStageFactory.create(event=event)

    def statements() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert shown(admin_client, **filters)
        return len(queries)

    add()
    # What Django looks up once and keeps must not count.
    statements()
    once = statements()
    for _ in range(5):
        add()

    assert statements() == once <= 10


def test_hostile_texts_are_shown_as_text(admin_client: Client, workspace: Workspace) -> None:
    hostile = "\"'><script>alert(1)</script>"
    make(factories.EventDefinitionFactory.create(workspace=workspace, name=hostile))

    for filters in (
        {"name": hostile},
        {"person": hostile},
        {"property": f"a = {hostile}"},
        {"q": '"'},
    ):
        page = admin_client.get(list_url(Event, **filters), follow=True).content.decode()
        assert "<script>alert" not in page


def test_no_value_gets_the_notice_of_an_unknown_filter(admin_client: Client) -> None:
    page = admin_client.get(list_url(Event, name="nothing", kind="live"))

    assert NOT_OFFERED not in page.content.decode()


@pytest.mark.parametrize(
    ("filters", "index"),
    [
        ({"name": "signed_up"}, "event_by_definition"),
        ({"person": "user-1"}, "event_timeline"),
        ({"person": "user-1", "name": "signed_up"}, "event_timeline"),
    ],
)
def test_the_list_reads_an_index(
    admin_client: Client, signed_up: EventDefinition, filters: dict[str, str], index: str
) -> None:
    person = factories.SubscriberFactory.create(workspace=signed_up.workspace, external_id="user-1")
    for _ in range(20):
        factories.EventFactory.create(definition=signed_up, subscriber=person)
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_sort = off")

    listed = admin_client.get(list_url(Event, **filters)).context["cl"]

    assert len(listed.result_list) == 20
    assert index in listed.queryset.explain()
