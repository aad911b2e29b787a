"""Tags of people: given and taken, one person or many at a time."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from events.models import Enrollment
from subscribers.models import Subscriber, SubscriberTag, Tag
from tests import factories
from tests.support.calling import Caller
from tests.support.resources import PEOPLE, done, path_of_fault, send
from tests.support.sequence_making import make_sequence

pytestmark = pytest.mark.django_db
ADD, REMOVE = f"{PEOPLE}/bulk/tags/add", f"{PEOPLE}/bulk/tags/remove"


def tags_of(email: str) -> set[str]:
    links = SubscriberTag.objects.filter(subscriber__email=email)
    return set(links.values_list("tag__name", flat=True))


def test_a_tag_creates_who_has_it_and_starts_sequences(caller: Caller) -> None:
    make_sequence(caller.workspace, trigger="tag_added", tagNames=["vip"])

    body = done(caller.post(f"{PEOPLE}/tags", {"email": "ada@example.com", "tag": "VIP"}))

    assert body["subscriber"]["created"] is True
    assert body["subscriber"]["tags"] == ["vip"]
    assert body["tag"]["name"] == "vip"
    assert "optIn" not in body
    assert Enrollment.objects.get().subscriber.email == "ada@example.com"


def test_the_same_tag_again_changes_nothing(caller: Caller) -> None:
    make_sequence(caller.workspace, trigger="tag_added", tagNames=["vip"])
    for _ in range(2):
        body = done(caller.post(f"{PEOPLE}/tags", {"email": "ada@example.com", "tag": "vip"}))

    assert (body["subscriber"]["created"], body["tag"]["created"]) == (False, False)
    assert Enrollment.objects.count() == 1


def test_attributes_are_merged_and_names_fill_what_is_empty(caller: Caller) -> None:
    person = {"email": "ada@example.com", "firstName": "Ada", "customAttributes": {"a": 1, "b": 1}}
    caller.post(PEOPLE, person)
    more = {"firstName": "Augusta", "lastName": "L.", "customAttributes": {"b": 2, "c": 3}}

    done(caller.post(f"{PEOPLE}/tags", {"email": "ada@example.com", "tag": "vip", **more}))

    row = Subscriber.objects.get()
    assert (row.first_name, row.last_name) == ("Ada", "L.")
    assert row.attributes == {"a": 1, "b": 2, "c": 3}


def test_several_tags_at_once(caller: Caller) -> None:
    factories.TagFactory.create(workspace=caller.workspace, name="vip")

    body = done(
        caller.post(f"{PEOPLE}/tags/bulk", {"email": "ada@example.com", "tags": ["VIP", "lead"]})
    )

    assert body["tags"] == {"added": ["vip", "lead"], "created": ["lead"]}
    assert body["subscriber"]["tags"] == ["lead", "vip"]


def test_taking_a_tag_creates_the_unknown_without_it(caller: Caller) -> None:
    caller.post(f"{PEOPLE}/tags", {"email": "ada@example.com", "tag": "vip"})

    taken = done(caller.post(f"{PEOPLE}/tags/remove", {"email": "ada@example.com", "tag": "vip"}))
    new = done(caller.post(f"{PEOPLE}/tags/remove", {"email": "bob@example.com", "tag": "vip"}))

    assert (taken["tag"], taken["subscriber"]["tags"]) == ({"name": "vip", "removed": True}, [])
    assert (new["tag"]["removed"], new["subscriber"]["created"]) == (False, True)


def test_an_unknown_external_id_alone_is_nobody(caller: Caller) -> None:
    reply = caller.post(f"{PEOPLE}/tags", {"externalId": "9", "tag": "vip"})

    assert (reply.status, reply.code) == (404, "SUBSCRIBER_NOT_FOUND")
    assert not Tag.objects.filter(name="vip").exists()


def test_many_people_are_tagged_and_untagged(caller: Caller) -> None:
    ada = done(caller.post(PEOPLE, {"email": "ada@example.com", "tags": ["vip"]}))["subscriber"]
    caller.post(PEOPLE, {"email": "bob@example.com", "externalId": "b"})
    who = {
        "emails": ["Ada@Example.com", "nobody@example.com", "nonsense"],
        "externalIds": ["b", "x"],
        "subscriberIds": [ada["id"], "sub_" + "0" * 32],
    }

    added = done(caller.post(ADD, {**who, "tags": ["VIP"]}))
    removed = done(caller.post(REMOVE, {**who, "tags": ["vip", "never-seen"]}))

    assert (added["requested"], added["matched"]) == (7, 2)
    assert (added["updated"], added["unchanged"], added["failed"]) == (1, 1, 0)
    assert added["notFound"] == {
        "emails": ["nobody@example.com", "nonsense"],
        "externalIds": ["x"],
        "subscriberIds": ["sub_" + "0" * 32],
    }
    assert (removed["updated"], removed["tags"]) == (2, ["vip", "never-seen"])
    assert tags_of("ada@example.com") == tags_of("bob@example.com") == set()


@pytest.mark.parametrize("triggers", [False, True])
def test_bulk_tags_start_sequences_only_when_asked(caller: Caller, *, triggers: bool) -> None:
    make_sequence(caller.workspace, trigger="tag_added", tagNames=["vip"])
    caller.post(PEOPLE, {"email": "ada@example.com"})
    body = {"emails": ["ada@example.com"], "tags": ["vip"], "triggerAutomations": triggers}

    done(caller.post(ADD, body))

    assert Enrollment.objects.count() == triggers


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", PEOPLE, {"duplicateStrategy": "merge", "tags": ["vip"]}),
        ("PATCH", f"{PEOPLE}/ada@example.com", {"tags": ["vip"]}),
        ("POST", f"{PEOPLE}/tags", {"tag": "vip"}),
        ("POST", f"{PEOPLE}/tags/bulk", {"tags": ["vip"]}),
        ("POST", ADD, {"tags": ["vip"]}),
    ],
    ids=["create", "change", "one", "several", "many"],
)
def test_a_tag_stops_sequences_that_end_by_it(
    caller: Caller, method: str, path: str, body: dict[str, object]
) -> None:
    stop = {"type": "tag_added", "value": "vip"}
    make_sequence(caller.workspace, {"type": "delay", "days": 1}, stopCondition=stop)
    caller.bulk({"name": "signup"}, email="ada@example.com")
    assert Enrollment.objects.get().status == "active"
    who = {"emails": ["ada@example.com"]} if path == ADD else {"email": "ada@example.com"}

    done(send(caller, method, path, {**who, **body}))

    assert Enrollment.objects.get().status == "stopped"


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"tags": ["vip"]}, "emails"),
        ({"emails": ["a@example.com"]}, "tags"),
        ({"emails": ["a@example.com"], "tags": ["vip", 7]}, "tags[1]"),
        ({"emails": [f"p{n}@example.com" for n in range(501)], "tags": ["vip"]}, "emails"),
        (
            {
                "emails": [f"p{n}@example.com" for n in range(300)],
                "externalIds": [str(n) for n in range(201)],
                "tags": ["vip"],
            },
            "emails",
        ),
        ({"subscriberIds": [7], "tags": ["vip"]}, "subscriberIds[0]"),
        ({"subscriberIds": "sub_1", "tags": ["vip"]}, "subscriberIds"),
    ],
)
def test_a_faulty_bulk_names_its_field(caller: Caller, body: object, path: str) -> None:
    assert path_of_fault(caller.post(ADD, body)) == path


@pytest.mark.parametrize("path", [ADD, REMOVE])
def test_an_id_that_nobody_can_have_is_not_found(caller: Caller, path: str) -> None:
    ada = done(caller.post(PEOPLE, {"email": "ada@example.com"}))["subscriber"]["id"]
    nobody = ["x", "sub_" + "g" * 32, ada.upper(), ada.replace("sub_", "tag_")]

    body = done(caller.post(path, {"subscriberIds": [*nobody, ada], "tags": ["vip"]}))

    assert (body["requested"], body["matched"]) == (5, 1)
    assert body["notFound"]["subscriberIds"] == nobody
    assert body["message"].startswith("Found 1 of 5 people;")


def test_a_hundred_take_as_many_statements_as_five(caller: Caller) -> None:
    # The key's last use is noted once.
    done(caller.get("/api/v1/account"))
    counts = []
    # SQLite takes more rows in several statements.
    for size in (5, 100):
        emails = [f"p{size}-{number}@example.com" for number in range(size)]
        for email in emails:
            factories.SubscriberFactory.create(workspace=caller.workspace, email=email)
        with CaptureQueriesContext(connection) as captured:
            done(caller.post(ADD, {"emails": emails, "tags": [f"tag-{size}"]}))
        counts.append(len(captured))

    assert counts[0] == counts[1]


def test_starting_sequences_takes_as_many_statements_for_a_hundred_as_for_ten(
    caller: Caller,
) -> None:
    make_sequence(caller.workspace, trigger="tag_added", tagNames=["vip"])
    counts = []
    for size in (10, 100):
        emails = [f"p{size}-{number}@example.com" for number in range(size)]
        people = [
            factories.SubscriberFactory.create(workspace=caller.workspace, email=email)
            for email in emails
        ]
        body = {"emails": emails, "tags": ["vip"], "triggerAutomations": True}
        done(caller.get("/api/v1/account"))
        with CaptureQueriesContext(connection) as captured:
            done(caller.post(ADD, body))
        # SQLite inserts few rows at once.
        own = [each["sql"] for each in captured if not each["sql"].startswith("INSERT")]
        counts.append(len(own) if connection.vendor == "sqlite" else len(captured))
        assert Enrollment.objects.filter(subscriber__in=people).count() == size

    assert counts[0] == counts[1]


def test_another_workspace_s_people_are_not_found(caller: Caller, stranger: Caller) -> None:
    ada = done(caller.post(PEOPLE, {"email": "ada@example.com"}))["subscriber"]
    who = {"emails": ["ada@example.com"], "subscriberIds": [ada["id"]]}

    body = done(send(stranger, "POST", ADD, {**who, "tags": ["vip"]}))

    assert (body["matched"], body["notFound"]["subscriberIds"]) == (0, [ada["id"]])
    assert tags_of("ada@example.com") == set()
