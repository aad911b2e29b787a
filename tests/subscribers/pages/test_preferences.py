"""Choosing lists on the page."""

import re
from typing import Any

import pytest
from django.test import Client

from subscribers.models import ConsentRecord, List, ListMembership, Subscriber
from subscribers.services.consent import unsubscribing
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def person() -> Subscriber:
    return factories.SubscriberFactory.create()


@pytest.fixture
def news(person: Subscriber) -> List:
    """A public list that the person is on."""
    news = factories.ListFactory.create(workspace=person.workspace, name="News <b>")
    factories.ListMembershipFactory.create(subscriber=person, list=news)
    return news


@pytest.fixture
def tips(person: Subscriber) -> List:
    """A public list that the person is not on."""
    return factories.ListFactory.create(
        workspace=person.workspace, name="Tips", description="Each <i>Friday</i>"
    )


def path_of(person: Subscriber) -> str:
    return f"/u/{unsubscribing.link_token(person)}"


def save(person: Subscriber, *, shown: list[List], wanted: list[List]) -> Any:
    return Client(enforce_csrf_checks=True).post(
        path_of(person),
        {
            "choice": "lists",
            "shown": [str(each.pk) for each in shown],
            "list": [str(each.pk) for each in wanted],
        },
    )


def names_of(person: Subscriber) -> set[str]:
    rows = ListMembership.objects.filter(subscriber=person, unsubscribed_at=None)
    return set(rows.values_list("list__name", flat=True))


def test_the_page_shows_public_lists_and_which_one_is_on(
    person: Subscriber, news: List, tips: List
) -> None:
    page = Client().get(path_of(person)).content.decode()

    boxes = re.findall(
        r'<input type="checkbox"\s+name="list"\s+value="([0-9a-f-]+)"( checked)?', page
    )
    assert boxes == [(str(news.pk), " checked"), (str(tips.pk), "")]
    assert "News &lt;b&gt;" in page
    assert "Each &lt;i&gt;Friday&lt;/i&gt;" in page


@pytest.mark.parametrize("hidden", [{"is_private": True}, {"allow_member_unsubscribe": False}])
def test_other_lists_are_not_shown_and_cannot_be_chosen(
    person: Subscriber, news: List, tips: List, hidden: dict[str, bool]
) -> None:
    List.objects.update(**hidden)

    page = Client().get(path_of(person)).content.decode()
    save(person, shown=[news, tips], wanted=[tips])

    assert "checkbox" not in page
    assert names_of(person) == {"News <b>"}


def test_a_choice_joins_and_leaves_and_is_in_the_ledger(
    person: Subscriber, news: List, tips: List
) -> None:
    answer = save(person, shown=[news, tips], wanted=[tips])

    lines = ConsentRecord.objects.order_by("kind").values_list("kind", "list_name", "method", "ip")
    assert "Your choice is saved." in answer.content.decode()
    assert names_of(person) == {"Tips"}
    assert list(lines) == [
        ("joined_list", "Tips", "page", "127.0.0.1"),
        ("left_list", "News <b>", "page", "127.0.0.1"),
    ]


def test_the_same_choice_again_changes_nothing(person: Subscriber, news: List, tips: List) -> None:
    save(person, shown=[news, tips], wanted=[tips])

    save(person, shown=[news, tips], wanted=[tips])

    assert ConsentRecord.objects.count() == 2


def test_who_left_a_list_may_rejoin_it(person: Subscriber, news: List) -> None:
    save(person, shown=[news], wanted=[])
    without = names_of(person)

    save(person, shown=[news], wanted=[news])

    assert without == set()
    assert names_of(person) == {"News <b>"}


def test_a_list_that_the_page_did_not_show_stays_as_it_is(
    person: Subscriber, news: List, tips: List
) -> None:
    save(person, shown=[tips], wanted=[])

    assert names_of(person) == {"News <b>"}


def test_lists_of_another_workspace_cannot_be_joined(person: Subscriber) -> None:
    foreign = factories.ListFactory.create()

    save(person, shown=[foreign], wanted=[foreign])

    assert not ListMembership.objects.exists()


@pytest.mark.parametrize("status", ["pending", "unsubscribed", "bounced", "complained"])
def test_who_is_not_active_chooses_nothing(
    person: Subscriber, news: List, tips: List, status: str
) -> None:
    Subscriber.objects.update(status=status)

    page = Client().get(path_of(person)).content.decode()
    answer = save(person, shown=[news, tips], wanted=[tips])

    assert "checkbox" not in page
    assert answer.status_code == 200
    assert names_of(person) == {"News <b>"}


@pytest.mark.parametrize("text", ["", "x", "é", "\x00", "0" * 400, "..", "lst_1"])
def test_what_is_no_list_is_left(person: Subscriber, news: List, text: str) -> None:
    form = {"choice": "lists", "shown": [text, str(news.pk)], "list": [text]}

    answer = Client().post(path_of(person), form)

    assert answer.status_code == 200
    assert names_of(person) == set()
