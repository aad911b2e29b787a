"""`POST /subscribers/events`: one event, with its fields at the top."""

from events.models import Event, EventDefinition
from subscribers.models import Subscriber
from tests.support.calling import SINGLE, Caller


def test_the_answer_has_the_shape_of_the_contract(caller: Caller) -> None:
    reply = caller.post(
        SINGLE,
        {"email": "a@example.com", "event": " paid ", "properties": {"n": 1}, "eventId": "1"},
    )

    event = Event.objects.get()
    assert reply.status == 200
    assert reply.json == {
        "success": True,
        "subscriber": {
            "id": Subscriber.objects.get().public_id,
            "email": "a@example.com",
            "externalId": None,
            "created": True,
        },
        "event": {"id": event.public_id, "name": "paid", "definitionCreated": True},
    }
    assert event.properties == {"n": 1}


def test_a_repeat_says_duplicate_at_the_top(caller: Caller) -> None:
    body = {"email": "a@example.com", "event": "paid", "eventId": "1"}
    caller.post(SINGLE, body)

    reply = caller.post(SINGLE, body)

    assert reply.json["duplicate"] is True
    assert reply.json["event"]["definitionCreated"] is False
    assert Event.objects.count() == 1


def test_a_fault_names_the_field_as_this_call_has_it(caller: Caller) -> None:
    reply = caller.post(SINGLE, {"email": "a@example.com", "event": ""})

    assert reply.status == 400
    assert reply.json["error"]["details"][0]["path"] == "event"
    assert not Subscriber.objects.exists()


def test_a_name_beyond_the_limit_of_definitions_is_refused(caller: Caller) -> None:
    EventDefinition.objects.bulk_create(
        EventDefinition(workspace=caller.workspace, name=str(number)) for number in range(5000)
    )

    reply = caller.post(SINGLE, {"email": "a@example.com", "event": "one too many"})

    assert reply.status == 400
    assert reply.json["error"]["details"][0]["path"] == "event"
    assert "5000" in reply.message
    assert not Subscriber.objects.exists()


def test_an_account_is_ignored_and_said_to_be(caller: Caller) -> None:
    reply = caller.post(SINGLE, {"email": "a@example.com", "event": "a", "account": {"id": "1"}})

    assert reply.status == 200
    assert reply.json["accountIgnored"]["reason"] == "not_supported"
