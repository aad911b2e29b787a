"""Stored imports: slices of the worker, cancelled and resumed, and people erased meanwhile."""

from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from subscribers import tasks
from subscribers.models import ImportBlock, ImportRun, Subscriber
from subscribers.services.consent.ledger import Circumstances
from subscribers.services.imports import people, stored
from subscribers.services.people import erasing
from tests.support.calling import Caller
from tests.support.requested_imports import ADA, IMPORTS, asked, result
from tests.support.resources import PEOPLE, done

pytestmark = pytest.mark.django_db
ROWS = [{"email": f"p{number}@example.com"} for number in range(1200)]


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
    begun = asked(caller, *ROWS)
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
    begun = asked(caller, *ROWS)
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
    asked(caller, *ROWS)
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
    begun = asked(caller, *ROWS, {"email": "ada@example.com"})

    def erasing_between_batches() -> datetime:
        if Subscriber.objects.count() > 1 and Subscriber.objects.filter(email="ada@example.com"):
            erase_ada()
        return timezone.now()

    stored.carry_on(kinds={}, make_importer=people.importer_of, clock=erasing_between_batches)
    ended = result(caller, begun)

    assert (ended["status"], ended["addedCount"]) == ("completed", 1200)
    assert not Subscriber.objects.filter(email="ada@example.com").exists()


def test_workspaces_take_turns(caller: Caller, stranger: Caller) -> None:
    asked(caller, *ROWS)
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


def test_an_import_whose_file_is_gone_fails(caller: Caller) -> None:
    begun = asked(caller, ADA)
    ImportBlock.objects.all().delete()

    assert result(caller, begun)["status"] == "failed"
    assert "upload or send it again" in ImportRun.objects.get().last_error
