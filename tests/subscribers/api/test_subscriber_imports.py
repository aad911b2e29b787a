"""`/subscribers/imports`: stored by the request, taken in by the worker's task."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from events.models import Enrollment
from subscribers import tasks
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
from subscribers.services.consent.ledger import Circumstances
from subscribers.services.imports import people, stored
from subscribers.services.people import erasing
from subscribers.services.workspaces import api_keys
from tests.support.calling import Caller
from tests.support.resources import PEOPLE, done, path_of_fault, send
from tests.support.sequence_making import make_sequence

pytestmark = pytest.mark.django_db
IMPORTS = f"{PEOPLE}/imports"
ADA = {"email": "ada@example.com", "firstName": "Ada", "tags": ["VIP"]}


def asked(caller: Caller, *rows: Any, **options: Any) -> Any:
    return done(caller.post(IMPORTS, {"subscribers": list(rows), **options}))


def result(caller: Caller, answer: Any) -> Any:
    """Let the worker take everything in; return how the import ended."""
    while tasks.carry_on_imports():
        pass
    return done(caller.get(f"{IMPORTS}/{answer['import']['id']}"))["import"]


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
    assert "start no sequences" in quiet["message"]
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


class Clock:
    """A clock that goes on by some seconds each time it is read."""

    def __init__(self, *, seconds: int) -> None:
        self.now = timezone.now()
        self.step = timedelta(seconds=seconds)

    def __call__(self) -> datetime:
        self.now += self.step
        return self.now


def slice_of(clock: Clock) -> bool:
    return stored.carry_on(kinds={}, make_importer=people.importer_of, clock=clock)


def test_a_slice_ends_after_its_time_and_the_next_goes_on(caller: Caller) -> None:
    rows = [{"email": f"p{number}@example.com"} for number in range(1200)]
    begun = asked(caller, *rows)
    clock = Clock(seconds=20)

    slice_of(clock)
    part = Subscriber.objects.count()
    halfway = done(caller.get(f"{IMPORTS}/{begun['import']['id']}"))["import"]
    while slice_of(clock):
        pass

    assert 0 < part < 1200
    assert (halfway["status"], halfway["processedCount"]) == ("running", part)
    assert Subscriber.objects.count() == 1200
    assert result(caller, begun)["completedChunks"] == 3


def test_an_import_that_a_killed_worker_held_goes_on_after_a_minute(caller: Caller) -> None:
    begun = asked(caller, ADA)
    ImportRun.objects.get().mark_resumed(actor="", at=timezone.now())

    at_once = tasks.carry_on_imports()
    untouched = Subscriber.objects.count()
    ImportRun.objects.update(updated_at=timezone.now() - timedelta(seconds=61))

    assert (at_once, untouched) == (False, 0)
    assert result(caller, begun)["status"] == "completed"


def test_a_cancelled_import_stops_and_can_be_resumed(caller: Caller) -> None:
    rows = [{"email": f"p{number}@example.com"} for number in range(1200)]
    begun = asked(caller, *rows)
    slice_of(Clock(seconds=20))
    run = ImportRun.objects.get()
    part = Subscriber.objects.count()

    cancelled = [stored.cancel(run=run, now=timezone.now()) for _ in range(2)]
    after = result(caller, begun)
    resumed = [stored.resume(run=run, now=timezone.now()) for _ in range(2)]

    assert (cancelled, after["status"], after["processedCount"]) == (
        [True, False],
        "cancelled",
        part,
    )
    assert resumed == [True, False]
    assert result(caller, begun)["addedCount"] == 1200


def test_a_cancel_during_a_slice_drops_the_rows_that_are_being_written(caller: Caller) -> None:
    rows = [{"email": f"p{number}@example.com"} for number in range(1200)]
    asked(caller, *rows)
    run = ImportRun.objects.get()

    def cancelling() -> datetime:
        if Subscriber.objects.exists():
            stored.cancel(run=run, now=timezone.now())
        return timezone.now()

    stored.carry_on(kinds={}, make_importer=people.importer_of, clock=cancelling)

    run.refresh_from_db()
    assert run.status == "interrupted"
    assert 0 < Subscriber.objects.count() == run.rows < 1200


def test_the_file_of_an_import_that_nobody_resumes_is_deleted(caller: Caller) -> None:
    begun = asked(caller, ADA)
    asked(caller, {"email": "bob@example.com"})
    run = ImportRun.objects.earliest("id")
    stored.cancel(run=run, now=timezone.now())
    ImportRun.objects.update(updated_at=timezone.now() - timedelta(days=8))

    tasks.purge_expired()

    assert ImportBlock.objects.get().run != run
    assert not stored.resume(run=run, now=timezone.now())
    assert result(caller, begun)["status"] == "cancelled"


def erase_ada() -> None:
    ada = Subscriber.objects.get(email="ada@example.com")
    erasing.erase(subscriber_id=ada.pk, circumstances=Circumstances(), now=timezone.now())


def test_somebody_who_is_erased_does_not_come_back_with_rows_that_wait(caller: Caller) -> None:
    caller.post(PEOPLE, {"email": "ada@example.com", "externalId": "user_1"})
    begun = asked(
        caller,
        {"email": "Ada@Example.com"},
        {"externalId": "user_1"},
        {"email": "grada@example.com"},
        {"email": "bob@example.com", "customAttributes": {"invitedBy": "ada@example.com"}},
        {"email": "eve@example.com", "customAttributes": {"code": "user_1"}},
    )

    erase_ada()
    ended = result(caller, begun)

    assert (ended["status"], ended["processedCount"]) == ("completed", 3)
    left = Subscriber.objects.order_by("email").values_list("email", flat=True)
    assert list(left) == ["bob@example.com", "eve@example.com", "grada@example.com"]


def test_somebody_who_is_erased_during_a_slice_does_not_come_back(caller: Caller) -> None:
    caller.post(PEOPLE, {"email": "ada@example.com"})
    rows = [{"email": f"p{number}@example.com"} for number in range(1200)]
    begun = asked(caller, *rows, {"email": "ada@example.com"})

    def erasing_between_batches() -> datetime:
        if Subscriber.objects.count() > 1 and Subscriber.objects.filter(email="ada@example.com"):
            erase_ada()
        return timezone.now()

    stored.carry_on(kinds={}, make_importer=people.importer_of, clock=erasing_between_batches)
    ended = result(caller, begun)

    assert (ended["status"], ended["addedCount"]) == ("completed", 1200)
    assert not Subscriber.objects.filter(email="ada@example.com").exists()


def test_workspaces_take_turns(caller: Caller, stranger: Caller) -> None:
    rows = [{"email": f"p{number}@example.com"} for number in range(1200)]
    asked(caller, *rows)
    asked(stranger, ADA)
    clock = Clock(seconds=20)

    slice_of(clock)
    slice_of(clock)

    assert Subscriber.objects.filter(workspace=stranger.workspace).exists()
    assert Subscriber.objects.filter(workspace=caller.workspace).count() < 1200


def test_one_slice_is_worked_on_at_a_time(caller: Caller) -> None:
    asked(caller, ADA)
    asked(caller, {"email": "bob@example.com"})
    ImportRun.objects.earliest("id").mark_resumed(actor="", at=timezone.now())

    assert not tasks.carry_on_imports()
    assert not Subscriber.objects.exists()


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


def test_an_import_whose_file_is_gone_fails(caller: Caller) -> None:
    begun = asked(caller, ADA)
    ImportBlock.objects.all().delete()

    assert result(caller, begun)["status"] == "failed"
    assert "give it again" in ImportRun.objects.get().last_error


def test_another_workspace_does_not_see_it(caller: Caller, stranger: Caller) -> None:
    begun = asked(caller, ADA)

    reply = stranger.get(f"{IMPORTS}/{begun['import']['id']}")

    assert (reply.status, reply.code) == (404, "NOT_FOUND")
