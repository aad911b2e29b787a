"""Which earlier enrollments events stop and release."""

from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine

from events.models import Enrollment, Event
from events.services.configuration import sync_rules
from events.services.configuration.sync_rules import RuleSpec
from events.services.sequences import sequences
from subscribers.models import Subscriber
from tests import factories
from tests.support.calling import Caller
from tests.support.enrollment_making import effects_of, enrollments, make_enrollment, names_in
from tests.support.sequence_making import make_sequence

pytestmark = pytest.mark.usefixtures("both_ways")

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
WAIT = {"type": "wait_for_event", "eventName": "purchased"}
MONTH = {"type": "delay", "days": 30}
Status = Enrollment.Status


def person_of(caller: Caller, **columns: Any) -> Subscriber:
    return factories.SubscriberFactory.create(
        workspace=caller.workspace, email="a@example.com", **columns
    )


@pytest.mark.parametrize("names", [["signup", "cancelled"], ["cancelled", "signup"]])
def test_the_order_of_a_request_decides_whether_a_stop_stops(
    caller: Caller, names: list[str]
) -> None:
    make_sequence(
        caller.workspace,
        MONTH,
        name="Welcome",
        stopCondition={"type": "event_received", "value": "cancelled"},
    )

    caller.bulk(*[{"name": name} for name in names])

    is_stopped = names[-1] == "cancelled"
    assert [enrollment.status for enrollment in enrollments()] == [
        Status.STOPPED if is_stopped else Status.ACTIVE
    ]
    assert names_in(effects_of("cancelled"), "enrollmentsStopped") == ["Welcome"] * is_stopped


def test_a_stop_ends_an_enrollment_that_sleeps_30_days_within_the_request(caller: Caller) -> None:
    sequence = make_sequence(
        caller.workspace,
        MONTH,
        stopCondition={"type": "event_received", "value": "cancelled"},
    )
    enrollment = make_enrollment(
        sequence, person_of(caller), lease_token=factories.SequenceFactory.build().pk
    )

    with time_machine.travel(NOON, tick=False):
        caller.bulk({"name": "cancelled"})

    enrollment.refresh_from_db()
    assert (enrollment.status, enrollment.reason, enrollment.ended_at) == (
        Status.STOPPED,
        "stop_condition",
        NOON,
    )
    assert (enrollment.due_at, enrollment.lease_token, enrollment.entry_slot) == (None, None, None)


@pytest.mark.parametrize("status", [Status.WAITING_CONFIRMATION, Status.PAUSED, Status.ACTIVE])
def test_a_stop_ends_what_is_held_too(caller: Caller, status: str) -> None:
    sequence = make_sequence(
        caller.workspace, MONTH, stopCondition={"type": "event_received", "value": "cancelled"}
    )
    make_enrollment(sequence, person_of(caller), status=status)

    caller.bulk({"name": "cancelled"})

    assert enrollments()[0].status == Status.STOPPED


def test_a_stop_with_a_field_ends_the_enrollment_that_began_with_its_value(caller: Caller) -> None:
    make_sequence(
        caller.workspace,
        MONTH,
        eventName="ordered",
        enrollmentMode="matching_field",
        enrollmentFieldPath="order.id",
        stopCondition={
            "type": "event_received",
            "value": "shipped",
            "matchConfig": {"mode": "matching_field", "fieldPath": "id"},
        },
    )
    caller.bulk(*[{"name": "ordered", "properties": {"order": {"id": n}}} for n in (1, 2)])

    caller.bulk({"name": "shipped", "properties": {"id": "2"}}, {"name": "shipped"})

    assert [enrollment.status for enrollment in enrollments()] == [Status.ACTIVE, Status.STOPPED]


def test_a_stop_whose_filter_is_not_met_stops_nothing(caller: Caller) -> None:
    stop = {
        "type": "event_received",
        "value": "cancelled",
        "propertyFilters": [{"path": "final", "operator": "equals", "value": True}],
    }
    make_sequence(caller.workspace, MONTH, stopCondition=stop)

    caller.bulk({"name": "signup"}, {"name": "cancelled"})

    assert [enrollment.status for enrollment in enrollments()] == [Status.ACTIVE]


