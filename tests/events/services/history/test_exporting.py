"""Events on their way out: each once, in an order that an import likes, whatever the pages."""

from datetime import UTC, datetime, timedelta

import pytest

from events.models import Event
from events.services.history import exporting
from events.services.history.exporting import EVERYTHING, Chosen, ExportedEvent
from subscribers.models import Workspace
from subscribers.services.people.exporting import Chosen as People
from subscribers.services.people.exporting import UnknownName
from tests import factories

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def exported(
    workspace: Workspace, chosen: Chosen = EVERYTHING, *, page_rows: int = 5000
) -> list[ExportedEvent]:
    """Return all rows of all pages."""
    pages = exporting.event_pages(workspace=workspace, chosen=chosen, page_rows=page_rows)
    return [row for page in pages for row in page]


@pytest.fixture
def events(workspace: Workspace) -> list[Event]:
    """Events of three people under two names, in the order in which they are to leave."""
    names = [
        factories.EventDefinitionFactory.create(workspace=workspace, name=name)
        for name in ("opened", "bought")
    ]
    people = [factories.SubscriberFactory.create(workspace=workspace) for _ in range(3)]
    # Later ones come first, and some at the same moment.
    made = [
        factories.EventFactory.create(
            subscriber=people[number % 2],
            definition=names[number % 3 % 2],
            occurred_at=NOON - timedelta(minutes=number // 4),
        )
        for number in range(12)
    ]
    factories.EventFactory.create()
    return sorted(made, key=lambda event: (event.subscriber_id, event.occurred_at, event.pk))


@pytest.mark.parametrize("page_rows", [1, 2, 3, 5, 12, 13])
def test_every_event_leaves_once_person_by_person(
    workspace: Workspace, events: list[Event], page_rows: int
) -> None:
    rows = exported(workspace, page_rows=page_rows)

    assert [row.id for row in rows] == [event.public_id for event in events]


@pytest.mark.parametrize("page_rows", [1, 2, 3, 5, 100])
def test_some_names_leave_name_by_name_as_they_occurred(
    workspace: Workspace, events: list[Event], page_rows: int
) -> None:
    chosen = Chosen(names=("opened", "bought"))
    in_order = sorted(
        events, key=lambda event: (event.definition.name, event.occurred_at, event.pk)
    )

    rows = exported(workspace, chosen, page_rows=page_rows)

    assert [row.id for row in rows] == [event.public_id for event in in_order]
    assert {row.email for row in rows} == {event.subscriber.email for event in events}


def test_a_row_is_what_the_import_takes(workspace: Workspace) -> None:
    event = factories.EventFactory.create(
        subscriber__workspace=workspace,
        subscriber__external_id="user_1",
        definition__name="order placed",
        event_id="A-7",
        occurred_at=NOON + timedelta(microseconds=120_000),
        received_at=NOON,
        properties={"total": 19.5, "big": 1e300, "items": [{"sku": None}], "ü": "\u2028"},
    )

    assert exported(workspace) == [
        ExportedEvent(
            id=event.public_id,
            email=event.subscriber.email,
            external_id="user_1",
            name="order placed",
            event_id="A-7",
            occurred_at="2026-11-24T12:00:00.120000Z",
            received_at="2026-11-24T12:00:00Z",
            properties={"total": 19.5, "big": 1e300, "items": [{"sku": None}], "ü": "\u2028"},
        )
    ]


def test_events_are_chosen_by_all_that_is_asked_for(
    workspace: Workspace, events: list[Event]
) -> None:
    someone = events[0].subscriber
    minute = timedelta(minutes=1)

    def ids(chosen: Chosen) -> list[str]:
        return [row.id for row in exported(workspace, chosen)]

    theirs = Chosen(names=("opened",), people=People(subscriber_id=someone.pk))
    in_time = Chosen(since=NOON - minute, before=NOON)

    assert ids(theirs) == [
        event.public_id
        for event in events
        if event.subscriber == someone and event.definition.name == "opened"
    ]
    assert ids(in_time) == [
        event.public_id for event in events if NOON - minute <= event.occurred_at < NOON
    ]
    assert ids(Chosen(names=("bought",), before=NOON - minute)) == [
        event.public_id
        for event in sorted(events, key=lambda event: (event.occurred_at, event.pk))
        if event.definition.name == "bought" and event.occurred_at < NOON - minute
    ]
    assert ids(Chosen(people=People(statuses=("bounced",)))) == []


def test_an_unknown_name_is_refused_at_once(workspace: Workspace) -> None:
    factories.EventDefinitionFactory.create(name="opened")

    with pytest.raises(UnknownName, match="event 'opened'"):
        exporting.event_pages(workspace=workspace, chosen=Chosen(names=("opened",)))


def test_a_name_that_comes_while_pages_are_read_is_known(
    workspace: Workspace, events: list[Event]
) -> None:
    pages = exporting.event_pages(workspace=workspace, page_rows=5)
    first = next(pages)
    late = factories.EventFactory.create(subscriber=events[-1].subscriber)

    rest = [row for page in pages for row in page]

    assert late.public_id not in [row.id for row in first]
    assert late.definition.name in [row.name for row in rest]
