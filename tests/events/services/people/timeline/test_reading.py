"""A person's time line: every source, filters, pages without gaps, and who may see what."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from events.services.people.timeline import reading, sources
from events.services.people.timeline.reading import Page
from events.services.people.timeline.sources import SOURCES, LineKind, Show
from subscribers.models import ConsentRecord, Subscriber
from tests import factories

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
EVERYTHING = frozenset(source.permission for source in SOURCES)


def read(person: Subscriber, show: Show = Show.ALL, after: str = "", **options: Any) -> Page:
    sees = options.get("sees", EVERYTHING)
    return reading.read(person=person, show=show, after=after, sees=sees.__contains__)


def kinds(page: Page) -> list[LineKind]:
    return [entry.kind for entry in page.entries]


def log(person: Subscriber, words: str) -> LogEntry:
    kind = ContentType.objects.get_for_model(Subscriber)
    return LogEntry.objects.create(
        user=User.objects.get_or_create(username="ada")[0],
        content_type=kind, object_id=str(person.pk), object_repr="x", action_flag=CHANGE,
        change_message=words, action_time=NOON,
    )  # fmt: skip


def a_life(person: Subscriber) -> None:
    """Give the person a row of every source, all at one moment."""
    factories.EventFactory.create(subscriber=person)
    run = factories.StepRunFactory.create(
        enrollment__subscriber=person, enrollment__version__workspace=person.workspace,
        enrollment__status="completed", enrollment__ended_at=NOON, enrollment__due_at=None,
    )  # fmt: skip
    mail = factories.OutgoingEmailFactory.create(subscriber=person, sent=True)
    factories.StepRunFactory.create(enrollment=run.enrollment, visit=2, email=mail)
    factories.ConsentRecordFactory.create(subscriber=person)
    link = factories.SubscriberTagFactory.create(subscriber=person)
    type(link).objects.update(created_at=NOON)
    factories.ListMembershipFactory.create(
        subscriber=person, subscribed_at=NOON, unsubscribed_at=NOON
    )
    log(person, "Exported everything stored about them")


@pytest.fixture
def person() -> Subscriber:
    person = factories.SubscriberFactory.create(created_at=NOON)
    # Somebody else's life is no part of it.
    a_life(factories.SubscriberFactory.create(workspace=person.workspace))
    return person


@pytest.mark.parametrize(
    ("show", "expected"),
    [
        (Show.ALL, set(LineKind)),
        (Show.EVENTS, {LineKind.EVENT}),
        (Show.SEQUENCES, {LineKind.ENTERED, LineKind.STEP, LineKind.ENDED}),
        (Show.MAIL, {LineKind.MAIL}),
        (Show.CONSENT, {LineKind.CONSENT}),
        (
            Show.CHANGES,
            {LineKind.ADDED, LineKind.TAG, LineKind.JOINED, LineKind.LEFT, LineKind.LOG},
        ),
    ],
)
def test_each_filter_shows_its_sources(
    person: Subscriber, show: Show, expected: set[LineKind]
) -> None:
    a_life(person)

    page = read(person, show)

    assert set(kinds(page)) == expected
    assert page.older == ""


def test_a_step_with_a_mail_is_told_once_beside_the_mail(person: Subscriber) -> None:
    a_life(person)

    assert kinds(read(person)).count(LineKind.STEP) == 1
    assert kinds(read(person, Show.SEQUENCES)).count(LineKind.STEP) == 2


@pytest.mark.parametrize("show", [Show.ALL, Show.EVENTS, Show.MAIL])
def test_pages_have_no_gap_and_no_repeat_where_rows_share_a_moment(
    person: Subscriber, show: Show, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "PAGE", 3)
    for _ in range(7):
        factories.EventFactory.create(subscriber=person)
        factories.OutgoingEmailFactory.create(subscriber=person, sent=True)
        factories.OutgoingEmailFactory.create(
            subscriber=person, created_at=NOON - timedelta(microseconds=1)
        )
    a_life(person)
    monkeypatch.setattr(reading, "PAGE", 1000)
    whole = [(entry.kind, entry.row.pk) for entry in read(person, show).entries]
    monkeypatch.setattr(reading, "PAGE", 3)

    seen, after = [], ""
    while True:
        page = read(person, show, after)
        seen += [(entry.kind, entry.row.pk) for entry in page.entries]
        after = page.older
        if not after:
            break
        assert len(page.entries) == 3

    assert seen == whole
    assert len(set(seen)) == len(seen)


def test_newest_first_by_when_it_happened(person: Subscriber) -> None:
    late = factories.EventFactory.create(
        subscriber=person, occurred_at=NOON - timedelta(days=3), received_at=NOON
    )
    mail = factories.OutgoingEmailFactory.create(
        subscriber=person, sent=True, created_at=NOON - timedelta(days=9)
    )

    rows = [entry.row for entry in read(person).entries if entry.kind is not LineKind.ADDED]

    assert rows == [mail, late]


def test_a_reader_sees_only_sources_that_are_allowed(person: Subscriber) -> None:
    a_life(person)

    page = read(person, sees=frozenset({sources.SEE_PEOPLE, sources.SEE_CONSENT}))

    assert set(kinds(page)).isdisjoint(
        {LineKind.MAIL, LineKind.EVENT, LineKind.STEP, LineKind.ENTERED}
    )
    assert LineKind.CONSENT in kinds(page)
    assert not page.knows_all


@pytest.mark.parametrize(
    "after",
    [
        "x", "1.2", "1.1.1.1", "1.99.x", "9" * 40 + ".1.1", "-1.-1.0", "1.1.not-an-id",
        f"{2**62}.1.{'0' * 32}", "1.14.9999999999999999999999", "\0.\0.\0",
    ],
)  # fmt: skip
def test_a_position_that_cannot_be_read_shows_a_page(person: Subscriber, after: str) -> None:
    assert read(person, after=after) is not None


def test_a_tag_that_an_event_added_has_no_second_line(person: Subscriber) -> None:
    now = timezone.now()
    link = factories.SubscriberTagFactory.create(subscriber=person)
    added = {"tag": link.tag.name, "tagId": link.tag.pk.hex, "rule": "0" * 32}
    event = factories.EventFactory.create(
        subscriber=person, occurred_at=now, received_at=now, effects={"tagsAdded": [added]}
    )

    page = read(person)

    assert LineKind.TAG not in kinds(page)
    assert [entry.row for entry in read(person, Show.CHANGES).entries if entry.row == event]


def test_a_tag_by_a_late_event_names_it(person: Subscriber) -> None:
    now = timezone.now()
    link = factories.SubscriberTagFactory.create(subscriber=person)
    added = {"tag": link.tag.name, "tagId": link.tag.pk.hex, "rule": "0" * 32}
    old = now - timedelta(days=400)
    event = factories.EventFactory.create(
        subscriber=person, occurred_at=old, received_at=now, effects={"tagsAdded": [added]}
    )
    for number in range(60):
        factories.EventFactory.create(
            subscriber=person, occurred_at=old + timedelta(days=1, minutes=number)
        )

    page = read(person)

    assert LineKind.TAG in kinds(page)
    assert page.causes == {link.pk: event}


def test_a_tag_or_list_by_a_step_or_an_operator_has_no_second_line(person: Subscriber) -> None:
    link = factories.SubscriberTagFactory.create(subscriber=person)
    joined = factories.ListMembershipFactory.create(subscriber=person)
    left = factories.ListMembershipFactory.create(
        subscriber=person, subscribed_at=NOON, unsubscribed_at=timezone.now()
    )
    factories.StepRunFactory.create(
        enrollment__subscriber=person, enrollment__version__workspace=person.workspace,
        outcome={"tagsAdded": [link.tag.name], "listsJoined": [joined.list.name]},
    )  # fmt: skip
    factories.ConsentRecordFactory.create(
        subscriber=person, kind=ConsentRecord.Kind.LEFT_LIST, list_name=left.list.name,
        at=timezone.now(),
    )  # fmt: skip

    shown = kinds(read(person))

    assert LineKind.TAG not in shown
    assert LineKind.LEFT not in shown
    # The earlier joining of the list that they left has no other line.
    assert shown.count(LineKind.JOINED) == 1


def test_the_search_for_changes_is_bounded_and_goes_on(
    person: Subscriber, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "MOST_SCANNED", 5)
    changing = factories.EventFactory.create(
        subscriber=person,
        occurred_at=NOON - timedelta(hours=1),
        effects={"tagsRemoved": [{"tag": "x", "tagId": "0" * 32, "rule": "0" * 32}]},
    )
    for number in range(7):
        factories.EventFactory.create(
            subscriber=person, occurred_at=NOON - timedelta(minutes=number)
        )

    first = read(person, Show.CHANGES)
    second = read(person, Show.CHANGES, first.older)

    assert first.is_cut
    assert [entry.row for entry in second.entries if entry.kind is LineKind.EVENT] == [changing]
    assert not second.older


def test_statements_do_not_grow_with_the_rows(person: Subscriber) -> None:
    def statements() -> int:
        with CaptureQueriesContext(connection) as queries:
            read(person)
        return len(queries)

    a_life(person)
    statements()
    few = statements()
    for _ in range(4):
        a_life(person)

    assert statements() == few <= 14
