"""Exports: every chosen subscriber once, with all their data."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from pytest_django import DjangoAssertNumQueries

from subscribers.models import ConsentRecord, Subscriber, Workspace
from subscribers.services.people import exporting
from subscribers.services.people.exporting import EVERYBODY, Chosen, SubscriberRow
from tests import factories

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
Status = Subscriber.Status


def exported(
    workspace: Workspace, chosen: Chosen = EVERYBODY, *, page_rows: int = 1000
) -> list[SubscriberRow]:
    """Return all rows of all pages."""
    pages = exporting.subscriber_pages(workspace=workspace, chosen=chosen, page_rows=page_rows)
    return [row for page in pages for row in page]


def addresses(workspace: Workspace, chosen: Chosen) -> list[str]:
    return [row.email for row in exported(workspace, chosen)]


def test_a_row_has_everything_of_a_person(workspace: Workspace) -> None:
    person = factories.SubscriberFactory.create(
        workspace=workspace,
        email="Ada@example.com",
        external_id="user_1",
        first_name="Ada",
        last_name="Lovelace",
        status=Status.UNSUBSCRIBED,
        attributes={"plan": {"name": "pro"}},
        timezone="Europe/Berlin",
        created_at=NOON,
        unsubscribed_at=NOON + timedelta(days=1),
    )
    for name in ("vip", "early"):
        tag = factories.TagFactory.create(workspace=workspace, name=name)
        factories.SubscriberTagFactory.create(subscriber=person, tag=tag)
    for name, left_at in (("Offers", None), ("News", None), ("Old", NOON)):
        joined = factories.ListFactory.create(workspace=workspace, name=name)
        factories.ListMembershipFactory.create(
            subscriber=person, list=joined, unsubscribed_at=left_at
        )
    factories.ConsentRecordFactory.create(subscriber=person)
    factories.ConsentRecordFactory.create(
        subscriber=person,
        kind=ConsentRecord.Kind.CONFIRMED,
        at=NOON,
        ip="192.0.2.1",
        user_agent="Mozilla",
        method="button",
    )

    assert exported(workspace) == [
        SubscriberRow(
            id=person.public_id,
            email="Ada@example.com",
            external_id="user_1",
            first_name="Ada",
            last_name="Lovelace",
            status="unsubscribed",
            custom_attributes={"plan": {"name": "pro"}},
            tags=["early", "vip"],
            lists=["News", "Offers"],
            timezone="Europe/Berlin",
            created_at=NOON,
            unsubscribed_at=NOON + timedelta(days=1),
            consent_at=NOON,
            consent_ip="192.0.2.1",
            consent_user_agent="Mozilla",
            consent_method="button",
        )
    ]


def test_consent_that_a_file_brought_in_goes_out_in_its_own_words(workspace: Workspace) -> None:
    person = factories.SubscriberFactory.create(workspace=workspace)
    factories.ConsentRecordFactory.create(
        subscriber=person, kind=ConsentRecord.Kind.CONFIRMED, method="import", reason="paper form"
    )

    (row,) = exported(workspace)

    assert row.consent_method == "paper form"


@pytest.mark.parametrize("page_rows", [1, 2, 5, 6])
def test_everybody_is_in_it_once_whatever_the_pages(workspace: Workspace, page_rows: int) -> None:
    people = [factories.SubscriberFactory.create(workspace=workspace) for _ in range(5)]
    factories.SubscriberFactory.create()

    rows = exported(workspace, page_rows=page_rows)

    assert [row.email for row in rows] == [person.email for person in people]


def test_people_are_chosen_by_all_that_is_asked_for(workspace: Workspace) -> None:
    vip = factories.TagFactory.create(workspace=workspace, name="vip-user")
    news = factories.ListFactory.create(workspace=workspace, name="News")
    new_person = factories.SubscriberFactory.create
    ada = new_person(workspace=workspace, email="ada@x.io", created_at=NOON)
    bob = new_person(workspace=workspace, email="bob@x.io", created_at=NOON - timedelta(days=2))
    eve = new_person(workspace=workspace, email="eve@x.io", status=Status.BOUNCED, created_at=NOON)
    for person in (ada, eve):
        factories.SubscriberTagFactory.create(subscriber=person, tag=vip)
    factories.ListMembershipFactory.create(subscriber=ada, list=news)
    factories.ListMembershipFactory.create(subscriber=bob, list=news, unsubscribed_at=NOON)

    assert addresses(workspace, Chosen(tags=("VIP user",))) == ["ada@x.io", "eve@x.io"]
    assert addresses(workspace, Chosen(tags=("vip-user",), lists=("News",))) == ["ada@x.io"]
    assert addresses(workspace, Chosen(lists=("News",))) == ["ada@x.io"]
    assert addresses(workspace, Chosen(statuses=("bounced", "pending"))) == ["eve@x.io"]
    assert addresses(workspace, Chosen(before=NOON)) == ["bob@x.io"]
    assert addresses(workspace, Chosen(since=NOON)) == ["ada@x.io", "eve@x.io"]
    assert addresses(workspace, Chosen(subscriber_id=bob.pk)) == ["bob@x.io"]


@pytest.mark.parametrize(
    ("chosen", "named"),
    [
        (Chosen(tags=("vip",)), "tag 'vip'"),
        (Chosen(tags=("!",)), "tag '!'"),
        (Chosen(lists=("News",)), "list 'News'"),
    ],
)
def test_an_unknown_name_is_reported_at_once(
    workspace: Workspace, chosen: Chosen, named: str
) -> None:
    factories.TagFactory.create(name="vip")
    factories.ListFactory.create(name="News")

    with pytest.raises(exporting.UnknownName, match=named):
        exporting.subscriber_pages(workspace=workspace, chosen=replace(chosen, since=NOON))


def test_pages_take_as_many_queries_for_one_person_as_for_many(
    workspace: Workspace, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(6):
        factories.SubscriberTagFactory.create(subscriber__workspace=workspace)

    with django_assert_num_queries(4):
        exported(workspace)