def test_a_tag_that_an_event_adds_stops_what_was_there_and_not_what_it_starts(
    caller: Caller,
) -> None:
    sync_rules.replace_all(
        workspace=caller.workspace, specs=[RuleSpec(trigger_event="buy", add=["customer"])]
    )
    stop = {"type": "tag_added", "value": "customer"}
    make_sequence(caller.workspace, MONTH, name="Lead", stopCondition=stop)
    make_sequence(
        caller.workspace,
        MONTH,
        name="Customer",
        trigger="tag_added",
        tagNames=["customer"],
        stopCondition=stop,
    )

    caller.bulk({"name": "signup"}, {"name": "buy"})

    effects = effects_of("buy")
    assert names_in(effects, "sequencesStarted") == ["Customer"]
    assert names_in(effects, "enrollmentsStopped") == ["Lead"]
    assert [enrollment.status for enrollment in enrollments()] == [Status.STOPPED, Status.ACTIVE]


def test_an_awaited_event_releases_the_enrollment_at_once(caller: Caller) -> None:
    sequence = make_sequence(caller.workspace, WAIT, name="Wait")
    enrollment = make_enrollment(sequence, person_of(caller), awaits="purchased")

    with time_machine.travel(NOON, tick=False):
        caller.bulk({"name": "purchased"})

    enrollment.refresh_from_db()
    event = Event.objects.get()
    assert (enrollment.status, enrollment.released_by, enrollment.due_at) == (
        Status.WAITING,
        event.pk,
        NOON,
    )
    assert event.effects == {
        "enrollmentsReleased": [
            {"sequence": "Wait", "sequenceId": sequence.pk.hex, "enrollment": enrollment.pk.hex}
        ]
    }


def test_a_second_event_does_not_take_the_place_of_the_one_that_released(caller: Caller) -> None:
    sequence = make_sequence(caller.workspace, WAIT)
    make_enrollment(sequence, person_of(caller), awaits="purchased")

    caller.bulk({"name": "purchased"}, {"name": "purchased"})

    first = Event.objects.order_by("pk")[0]
    assert enrollments()[0].released_by == first.pk


def test_a_paused_enrollment_takes_the_event_and_stays_paused(caller: Caller) -> None:
    sequence = make_sequence(caller.workspace, WAIT)
    make_enrollment(
        sequence,
        person_of(caller),
        status=Status.PAUSED,
        status_before_pause=Status.WAITING,
        awaits="purchased",
        due_at=None,
    )

    caller.bulk({"name": "purchased"})

    (enrollment,) = enrollments()
    assert (enrollment.status, enrollment.due_at) == (Status.PAUSED, None)
    assert enrollment.released_by == Event.objects.get().pk


def test_a_claimed_enrollment_keeps_its_lease_when_it_is_released(caller: Caller) -> None:
    sequence = make_sequence(caller.workspace, WAIT)
    token = factories.SequenceFactory.build().pk
    make_enrollment(sequence, person_of(caller), awaits="purchased", lease_token=token)

    caller.bulk({"name": "purchased"})

    assert enrollments()[0].lease_token == token


def test_an_enrollment_of_an_earlier_version_is_released_by_its_own_filters(caller: Caller) -> None:
    cheap = [{"path": "total", "operator": "less_than", "value": 10}]
    sequence = make_sequence(caller.workspace, {**WAIT, "propertyFilters": cheap}, name="Wait")
    make_enrollment(sequence, person_of(caller), awaits="purchased")
    spec = sequences.spec_of(make_sequence(caller.workspace, MONTH, is_active=False, name="Wait 2"))
    sequences.edit(sequence=sequence, spec=spec, now=NOON)

    caller.bulk({"name": "purchased", "properties": {"total": 11}})
    dear = enrollments()[0].released_by
    caller.bulk({"name": "purchased", "properties": {"total": 9}})

    assert dear is None
    assert enrollments()[0].released_by is not None


def test_an_event_that_releases_and_stops_an_enrollment_stops_it(caller: Caller) -> None:
    sequence = make_sequence(
        caller.workspace,
        WAIT,
        name="Wait",
        stopCondition={"type": "event_received", "value": "purchased"},
    )
    make_enrollment(sequence, person_of(caller), awaits="purchased")

    caller.bulk({"name": "purchased"})

    assert enrollments()[0].status == Status.STOPPED
    assert effects_of("purchased").keys() == {"enrollmentsStopped"}


def test_an_awaited_event_in_the_same_request_comes_after_the_enrollment_began(
    caller: Caller,
) -> None:
    make_sequence(caller.workspace, WAIT)

    caller.bulk({"name": "signup"}, {"name": "purchased"})

    (enrollment,) = enrollments()
    purchased = Event.objects.get(definition__name="purchased")
    assert (enrollment.status, enrollment.released_by) == (Status.ACTIVE, None)
    assert purchased.received_at == enrollment.step_since
    assert enrollment.started_by_id is not None
    assert purchased.pk > enrollment.started_by_id
