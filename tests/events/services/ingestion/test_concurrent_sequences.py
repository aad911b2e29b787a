"""Many requests at once that start, stop and release runs; real threads on PostgreSQL."""

from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pytest

from events.models import Enrollment, Event, FailedStage
from events.services.sequences import sequences
from subscribers.services.workspaces import workspaces
from tests.conftest import new_caller
from tests.events.services.ingestion.test_concurrent_requests import at_once
from tests.support.calling import Caller, Reply
from tests.support.enrollment_making import enrollments
from tests.support.sequence_making import make_sequence

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db(transaction=True)]
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
MONTH = {"type": "delay", "days": 30}
THREADS = 50
Status = Enrollment.Status


@pytest.fixture
def application() -> Caller:
    return new_caller(workspaces.create(name="Acme"))


def reasons() -> Counter[str]:
    """Count why events did not start a sequence; an event that did counts as `started`."""
    counted: Counter[str] = Counter()
    for effects in Event.objects.values_list("effects", flat=True):
        counted.update(each["reason"] for each in effects.get("sequencesNotStarted", []))
        counted["started"] += len(effects.get("sequencesStarted", []))
    return counted


@pytest.mark.parametrize("is_known", [False, True])
def test_50_at_once_start_one_enrollment_under_way(application: Caller, *, is_known: bool) -> None:
    make_sequence(application.workspace, MONTH)
    if is_known:
        application.bulk({"name": "other"})

    replies = at_once(lambda _: application.bulk({"name": "signup"}), threads=THREADS)

    assert {reply.status for reply in replies} == {200}
    assert [enrollment.status for enrollment in enrollments()] == [Status.ACTIVE]
    assert reasons() == {"started": 1, "already_enrolled": THREADS - 1}
    assert not FailedStage.objects.exists()


def test_50_at_once_enter_a_one_time_sequence_once_ever(application: Caller) -> None:
    make_sequence(
        application.workspace,
        MONTH,
        enrollmentMode="one_time",
        stopCondition={"type": "event_received", "value": "end"},
    )

    replies = at_once(
        lambda _: application.bulk({"name": "signup"}, {"name": "end"}, {"name": "signup"}),
        threads=THREADS,
    )

    assert {reply.status for reply in replies} == {200}
    assert [enrollment.status for enrollment in enrollments()] == [Status.STOPPED]
    assert reasons() == {"started": 1, "entered_before": 2 * THREADS - 1}


def test_50_at_once_have_one_enrollment_an_order(application: Caller) -> None:
    make_sequence(
        application.workspace,
        MONTH,
        eventName="ordered",
        enrollmentMode="matching_field",
        enrollmentFieldPath="order.id",
    )

    def send(number: int) -> Reply:
        return application.bulk({"name": "ordered", "properties": {"order": {"id": number % 10}}})

    replies = at_once(send, threads=THREADS)

    assert {reply.status for reply in replies} == {200}
    assert sorted(enrollment.entry_slot or "" for enrollment in enrollments()) == [
        str(number) for number in range(10)
    ]
    assert reasons() == {"started": 10, "already_enrolled": THREADS - 10}


def test_starts_stops_and_switching_on_in_a_storm_leave_one_enrollment_at_most(
    application: Caller,
) -> None:
    stop = {"type": "event_received", "value": "end"}
    wait = {"type": "wait_for_event", "eventName": "came"}
    made = [
        make_sequence(application.workspace, wait, name=f"S{number}", stopCondition=stop)
        for number in range(4)
    ]
    people = [f"p{number}@example.com" for number in range(3)]

    def send(number: int) -> Reply:
        if number % 10 == 0:
            sequences.pause(sequence=made[number % 4], now=NOON)
            sequences.activate(sequence=made[number % 4], now=NOON)
        names: list[dict[str, Any]] = [{"name": name} for name in ("signup", "came", "end")]
        order = names if number % 2 else names[::-1]
        return application.bulk(*order, email=people[number % 3])

    replies = at_once(send, threads=THREADS)

    assert {reply.status for reply in replies} == {200}
    assert not FailedStage.objects.exists()
    held = Enrollment.objects.filter(entry_slot__isnull=False)
    by_place = Counter(held.values_list("sequence", "subscriber__email"))
    assert set(by_place.values()) <= {1}
    ended = Enrollment.objects.filter(status=Status.STOPPED)
    assert not ended.exclude(due_at=None, entry_slot=None).exists()
    started = reasons()["started"]
    assert Enrollment.objects.count() == started
