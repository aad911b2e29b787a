"""Who an event is about: every sentence of the contract on identity."""

import pytest

from events.models import Event
from subscribers.models import Subscriber
from tests.support.calling import BULK, Caller

pytestmark = pytest.mark.usefixtures("both_ways")


def test_email_alone_finds_without_regard_to_case_and_idna_form(caller: Caller) -> None:
    first = caller.bulk({"name": "a"}, email="Ann@BÜCHER.example")

    second = caller.bulk({"name": "a"}, email="ann@xn--bcher-kva.EXAMPLE")

    assert first.json["subscriber"]["created"] is True
    assert second.json["subscriber"]["created"] is False
    assert second.json["subscriber"]["email"] == "Ann@bücher.example"
    assert Subscriber.objects.count() == 1


def test_external_id_alone_finds(caller: Caller) -> None:
    caller.bulk({"name": "a"}, email="a@example.com", externalId=" User_1 ")

    reply = caller.bulk({"name": "b"}, externalId="User_1")

    assert reply.status == 200
    assert reply.json["subscriber"]["email"] == "a@example.com"
    assert reply.json["subscriber"]["externalId"] == "User_1"


def test_external_id_keeps_its_case(caller: Caller) -> None:
    caller.bulk({"name": "a"}, email="a@example.com", externalId="User_1")

    assert caller.bulk({"name": "b"}, externalId="user_1").status == 404


def test_an_unknown_external_id_alone_is_not_found_and_nothing_is_written(caller: Caller) -> None:
    reply = caller.bulk({"name": "a"}, externalId="nobody")

    assert reply.status == 404
    assert reply.code == "SUBSCRIBER_NOT_FOUND"
    assert not Subscriber.objects.exists()
    assert not caller.workspace.event_definitions.exists()


def test_a_free_external_id_is_attached_to_a_known_address(caller: Caller) -> None:
    caller.bulk({"name": "a"}, email="a@example.com")

    reply = caller.bulk({"name": "a"}, email="a@example.com", externalId="u1")

    assert reply.json["subscriber"]["created"] is False
    assert reply.json["subscriber"]["externalId"] == "u1"
    assert Subscriber.objects.get().external_id == "u1"


def test_a_known_external_id_keeps_its_stored_address(caller: Caller) -> None:
    caller.bulk({"name": "a"}, email="a@example.com", externalId="u1")

    reply = caller.bulk({"name": "a"}, email="new@example.com", externalId="u1")

    assert reply.status == 200
    assert reply.json["subscriber"]["email"] == "a@example.com"
    assert Subscriber.objects.count() == 1


def test_what_is_given_must_be_valid_even_where_the_stored_one_stays(caller: Caller) -> None:
    caller.bulk({"name": "a"}, email="a@example.com", externalId="u1")

    reply = caller.bulk({"name": "a"}, email="broken", externalId="u1")

    assert reply.status == 400
    assert Event.objects.count() == 1


def test_two_subscribers_named_at_once_conflict_and_nothing_is_recorded(caller: Caller) -> None:
    caller.bulk({"name": "a"}, email="a@example.com", externalId="u1")
    caller.bulk({"name": "a"}, email="b@example.com", externalId="u2")

    reply = caller.bulk({"name": "new"}, email="a@example.com", externalId="u2")

    assert reply.status == 409
    assert reply.code == "IDENTITY_CONFLICT"
    assert Event.objects.count() == 2
    assert not caller.workspace.event_definitions.filter(name="new").exists()


def test_an_address_with_another_external_id_conflicts(caller: Caller) -> None:
    caller.bulk({"name": "a"}, email="a@example.com", externalId="u1")

    reply = caller.bulk({"name": "a"}, email="a@example.com", externalId="u2")

    assert reply.status == 409
    assert reply.code == "IDENTITY_CONFLICT"
    assert Subscriber.objects.get().external_id == "u1"


def test_the_same_address_in_two_workspaces_is_two_people(caller: Caller, stranger: Caller) -> None:
    first = caller.bulk({"name": "a"}, email="a@example.com", externalId="u1")

    second = stranger.bulk({"name": "a"}, email="a@example.com", externalId="u1")

    assert second.json["subscriber"]["created"] is True
    assert second.json["subscriber"]["id"] != first.json["subscriber"]["id"]


def test_an_external_id_of_another_workspace_is_not_found(caller: Caller, stranger: Caller) -> None:
    caller.bulk({"name": "a"}, email="a@example.com", externalId="u1")

    assert stranger.bulk({"name": "a"}, externalId="u1").status == 404


def test_names_fill_what_is_empty_and_never_replace(caller: Caller) -> None:
    caller.bulk({"name": "a"}, email="a@example.com", firstName="Ann")

    caller.bulk({"name": "a"}, email="a@example.com", firstName="Bea", lastName=" Ray ")

    subscriber = Subscriber.objects.get()
    assert (subscriber.first_name, subscriber.last_name) == ("Ann", "Ray")


def test_attributes_are_merged_key_by_key_and_null_removes_one(caller: Caller) -> None:
    caller.bulk(
        {"name": "a"}, email="a@example.com", customAttributes={"plan": {"a": 1}, "x": 1, "n": None}
    )

    caller.bulk(
        {"name": "a"}, email="a@example.com", customAttributes={"plan": {"b": 2}, "x": None, "y": 3}
    )

    assert Subscriber.objects.get().attributes == {"plan": {"b": 2}, "y": 3}


def test_attributes_that_grow_too_large_once_merged_are_refused_whole(caller: Caller) -> None:
    caller.bulk({"name": "a"}, email="a@example.com", customAttributes={"a": "x" * 40_000})

    reply = caller.bulk({"name": "a"}, email="a@example.com", customAttributes={"b": "x" * 40_000})

    assert reply.status == 400
    assert reply.json["error"]["details"][0]["path"] == "customAttributes"
    assert "65536" in reply.message
    assert Subscriber.objects.get().attributes == {"a": "x" * 40_000}
    assert Event.objects.count() == 1


@pytest.mark.parametrize(
    "email",
    [
        "a@localhost",
        "a@[127.0.0.1]",
        "a b@example.com",
        "a@example.com\u200b",
        "a\u0000@example.com",
        "a@example.com, b@example.com",
        "Ann <a@example.com>",
        "x" * 65 + "@example.com",
        "a@" + "x" * 250 + ".com",
        "\u0131@example.com",
        "a@exam\nple.com",
    ],
)
def test_what_is_no_address_is_refused(caller: Caller, email: str) -> None:
    reply = caller.post(BULK, {"email": email, "events": [{"name": "a"}]})

    assert reply.status == 400
    assert reply.json["error"]["details"][0]["path"] == "email"


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("a@example.com", " A@EXAMPLE.COM "),
        ("a@example.com", "a@\uff45xample.com"),
        ("k@example.com", "k@example.com"),
        ("a@kelvin.example", "a@\u212aelvin.example"),
    ],
)
def test_one_person_in_two_spellings_is_one_row(caller: Caller, first: str, second: str) -> None:
    caller.bulk({"name": "a"}, email=first)

    reply = caller.bulk({"name": "a"}, email=second)

    assert reply.status in {200, 400}
    assert Subscriber.objects.count() == 1
