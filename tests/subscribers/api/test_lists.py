"""`/lists`, and who is on them."""

import pytest
from django.utils import timezone

from events.models import Enrollment
from events.services.counts import current
from events.services.sequences import name_uses
from subscribers.api import lists
from subscribers.models import ConsentRecord, List, ListMembership, Subscriber
from subscribers.services.audience import lists as list_service
from subscribers.services.storage import portions
from tests.support.calling import Caller
from tests.support.resources import PEOPLE, done, path_of_fault, send
from tests.support.sequence_making import make_sequence

pytestmark = pytest.mark.django_db
LISTS = "/api/v1/lists"


@pytest.fixture
def news(caller: Caller) -> str:
    """Return where a list is."""
    made = done(caller.post(LISTS, {"name": "News", "description": "Monthly."}))
    return f"{LISTS}/{made['list']['id']}"


def test_a_list_is_created_read_changed_and_deleted(caller: Caller, news: str) -> None:
    (listed,) = done(caller.get(LISTS))["lists"]
    changed = done(send(caller, "PATCH", news, {"name": "Product news", "isPrivate": True}))
    deleted = done(send(caller, "DELETE", news))

    assert listed.items() >= {"name": "News", "description": "Monthly."}.items()
    assert (listed["subscriberCount"], listed["activeSubscriberCount"]) == (0, 0)
    assert changed["list"].items() >= {"name": "Product news", "description": "Monthly."}.items()
    assert (deleted["removedMemberships"], List.objects.count()) == (0, 0)


def test_a_change_of_what_somebody_changed_is_refused(caller: Caller, news: str) -> None:
    (seen,) = done(caller.get(LISTS))["lists"]
    # Who joins does not edit the list.
    done(caller.post(f"{news}/subscribers", {"emails": ["ada@example.com"]}))
    first = send(caller, "PATCH", news, {"description": "Weekly."}, If_Match=seen["etag"])

    late = [
        send(caller, "PATCH", news, {"name": "Tips"}, If_Match=seen["etag"]),
        send(caller, "DELETE", news, If_Match=seen["etag"]),
    ]
    (now,) = done(caller.get(LISTS))["lists"]

    assert [(each.status, each.code) for each in late] == [(412, "PRECONDITION_FAILED")] * 2
    assert now["etag"] == first.headers["ETag"]
    assert (now["name"], now["description"]) == ("News", "Weekly.")
    assert done(send(caller, "DELETE", news, If_Match=now["etag"]))["removedMemberships"] == 1


def put_five_on(caller: Caller, news: str) -> None:
    """Put five people on the list; one of them leaves it again."""
    emails = [f"p{number}@example.com" for number in range(5)]
    done(caller.post(f"{news}/subscribers", {"emails": emails}))
    done(caller.post(f"{news}/subscribers/remove", {"emails": emails[:1]}))


