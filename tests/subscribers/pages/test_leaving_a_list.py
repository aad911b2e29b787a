"""The link in a list's mail: it leaves that list, and its page offers all mail too."""

from typing import Any

import pytest
from django.test import Client

from subscribers.models import ConsentRecord, List, Subscriber
from subscribers.services.consent import unsubscribing
from tests import factories

FORM = "application/x-www-form-urlencoded"
ONE_CLICK = b"List-Unsubscribe=One-Click"
FROM_PAGE = ONE_CLICK + b"&from=page"

pytestmark = pytest.mark.django_db


@pytest.fixture
def person() -> Subscriber:
    return factories.SubscriberFactory.create()


@pytest.fixture
def tips(person: Subscriber) -> List:
    """The list of the mail; the person is on another, too."""
    for name in ("News", "Product tips"):
        made = factories.ListFactory.create(workspace=person.workspace, name=name)
        factories.ListMembershipFactory.create(subscriber=person, list=made)
    return made


def path_of(person: Subscriber, mail_list: List | str) -> str:
    named = mail_list if isinstance(mail_list, str) else f"lst_{mail_list.pk.hex}"
    return f"/u/{unsubscribing.link_token(person)}/{named}"


def get(path: str) -> str:
    return Client().get(path).content.decode()


def post(path: str, body: bytes = ONE_CLICK) -> Any:
    """Send a form to a server that checks for forgery."""
    return Client(enforce_csrf_checks=True).generic("POST", path, body, content_type=FORM)


def standing(person: Subscriber) -> tuple[str, set[str]]:
    joined = person.memberships.filter(unsubscribed_at=None)
    status = Subscriber.objects.get(pk=person.pk).status
    return status, set(joined.values_list("list__name", flat=True))


def test_the_page_names_the_list_and_offers_it_first(person: Subscriber, tips: List) -> None:
    page = get(path_of(person, tips))

    assert "the list <bdi>Product tips</bdi>" in page
    assert page.index("Leave this list</button>") < page.index("Unsubscribe from all mail</button>")
    assert page.index("Unsubscribe from all mail") < page.index("Or choose what you get")
    assert "News" in page


def test_its_first_button_leaves_the_list_with_a_reason(person: Subscriber, tips: List) -> None:
    answer = post(path_of(person, tips), FROM_PAGE + b"&reason=too_much").content.decode()

    (line,) = ConsentRecord.objects.filter(kind="left_list")
    assert "No more mail of the list <bdi>Product tips</bdi> will come" in answer
    assert f'/u/{unsubscribing.link_token(person)}"' in answer
    assert standing(person) == ("active", {"News"})
    assert (line.list_name, line.method, line.reason) == ("Product tips", "page", "too_much")


def test_its_second_button_leaves_all_mail(person: Subscriber, tips: List) -> None:
    answer = post(path_of(person, tips), FROM_PAGE + b"&all=yes")

    assert "You are unsubscribed" in answer.content.decode()
    assert standing(person)[0] == "unsubscribed"


def test_a_second_click_changes_nothing_and_the_page_then_is_the_ordinary_one(
    person: Subscriber, tips: List
) -> None:
    first = post(path_of(person, tips))
    second = post(path_of(person, tips))

    assert first.content == second.content
    assert standing(person) == ("active", {"News"})
    assert ConsentRecord.objects.filter(kind="left_list").count() == 1
    assert "Leave this list" not in get(path_of(person, tips))


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "POST"])
def test_scanners_change_nothing(person: Subscriber, tips: List, method: str) -> None:
    for _ in range(3):
        Client().generic(method, path_of(person, tips), b"", content_type=FORM)

    assert standing(person) == ("active", {"News", "Product tips"})
    assert not ConsentRecord.objects.exists()


@pytest.mark.parametrize("kind", ["gone", "foreign", "kept", "lst_x", "\x00", "x" * 3000])
def test_a_link_whose_list_cannot_be_left_leaves_all_mail(
    person: Subscriber, tips: List, kind: str
) -> None:
    named: List | str = kind
    if kind == "gone":
        named = f"lst_{'0' * 32}"
    elif kind == "foreign":
        named = factories.ListFactory.create()
    elif kind == "kept":
        named = tips
        List.objects.filter(pk=tips.pk).update(allow_member_unsubscribe=False)

    page = get(path_of(person, named))
    post(path_of(person, named))

    assert "Leave this list" not in page
    assert standing(person)[0] == "unsubscribed"


def test_a_private_list_is_left_without_its_name(person: Subscriber, tips: List) -> None:
    List.objects.filter(pk=tips.pk).update(is_private=True)

    pages = [get(path_of(person, tips)), post(path_of(person, tips), FROM_PAGE).content.decode()]

    assert "Leave this list" in pages[0]
    assert not any("Product tips" in page for page in pages)
    assert standing(person) == ("active", {"News"})


def test_known_and_unknown_tokens_get_the_same_answer_to_one_click(
    person: Subscriber, tips: List
) -> None:
    known, unknown = path_of(person, tips), f"/u/{'0' * 64}/lst_{tips.pk.hex}"

    answers = [post(path) for path in (known, unknown)]

    assert answers[0].status_code == answers[1].status_code == 200
    assert answers[0].content == answers[1].content
