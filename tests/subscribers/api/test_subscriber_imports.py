"""`/subscribers/imports`: stored by the request, taken in by the worker's task."""

import pytest

from events.models import Enrollment
from subscribers.api import subscriber_imports
from subscribers.models import (
    ConsentRecord,
    ImportBlock,
    ImportRun,
    List,
    ListMembership,
    OutgoingEmail,
    Subscriber,
)
from subscribers.services.workspaces import api_keys
from tests.support.calling import Caller
from tests.support.requested_imports import ADA, IMPORTS, asked, result
from tests.support.resources import PEOPLE, done, path_of_fault, send
from tests.support.sequence_making import make_sequence

pytestmark = pytest.mark.django_db


def test_rows_are_taken_in_by_the_worker(caller: Caller) -> None:
    rows = [
        ADA,
        {"email": "bob@example.com", "status": "unsubscribed", "customAttributes": {"seats": 3}},
        {"email": "ADA@example.com"},
        {"email": "nonsense"},
    ]

    begun = asked(caller, *rows, fileName="people.csv")
    people_before = Subscriber.objects.count()
    ended = result(caller, begun)

    assert people_before == 0
    assert begun["import"].items() >= {
        "status": "running", "totalRows": 4, "processedCount": 0, "fileName": "people.csv",
        "emailCount": 3, "duplicateRows": 1, "totalChunks": 1, "completedChunks": 0,
    }.items()  # fmt: skip
    assert ended.items() >= {
        "status": "completed", "processedCount": 4, "addedCount": 2, "updatedCount": 0,
        "skippedCount": 1, "failedCount": 1, "completedChunks": 1,
    }.items()  # fmt: skip
    assert sum(ended["skippedReasons"].values()) == sum(ended["failedReasons"].values()) == 1
    bob = Subscriber.objects.get(email="bob@example.com")
    assert (bob.status, bob.attributes) == ("unsubscribed", {"seats": 3})
    assert Subscriber.objects.filter(tag_links__tag__name="vip").count() == 1
    assert not ImportBlock.objects.exists()


def test_nobody_starts_a_sequence_unless_asked_for(caller: Caller) -> None:
    make_sequence(caller.workspace, trigger="tag_added", tagNames=["vip"])

    quiet = asked(caller, ADA)
    result(caller, quiet)
    without = Enrollment.objects.count()
    loud = asked(caller, {**ADA, "email": "new@example.com"}, enrollInSequences=True)
    result(caller, loud)

    assert without == 0
    assert "starts no sequences" in quiet["message"]
    assert Enrollment.objects.get().subscriber.email == "new@example.com"


def test_a_tag_that_ends_a_sequence_ends_it(caller: Caller) -> None:
    stop = {"type": "tag_added", "value": "vip"}
    row = make_sequence(caller.workspace, {"type": "delay", "days": 1}, stopCondition=stop)
    caller.bulk({"name": "signup"}, email="ada@example.com")

    result(caller, asked(caller, ADA, duplicateStrategy="merge"))

    assert row.enrollments.get().status == "stopped"


def test_nobody_who_left_gets_mail_again(caller: Caller) -> None:
    caller.post(PEOPLE, {"email": "ada@example.com"})
    send(caller, "PATCH", f"{PEOPLE}/ada@example.com", {"status": "unsubscribed"})

    result(caller, asked(caller, {**ADA, "status": "active"}, duplicateStrategy="overwrite"))

    ada = Subscriber.objects.get()
    assert (ada.status, ada.first_name) == ("unsubscribed", "Ada")


def test_the_ledger_names_the_key_and_the_request(caller: Caller) -> None:
    result(caller, asked(caller, {**ADA, "status": "unsubscribed"}))

    line = ConsentRecord.objects.get()
    assert (line.kind, line.method) == ("left", "api")
    assert line.api_key is not None
    assert line.request_id


def test_they_join_the_lists_that_the_request_names(caller: Caller) -> None:
    news = done(caller.post("/api/v1/lists", {"name": "News"}))["list"]["id"]

    result(caller, asked(caller, ADA, listIds=[news]))
    unknown = caller.post(IMPORTS, {"subscribers": [ADA], "listIds": [news, "lst_" + "0" * 32]})

    assert ListMembership.objects.get().list.name == "News"
    assert path_of_fault(unknown) == "listIds[1]"


