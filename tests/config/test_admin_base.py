"""Lists that page by position, search by beginnings, actions by POST."""

import pytest
from django.contrib.admin import site
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, User
from django.db import connection
from django.test import Client
from django.urls import reverse

from config.admin_base import ROWS_PER_PAGE, list_url, starting_with
from events.models import Event, FailedStage
from subscribers.models import Installation, Subscriber, Tag, Workspace
from tests import factories
from tests.factories.history import NOON


def emails_on(client: Client, address: str) -> list[str]:
    """Return the addresses that a page lists, from the top."""
    rows = client.get(address).context["cl"].result_list
    return [row.email for row in rows]


def test_older_pages_show_every_row_once_newest_first(
    admin_client: Client, workspace: Workspace
) -> None:
    people = factories.SubscriberFactory.create_batch(ROWS_PER_PAGE * 2 + 1, workspace=workspace)

    address: str | None = list_url(Subscriber)
    seen: list[str] = []
    pages = 0
    while address:
        answer = admin_client.get(address)
        listed = answer.context["cl"]
        seen += [row.email for row in listed.result_list]
        address = list_url(Subscriber) + listed.older if listed.older else None
        pages += 1

    assert pages == 3
    assert seen == [person.email for person in reversed(people)]


def test_rows_that_come_in_meanwhile_move_nothing(
    admin_client: Client, workspace: Workspace
) -> None:
    factories.SubscriberFactory.create_batch(ROWS_PER_PAGE + 1, workspace=workspace)
    older = admin_client.get(list_url(Subscriber)).context["cl"].older
    expected = emails_on(admin_client, list_url(Subscriber) + older)

    factories.SubscriberFactory.create_batch(3, workspace=workspace)

    assert emails_on(admin_client, list_url(Subscriber) + older) == expected


def test_filters_stay_on_the_older_page_and_the_position_does_not_stay_in_filters(
    admin_client: Client,
) -> None:
    row, stranger = factories.SubscriberFactory.create(), factories.SubscriberFactory.create()
    factories.SubscriberFactory.create_batch(ROWS_PER_PAGE, workspace=row.workspace)
    narrowed = f"workspace__id__exact={row.workspace.pk}"

    first = admin_client.get(f"{list_url(Subscriber)}?{narrowed}").context["cl"]
    second = admin_client.get(list_url(Subscriber) + first.older).context["cl"]

    assert [person.email for person in second.result_list] == [row.email]
    assert stranger.email not in [person.email for person in first.result_list]
    assert second.newest == f"?{narrowed}"


@pytest.mark.parametrize("position", ["x", "0", "9" * 40, "%00", "0" * 32])
def test_a_position_that_nobody_wrote_is_no_error(admin_client: Client, position: str) -> None:
    answer = admin_client.get(f"{list_url(Subscriber)}?before={position}", follow=True)

    assert answer.status_code == 200


def test_one_person_s_events_are_sorted_by_when_they_happened(admin_client: Client) -> None:
    person = factories.SubscriberFactory.create()
    minutes = [*range(0, 60, 2), *range(1, 60, 2)]
    for minute in minutes:
        factories.EventFactory.create(subscriber=person, occurred_at=NOON.replace(minute=minute))
    factories.EventFactory.create()
    address = list_url(Event, subscriber__id__exact=person.pk)

    first = admin_client.get(address)
    second = admin_client.get(list_url(Event) + first.context["cl"].older)

    rows = [*first.context["cl"].result_list, *second.context["cl"].result_list]
    assert [row.occurred_at.minute for row in rows] == list(range(59, -1, -1))
    assert f"Subscriber: <strong>{person.email}</strong>" in first.content.decode()


def test_search_finds_beginnings_only(admin_client: Client) -> None:
    found = factories.SubscriberFactory.create(email="Ada@example.com", external_id="User_7")
    factories.SubscriberFactory.create(email="nada@example.com", external_id="my-User_7")

    assert emails_on(admin_client, list_url(Subscriber, q="ADA@")) == [found.email]
    assert emails_on(admin_client, list_url(Subscriber, q=" User_7 ")) == [found.email]
    assert emails_on(admin_client, list_url(Subscriber, q="user_7")) == []
    assert emails_on(admin_client, list_url(Subscriber, q=found.public_id)) == [found.email]
    assert emails_on(admin_client, list_url(Subscriber, q="%")) == []
    assert emails_on(admin_client, list_url(Subscriber, q="\0")) != []


@pytest.mark.postgresql
def test_a_search_reads_an_index(db: None) -> None:
    factories.SubscriberFactory.create_batch(20)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")

    plan = Subscriber.objects.filter(starting_with("email_key", "person1")).explain()

    assert "subscriber_email_prefix" in plan


def test_a_search_reads_an_index_on_sqlite_too(db: None) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("SQLite's own planner")

    plan = Subscriber.objects.filter(starting_with("email_key", "person1")).explain()

    assert "subscriber_email_prefix" in plan


@pytest.mark.parametrize(
    "action", ["admin:subscribers_apikey_revoke", "admin:subscribers_workspace_use-preset"]
)
def test_an_action_acts_on_post_with_csrf_and_permission_alone(
    admin_client: Client, admin_user: object, action: str
) -> None:
    row = factories.ApiKeyFactory.create()
    target = row if "apikey" in action else row.workspace
    address = reverse(action, args=[target.pk])
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(admin_user)  # type: ignore[arg-type]

    assert admin_client.get(address).status_code == 405
    assert admin_client.head(address).status_code == 405
    assert strict.post(address).status_code == 403
    assert Client().post(address).status_code == 302
    assert not LogEntry.objects.exists()
    row.refresh_from_db()
    assert row.revoked_at is None


def test_an_action_on_nothing_is_not_found(admin_client: Client) -> None:
    row = factories.ApiKeyFactory.build()

    assert admin_client.post(f"/admin/subscribers/apikey/{row.pk}/revoke/").status_code == 404


def test_deleting_a_tag_names_it_alone(admin_client: Client) -> None:
    tag = factories.TagFactory.create()
    factories.SubscriberTagFactory.create_batch(3, tag=tag)
    address = reverse("admin:subscribers_tag_delete", args=[tag.pk])

    page = admin_client.get(address)
    admin_client.post(address, {"post": "yes"})

    assert page.status_code == 200
    assert page.content.decode().count(tag.name) < 6
    assert not Tag.objects.exists()
    assert Subscriber.objects.count() == 3


def test_an_empty_list_says_what_would_be_there(admin_client: Client) -> None:
    text = admin_client.get(list_url(FailedStage)).content.decode()
    searched = admin_client.get(list_url(Subscriber), {"q": "nobody@x.io"}).content.decode()

    assert "No effect of an event has failed." in text
    assert "Nothing matches." in searched


@pytest.mark.django_db
def test_every_list_has_words_for_nothing() -> None:
    list_url(Event)  # Loads what is registered.
    without = {User, Group, Workspace, Installation}  # There is always one, or it is Django's.

    assert {
        model
        for model, page in site._registry.items()
        if not getattr(page, "when_empty", "") and model not in without
    } == set()