def test_a_list_of_many_goes_in_portions(
    caller: Caller, news: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(portions, "AT_ONCE", 2)
    put_five_on(caller, news)

    deleted = done(send(caller, "DELETE", news))

    assert deleted["removedMemberships"] == 4
    assert not ListMembership.objects.exists()
    assert Subscriber.objects.count() == 5


def test_a_list_that_is_needed_meanwhile_keeps_those_who_left(
    caller: Caller, news: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(portions, "AT_ONCE", 2)
    put_five_on(caller, news)
    chosen = List.objects.get()
    checks = []

    def check() -> None:
        checks.append(ListMembership.objects.count())
        if len(checks) == 2:
            make_sequence(caller.workspace, trigger="contact_added", lists=["News"])
            name_uses.refuse_if_used(name_uses.of_list(chosen))

    with pytest.raises(name_uses.InUse):
        list_service.remove_most_members(chosen=chosen, check=check)

    assert checks == [5, 3]
    assert ListMembership.objects.exclude(unsubscribed_at=None).count() == 1


def test_a_taken_name_is_a_conflict(caller: Caller, news: str) -> None:
    caller.post(LISTS, {"name": "Tips"})

    replies = [caller.post(LISTS, {"name": "News"}), send(caller, "PATCH", news, {"name": "Tips"})]

    assert [(reply.status, reply.code) for reply in replies] == [(409, "CONFLICT")] * 2
    assert sorted(List.objects.values_list("name", flat=True)) == ["News", "Tips"]


def test_a_list_that_a_sequence_needs_stays(caller: Caller, news: str) -> None:
    make_sequence(caller.workspace, trigger="contact_added", lists=["News"], name="Welcome")

    reply = send(caller, "DELETE", news)

    assert (reply.status, reply.code) == (409, "CONFLICT")
    assert "Welcome" in reply.message


def test_people_join_and_each_address_is_answered(caller: Caller, news: str) -> None:
    make_sequence(caller.workspace, trigger="contact_added", lists=["News"])
    caller.post(PEOPLE, {"email": "ada@example.com"})
    emails = ["ada@example.com", "new@example.com", "NEW@example.com", " ", "nonsense"]

    body = done(caller.post(f"{news}/subscribers", {"emails": emails}))

    counts = {name: body[name] for name in ("total", "processed", "created", "failed")}
    assert counts == {"total": 5, "processed": 3, "created": 1, "failed": 1}
    assert (body["addedToList"], body["duplicateInputCount"], body["ignoredBlankCount"]) == (
        2,
        1,
        1,
    )
    assert [each["email"] for each in body["results"]] == [
        "ada@example.com", "new@example.com", "nonsense",
    ]  # fmt: skip
    assert "email" in body["results"][2]["error"]
    assert ListMembership.objects.count() == Enrollment.objects.count() == 2
    (listed,) = done(caller.get(LISTS))["lists"]
    assert (listed["subscriberCount"], listed["activeSubscriberCount"]) == (2, 2)


def test_nobody_joins_again_what_they_left(caller: Caller, news: str) -> None:
    emails = {"emails": ["ada@example.com"]}
    done(caller.post(f"{news}/subscribers", emails))
    left = done(caller.post(f"{news}/subscribers/remove", emails))
    again = done(caller.post(f"{news}/subscribers", emails))

    assert (left["removed"], left["notFound"]) == (1, [])
    assert (again["addedToList"], again["results"][0]["addedToList"]) == (0, False)
    line = ConsentRecord.objects.get(kind=ConsentRecord.Kind.LEFT_LIST)
    assert (line.method, line.list_name) == ("api", "News")


def test_leaving_names_who_is_not_there(caller: Caller, news: str) -> None:
    body = done(caller.post(f"{news}/subscribers/remove", {"emails": ["x@example.com"]}))

    assert (body["removed"], body["notFound"]) == (0, ["x@example.com"])


def test_enrolling_can_be_switched_off(caller: Caller, news: str) -> None:
    make_sequence(caller.workspace, trigger="contact_added", lists=["News"])
    body = {"emails": ["ada@example.com"], "enrollInSequences": False}

    done(caller.post(f"{news}/subscribers", body))

    assert Subscriber.objects.count() == 1
    assert not Enrollment.objects.exists()


def test_who_joins_enters_sequences_of_the_list(caller: Caller, news: str) -> None:
    make_sequence(caller.workspace, trigger="contact_added", lists=["News"])

    done(caller.post(f"{news}/subscribers", {"emails": ["ada@example.com"]}))

    assert Enrollment.objects.get().subscriber.email == "ada@example.com"


def test_beyond_what_is_counted_members_are_those_that_the_worker_counted(
    caller: Caller, news: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def counts() -> tuple[int, int]:
        (row,) = done(caller.get(LISTS))["lists"]
        return row["subscriberCount"], row["activeSubscriberCount"]

    done(caller.post(f"{news}/subscribers", {"emails": ["ada@example.com", "bob@example.com"]}))
    send(caller, "PATCH", f"{PEOPLE}/bob@example.com", {"status": "bounced"})
    current.count_due(now=timezone.now())
    done(caller.post(f"{news}/subscribers", {"emails": ["new@example.com"]}))

    exact = counts()
    monkeypatch.setattr(lists, "EXACT", 1)

    assert (exact, counts()) == ((3, 2), (2, 1))


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({}, "emails"),
        ({"emails": []}, "emails"),
        ({"emails": ["a@example.com", 7]}, "emails"),
        ({"emails": ["a@example.com"] * 501}, "emails"),
        ({"emails": ["a@example.com"], "optInMode": "never"}, "optInMode"),
    ],
)
def test_faulty_members_name_the_field(caller: Caller, news: str, body: object, path: str) -> None:
    assert path_of_fault(caller.post(f"{news}/subscribers", body)) == path


def test_another_workspace_s_list_is_not_there(caller: Caller, stranger: Caller, news: str) -> None:
    emails = {"emails": ["ada@example.com"]}
    replies = [
        send(stranger, "PATCH", news, {"name": "X"}),
        send(stranger, "DELETE", news),
        stranger.post(f"{news}/subscribers", emails),
        stranger.post(f"{news}/subscribers/remove", emails),
    ]

    assert [(reply.status, reply.code) for reply in replies] == [(404, "NOT_FOUND")] * 4
    assert not Subscriber.objects.exists()