def test_a_test_key_asks_nobody_by_mail(caller: Caller) -> None:
    made = api_keys.create(workspace=caller.workspace, name="test", is_test=True)
    tester = Caller(caller.workspace, made.text)

    begun = asked(tester, ADA, optInMode="double_opt_in")
    # The key's row may be gone when the worker comes.
    ImportRun.objects.update(api_key=None)
    result(caller, begun)

    assert Subscriber.objects.get().status == "pending"
    assert not OutgoingEmail.objects.filter(status="queued").exists()


@pytest.mark.parametrize(
    ("rows", "path"),
    [
        ([], "subscribers"),
        ("ada", "subscribers"),
        ([ADA] * 5001, "subscribers"),
        ([ADA, "ada"], "subscribers[1]"),
        ([ADA, {"email": "b@example.com", "createdAt": "yesterday"}], "subscribers[1].createdAt"),
        ([{"email": "b@example.com", "fristName": "B"}], "subscribers[0].fristName"),
    ],
)
def test_a_request_is_refused_whole_where_its_form_is_wrong(
    caller: Caller, rows: object, path: str
) -> None:
    reply = caller.post(IMPORTS, {"subscribers": rows})

    assert path_of_fault(reply) == path
    assert not ImportRun.objects.exists()


def test_an_unknown_name_is_told_the_nearest(caller: Caller) -> None:
    reply = caller.post(IMPORTS, {"subscribers": [{"fristName": "B"}]})

    assert "firstName" in reply.json["error"]["details"][0]["message"]


def test_what_is_not_used_is_said(caller: Caller) -> None:
    rows = [{**ADA, "timezone": "Mars/Olympus", "phone": "+49"}, {"email": "b@example.com"}]

    begun = asked(caller, *rows, smsConsent=True)
    result(caller, begun)

    assert [each["path"] for each in begun["warnings"]] == [
        "smsConsent", "subscribers[0].timezone", "subscribers[].phone",
    ]  # fmt: skip
    assert set(Subscriber.objects.values_list("timezone", flat=True)) == {""}


def test_the_same_request_is_one_import(caller: Caller, stranger: Caller) -> None:
    first = asked(caller, ADA, idempotencyKey="monday")
    again = asked(caller, ADA, idempotencyKey="monday")
    result(caller, first)
    later = asked(caller, ADA, idempotencyKey="monday")
    other = asked(caller, {**ADA, "firstName": "Eve"}, idempotencyKey="monday")
    foreign = asked(stranger, ADA, idempotencyKey="monday")

    assert [each["deduplicated"] for each in (first, again, later, other, foreign)] == [
        False, True, True, False, False,
    ]  # fmt: skip
    assert first["import"]["id"] == again["import"]["id"] == later["import"]["id"]
    assert len({each["import"]["id"] for each in (first, other, foreign)}) == 3


def test_too_many_imports_at_once_are_told_to_wait(
    caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscriber_imports, "MOST_UNDER_WAY", 1)
    begun = asked(caller, ADA)

    refused = caller.post(IMPORTS, {"subscribers": [ADA]})
    result(caller, begun)

    assert (refused.status, refused.code, refused.headers["Retry-After"]) == (
        429, "RATE_LIMITED", "60",
    )  # fmt: skip
    asked(caller, ADA)


def test_a_list_that_gets_another_name_is_still_joined(caller: Caller) -> None:
    for name in ("News", "Tips"):
        caller.post("/api/v1/lists", {"name": name})
    begun = asked(caller, ADA, listIds=["News", "Tips"])
    List.objects.filter(name="News").update(name="Product news")
    List.objects.filter(name="Tips").delete()

    result(caller, begun)

    assert ListMembership.objects.get().list.name == "Product news"


def test_the_longest_name_of_a_key_is_no_fault(caller: Caller) -> None:
    made = api_keys.create(workspace=caller.workspace, name="k" * 200)

    begun = asked(Caller(caller.workspace, made.text), ADA)

    assert result(caller, begun)["addedCount"] == 1


def test_another_workspace_does_not_see_it(caller: Caller, stranger: Caller) -> None:
    begun = asked(caller, ADA)

    reply = stranger.get(f"{IMPORTS}/{begun['import']['id']}")

    assert (reply.status, reply.code) == (404, "NOT_FOUND")
