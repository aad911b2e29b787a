"""What starts when events come in, and why the rest does not."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine

from events.models import Enrollment, Event
from events.services.configuration import sync_rules
from events.services.configuration.sync_rules import RuleSpec
from events.services.sequences import sequences
from subscribers.models import Subscriber, Tag
from tests import factories
from tests.support.calling import Caller
from tests.support.enrollment_making import effects_of, enrollments, make_enrollment, reasons_in
from tests.support.sequence_making import MAIL, make_sequence

pytestmark = pytest.mark.usefixtures("both_ways")

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
WAIT = {"type": "wait_for_event", "eventName": "purchased"}
MONTH = {"type": "delay", "days": 30}
Status = Enrollment.Status


def person_of(caller: Caller, **columns: Any) -> Subscriber:
    return factories.SubscriberFactory.create(
        workspace=caller.workspace, email="a@example.com", **columns
    )


def test_an_event_starts_an_enrollment_at_the_first_step_due_at_once(caller: Caller) -> None:
    sequence = make_sequence(caller.workspace, MAIL, name="Welcome")

    with time_machine.travel(NOON, tick=False):
        reply = caller.bulk({"name": "signup", "properties": {"plan": "pro"}})

    (enrollment,) = enrollments()
    event = Event.objects.get()
    assert reply.status == 200
    assert enrollment.version_id == sequence.current_version_id
    assert enrollment.step is not None
    assert enrollment.step.position == 0
    assert (enrollment.status, enrollment.entry_slot, enrollment.lane) == (
        Status.ACTIVE,
        "",
        Enrollment.Lane.MARKETING,
    )
    assert (
        enrollment.due_at
        == enrollment.step_since
        == enrollment.entered_at
        == event.received_at
        == NOON
    )
    assert enrollment.started_by_id == event.pk
    assert enrollment.entered_via == {"kind": "event", "name": "signup"}
    assert event.effects == {
        "sequencesStarted": [
            {
                "sequence": "Welcome",
                "sequenceId": sequence.pk.hex,
                "enrollment": enrollment.pk.hex,
                "by": "event",
            }
        ]
    }


def test_a_sequence_that_begins_with_transactional_mail_starts_in_its_lane(caller: Caller) -> None:
    make_sequence(caller.workspace, {**MAIL, "isTransactional": True})

    caller.bulk({"name": "signup"})

    assert enrollments()[0].lane == Enrollment.Lane.TRANSACTIONAL


def test_sequences_start_by_name_and_then_by_tags_in_order_of_their_ids(caller: Caller) -> None:
    sync_rules.replace_all(
        workspace=caller.workspace, specs=[RuleSpec(trigger_event="signup", add=["vip", "new"])]
    )
    make_sequence(caller.workspace, name="By tag", trigger="tag_added", tagNames=["new", "vip"])
    make_sequence(caller.workspace, name="First")
    make_sequence(caller.workspace, name="Second")

    caller.bulk({"name": "signup"})

    started = effects_of("signup")["sequencesStarted"]
    assert [each["sequence"] for each in started] == ["First", "Second", "By tag"]
    assert (started[2]["by"], started[2]["tag"]) == ("tag", "vip")
    assert enrollments()[2].entered_via == {"kind": "tag", "name": "vip"}
    assert enrollments()[2].started_by is not None


def test_a_tag_that_was_there_before_starts_nothing(caller: Caller) -> None:
    sync_rules.replace_all(
        workspace=caller.workspace, specs=[RuleSpec(trigger_event="signup", add=["vip"])]
    )
    make_sequence(caller.workspace, trigger="tag_added", tagNames=["vip"])
    tag = Tag.objects.get(name="vip")
    factories.SubscriberTagFactory.create(subscriber=person_of(caller), tag=tag)

    caller.bulk({"name": "signup"})

    assert not enrollments()


def test_a_tag_that_comes_and_goes_within_one_event_starts_nothing(caller: Caller) -> None:
    sync_rules.replace_all(
        workspace=caller.workspace,
        specs=[
            RuleSpec(trigger_event="signup", add=["vip"]),
            RuleSpec(trigger_event="signup", remove=["vip"]),
        ],
    )
    make_sequence(caller.workspace, trigger="tag_added", tagNames=["vip"])

    caller.bulk({"name": "signup"})

    assert not enrollments()


@pytest.mark.parametrize(
    ("wire", "columns", "reason"),
    [
        ({"is_active": False}, {}, "sequence_not_active"),
        (
            {"propertyFilters": [{"path": "plan", "operator": "equals", "value": "pro"}]},
            {},
            "filter_not_met",
        ),
        (
            {"enrollmentMode": "matching_field", "enrollmentFieldPath": "order.id"},
            {},
            "entry_key_missing",
        ),
        ({"activeSubscribersOnly": True}, {"status": "unsubscribed"}, "subscriber_unsubscribed"),
        ({"activeSubscribersOnly": True}, {"status": "complained"}, "subscriber_unsubscribed"),
        ({"activeSubscribersOnly": True}, {"status": "bounced"}, "subscriber_bounced"),
    ],
)
def test_who_does_not_enter_is_told_why(
    caller: Caller, wire: dict[str, Any], columns: dict[str, Any], reason: str
) -> None:
    make_sequence(caller.workspace, name="Welcome", **wire)
    person_of(caller, **columns)

    caller.bulk({"name": "signup", "properties": {"plan": "free", "order": {"id": None}}})

    assert not enrollments()
    assert reasons_in(effects_of("signup")) == {"Welcome": reason}


def test_an_unmet_filter_is_named_by_its_path(caller: Caller) -> None:
    wanted = [
        {"path": "plan", "operator": "exists"},
        {"path": "order.total", "operator": "greater_than", "value": 10},
    ]
    make_sequence(caller.workspace, propertyFilters=wanted)

    caller.bulk({"name": "signup", "properties": {"plan": "pro", "order": {"total": 9}}})

    (said,) = effects_of("signup")["sequencesNotStarted"]
    assert said["path"] == "order.total"


def test_a_paused_sequence_and_paused_enrollment_let_nobody_in(caller: Caller) -> None:
    paused = make_sequence(caller.workspace, name="Paused")
    closed = make_sequence(caller.workspace, name="Closed")
    archived = make_sequence(caller.workspace, name="Archived")
    sequences.pause(sequence=paused, now=NOON)
    sequences.set_enrollment_paused(sequence=closed, is_paused=True, now=NOON)
    sequences.archive(sequence=archived, now=NOON)

    caller.bulk({"name": "signup"})

    assert not enrollments()
    assert reasons_in(effects_of("signup")) == {
        "Paused": "sequence_not_active",
        "Closed": "enrollment_paused",
    }


def test_history_starts_releases_and_stops_nothing_and_says_so(caller: Caller) -> None:
    make_sequence(caller.workspace, name="Welcome")
    waiting = make_sequence(caller.workspace, WAIT, name="Wait", eventName="other")
    stopped = make_sequence(
        caller.workspace,
        MONTH,
        eventName="other",
        stopCondition={"type": "event_received", "value": "signup"},
    )
    person = person_of(caller)
    make_enrollment(waiting, person, awaits="signup")
    make_enrollment(stopped, person)

    caller.bulk({"name": "signup", "occurredAt": "2026-01-01T00:00:00Z"})

    assert reasons_in(effects_of("signup")) == {"Welcome": "historical"}
    assert [enrollment.status for enrollment in enrollments()] == [Status.WAITING] * 2
    assert [enrollment.released_by for enrollment in enrollments()] == [None, None]


def test_an_unlimited_sequence_lets_in_again_once_the_enrollment_is_over(caller: Caller) -> None:
    make_sequence(caller.workspace, name="Welcome")
    caller.bulk({"name": "signup"})
    caller.bulk({"name": "signup"})
    while_under_way = reasons_in(effects_of("signup"))
    Enrollment.objects.update(status=Status.COMPLETED, entry_slot=None, ended_at=NOON)

    caller.bulk({"name": "signup"})

    assert while_under_way == {"Welcome": "already_enrolled"}
    assert [enrollment.status for enrollment in enrollments()] == [Status.COMPLETED, Status.ACTIVE]


def test_a_one_time_sequence_lets_in_once_ever(caller: Caller) -> None:
    make_sequence(
        caller.workspace,
        MONTH,
        name="Welcome",
        enrollmentMode="one_time",
        stopCondition={"type": "event_received", "value": "cancelled"},
    )

    caller.bulk({"name": "signup"}, {"name": "signup"})
    under_way = reasons_in(effects_of("signup"))
    caller.bulk({"name": "cancelled"}, {"name": "signup"})

    assert under_way == {"Welcome": "already_enrolled"}
    assert reasons_in(effects_of("signup")) == {"Welcome": "entered_before"}
    assert [(enrollment.status, enrollment.entry_slot) for enrollment in enrollments()] == [
        (Status.STOPPED, "")
    ]


def test_matching_field_has_one_enrollment_under_way_for_each_value(caller: Caller) -> None:
    make_sequence(
        caller.workspace,
        MONTH,
        name="Order",
        eventName="ordered",
        enrollmentMode="matching_field",
        enrollmentFieldPath="order.id",
    )

    caller.bulk(
        *[{"name": "ordered", "properties": {"order": {"id": each}}} for each in (1, 2, " 1 ", 1.0)]
    )

    assert [(enrollment.entry_slot, enrollment.entry_key) for enrollment in enrollments()] == [
        ("1", "1"),
        ("2", "2"),
    ]
    assert reasons_in(effects_of("ordered")) == {"Order": "already_enrolled"}
    assert enrollments()[0].entered_via == {"kind": "event", "name": "ordered", "value": "1"}


def test_a_delay_counts_from_the_event(caller: Caller) -> None:
    make_sequence(caller.workspace, MONTH)

    with time_machine.travel(NOON + timedelta(hours=3), tick=False):
        caller.bulk({"name": "signup"})

    assert enrollments()[0].step_since == NOON + timedelta(hours=3)
