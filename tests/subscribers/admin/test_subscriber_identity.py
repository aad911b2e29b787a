"""Operators change an address, merge two rows or erase a person, on the person's page."""

import pytest
from django.contrib.admin.models import DELETION, LogEntry
from django.contrib.auth.models import Permission, User
from django.test import Client

from config.admin_base import admin_url, list_url, view_url
from events.models import Event
from subscribers.models import ConsentRecord, Subscriber, Suppression
from tests import factories
from tests.support.searching import rows_with

ACTIONS = ("change-address", "merge", "erase")
PAGES = ("changing-address", "merging", "erasing")


@pytest.fixture
def person(db: None) -> Subscriber:
    ada: Subscriber = factories.SubscriberFactory.create(email="ada@example.com")
    return ada


def offered(client: Client, person: Subscriber) -> set[str]:
    """Return the names of the buttons on the page."""
    buttons = client.get(admin_url(person)).context.get("row_actions", ())
    return {action.name for action, _ in buttons}


def post(client: Client, person: Subscriber, action: str, **given: str) -> str:
    return client.post(view_url(person, action), given, follow=True).content.decode()


def test_the_buttons_and_their_pages_are_there(admin_client: Client, person: Subscriber) -> None:
    assert offered(admin_client, person) >= set(PAGES)
    for page in PAGES:
        assert admin_client.get(view_url(person, page)).status_code == 200


@pytest.mark.parametrize("action", ACTIONS)
def test_nothing_is_done_on_get(admin_client: Client, person: Subscriber, action: str) -> None:
    assert admin_client.get(view_url(person, action)).status_code == 405


@pytest.mark.parametrize(
    ("codenames", "allowed"),
    [
        (["view_subscriber"], set()),
        (["view_subscriber", "change_subscriber"], {"change-address"}),
        (["view_subscriber", "change_subscriber", "delete_subscriber"], set(ACTIONS)),
    ],
)
def test_each_needs_its_permission(
    client: Client, person: Subscriber, codenames: list[str], allowed: set[str]
) -> None:
    user = User.objects.create(username="intern", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    client.force_login(user)

    answers = {action: client.post(view_url(person, action), {}) for action in ACTIONS}

    assert {name for name, answer in answers.items() if answer.status_code != 403} == allowed


def test_an_address_is_changed_and_the_log_says_by_whom(
    admin_client: Client, person: Subscriber
) -> None:
    page = post(admin_client, person, "change-address", answer=" Ada@new.example ")

    person.refresh_from_db()
    entry = LogEntry.objects.get()
    assert "The address is Ada@new.example now." in page
    assert person.email_key == "ada@new.example"
    assert (entry.change_message, entry.user.username) == ("Changed the address", "admin")
    assert "Address changed by admin: The person has another address now." in page


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("bob@example.com", "bob@example.com is somebody else&#x27;s: merge the two"),
        ("nobody", "The address is not a valid address"),
        ("", "The address is not a valid address"),
    ],
)
def test_an_address_that_cannot_be_theirs_is_refused(
    admin_client: Client, person: Subscriber, address: str, said: str
) -> None:
    factories.SubscriberFactory.create(workspace=person.workspace, email="bob@example.com")

    page = post(admin_client, person, "change-address", answer=address)

    person.refresh_from_db()
    assert said in page
    assert person.email == "ada@example.com"
    assert not LogEntry.objects.exists()


@pytest.mark.parametrize("name", ["bob@example.com", "ext: user-2", "sub_"])
def test_another_row_is_merged_by_any_of_its_names(
    admin_client: Client, person: Subscriber, name: str
) -> None:
    other = factories.SubscriberFactory.create(
        workspace=person.workspace, email="bob@example.com", external_id="user-2"
    )
    event = factories.EventFactory.create(subscriber=other)

    page = post(admin_client, person, "merge", answer=other.public_id if name == "sub_" else name)

    event.refresh_from_db()
    assert "bob@example.com is merged into ada@example.com, who is active." in page
    assert event.subscriber == person
    assert LogEntry.objects.get().change_message == f"Merged {other.public_id} into this person"
    assert "Merged by admin: Merged into the person whose ledger this is." in page


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("ada@example.com", "Both names are one person already."),
        ("<script>@example.com", "&lt;script&gt;"),
        ("ext:nobody", "There is nobody named ext:nobody in the workspace"),
        ("abroad@example.com", "There is nobody named abroad@example.com in the workspace"),
    ],
)
def test_nobody_is_merged_who_is_not_there(
    admin_client: Client, person: Subscriber, name: str, said: str
) -> None:
    factories.SubscriberFactory.create(email="abroad@example.com")

    page = post(admin_client, person, "merge", answer=name)

    assert said in page
    assert "<script>@" not in page
    assert Subscriber.objects.count() == 2


def test_the_page_that_asks_says_what_goes(admin_client: Client, person: Subscriber) -> None:
    factories.EventFactory.create(subscriber=person)
    factories.OutgoingEmailFactory.create_batch(2, subscriber=person)

    page = admin_client.get(view_url(person, "erasing")).content.decode()

    assert "events: 1" in page
    assert "mails, with their texts: 2" in page


@pytest.mark.parametrize("allows_return", [True, False])
def test_somebody_is_erased_and_the_log_does_not_say_whom(
    admin_client: Client, person: Subscriber, allows_return: bool
) -> None:
    factories.EventFactory.create(subscriber=person)
    post(admin_client, person, "leave", reason="They asked.")

    given = {"allow_return": "yes"} if allows_return else {}
    page = post(admin_client, person, "erase", **given)

    entry, line = LogEntry.objects.get(), ConsentRecord.objects.get()
    assert "Erased. A hash and a ledger record remain." in page
    assert (entry.action_flag, entry.object_id) == (DELETION, None)
    assert entry.change_message == "Erased, with 1 events and 0 mails"
    assert (line.kind, line.actor) == ("erased", "admin")
    assert rows_with("ada@example.com") == []
    assert Suppression.objects.exists() is not allows_return


def test_so_many_events_are_left_to_the_command(
    admin_client: Client, person: Subscriber, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("subscribers.admin.subscriber_identity.MOST_EVENTS", 1)
    factories.EventFactory.create_batch(2, subscriber=person)

    page = admin_client.get(view_url(person, "erasing")).content.decode()
    post(admin_client, person, "erase")

    assert f"manage.py erase_subscriber {person.public_id}" in page
    assert "more than 1" in page
    assert Event.objects.count() == 2


def test_the_list_of_suppressions_shows_what_is_left(
    admin_client: Client, person: Subscriber
) -> None:
    post(admin_client, person, "erase")

    page = admin_client.get(list_url(Suppression)).content.decode()

    assert "erased address" in page
    assert "Erased" in page
