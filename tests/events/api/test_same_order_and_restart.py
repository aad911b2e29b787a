"""Filters that compare with the starting event, and sequences that start over."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.core import mail

from events.models import Enrollment
from events.services.sequences import sequences
from subscribers.models import OutgoingEmail
from tests.support.calling import Caller
from tests.support.enrollment_making import effects_of, enrollments
from tests.support.sequence_making import make_sequence
from tests.support.time_travel import TimeTravel

pytestmark = pytest.mark.usefixtures("both_ways")

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
DAY = timedelta(days=1)
SAME_CART = [{"path": "cartId", "operator": "equals", "entryPath": "cartId"}]
REMINDER = {"type": "email", "subject": "Cart {{event.cartId}}", "text": "Still here."}
Status = Enrollment.Status


def send(caller: Caller, at: datetime, *names: str, **properties: object) -> None:
    with time_machine.travel(at, tick=False):
        caller.bulk(*[{"name": name, "properties": properties} for name in names])


def test_buying_one_cart_leaves_the_other_alone(caller: Caller) -> None:
    make_sequence(
        caller.workspace,
        {
            "type": "wait_for_event",
            "eventName": "checked_out",
            "propertyFilters": SAME_CART,
            "timeout": {"hours": 3},
        },
        {
            "type": "condition",
            "rules": [
                {
                    "type": "did_not_event",
                    "eventName": "checked_out",
                    "propertyFilters": SAME_CART,
                }
            ],
        },
        REMINDER,
        eventName="joined",
        enrollmentMode="matching_field",
        enrollmentFieldPath="cartId",
    )
    travel = TimeTravel(NOON)
    send(caller, NOON, "joined", cartId="A")
    send(caller, NOON, "joined", cartId="B")
    travel.run_for(timedelta(minutes=1))

    send(caller, travel.now, "checked_out", cartId="B")
    travel.run_for(timedelta(hours=4))

    assert [each.subject for each in mail.outbox] == ["Cart A"]
    assert [each.reason for each in enrollments()] == ["", "condition_not_met"]


def test_a_purchase_before_the_wait_began_releases_only_its_own_cart(caller: Caller) -> None:
    """The engine finds events that were recorded before it came to the wait."""
    make_sequence(
        caller.workspace,
        {"type": "wait_for_event", "eventName": "checked_out", "propertyFilters": SAME_CART},
        eventName="joined",
        enrollmentMode="matching_field",
        enrollmentFieldPath="cartId",
    )
    send(caller, NOON, "joined", cartId=1)
    send(caller, NOON, "joined", cartId=2)
    send(caller, NOON, "checked_out", cartId=2)

    TimeTravel(NOON).tick()

    assert [each.status for each in enrollments()] == [Status.WAITING, Status.COMPLETED]


def test_an_exit_condition_compares_with_the_starting_event(caller: Caller) -> None:
    make_sequence(
        caller.workspace,
        {"type": "delay", "days": 3},
        eventName="joined",
        enrollmentMode="matching_field",
        enrollmentFieldPath="cartId",
        stopCondition={
            "type": "event_received",
            "value": "checked_out",
            "propertyFilters": [{"path": "total", "operator": "less_than", "entryPath": "total"}],
        },
    )
    send(caller, NOON, "joined", cartId="A", total=10)
    send(caller, NOON, "joined", cartId="B", total="30.5")

    send(caller, NOON + DAY, "checked_out", total=20)

    assert [each.status for each in enrollments()] == [Status.ACTIVE, Status.STOPPED]


@pytest.mark.parametrize("operator", ["equals", "not_equals", "greater_than", "contains"])
@pytest.mark.parametrize("entry", [{}, {"cartId": None}, {"cartId": ["A"]}, {"cartId": {}}])
def test_without_a_value_to_compare_with_no_filter_holds(
    caller: Caller, entry: dict[str, object], operator: str
) -> None:
    wanted = [{"path": "cartId", "operator": operator, "entryPath": "cartId"}]
    stop = {"type": "event_received", "value": "checked_out", "propertyFilters": wanted}
    make_sequence(
        caller.workspace, {"type": "delay", "days": 3}, eventName="joined", stopCondition=stop
    )
    send(caller, NOON, "joined", **entry)

    send(caller, NOON + DAY, "checked_out", cartId="B")

    assert [each.status for each in enrollments()] == [Status.ACTIVE]


def test_fourteen_days_after_the_last_login(caller: Caller) -> None:
    make_sequence(
        caller.workspace,
        {"type": "delay", "days": 14},
        {"type": "email", "subject": "We miss you", "text": "Come back."},
        eventName="login",
        enrollmentMode="restart",
        stopCondition={"type": "event_received", "value": "login"},
    )
    travel = TimeTravel(NOON)
    send(caller, NOON, "login")
    travel.run_for(DAY)
    send(caller, NOON + DAY, "login")
    travel.run_for(20 * DAY)

    assert OutgoingEmail.objects.get().sent_at == NOON + 15 * DAY
    first, second = enrollments()
    assert (first.status, first.reason, first.ended_at) == (
        Status.STOPPED,
        "superseded",
        NOON + DAY,
    )
    assert (first.due_at, first.entry_slot) == (None, None)
    assert second.status == Status.COMPLETED
    (started,) = effects_of("login")["sequencesStarted"]
    assert started["supersedes"] == first.pk.hex
    assert "enrollmentsStopped" not in effects_of("login")


def test_each_start_of_one_request_supersedes_the_one_before(caller: Caller) -> None:
    make_sequence(
        caller.workspace, {"type": "delay", "days": 14}, eventName="login", enrollmentMode="restart"
    )

    send(caller, NOON, "login", "login", "login")

    states = [(each.status, each.reason, each.entry_slot) for each in enrollments()]
    assert states == [
        (Status.STOPPED, "superseded", None),
        (Status.STOPPED, "superseded", None),
        (Status.ACTIVE, "", ""),
    ]


def test_an_event_that_does_not_meet_the_filter_ends_nothing(caller: Caller) -> None:
    make_sequence(
        caller.workspace,
        {"type": "delay", "days": 14},
        eventName="login",
        enrollmentMode="restart",
        propertyFilters=[{"path": "app", "operator": "equals", "value": "web"}],
    )
    send(caller, NOON, "login", app="web")

    send(caller, NOON + DAY, "login", app="api")

    assert [each.status for each in enrollments()] == [Status.ACTIVE]
    assert effects_of("login")["sequencesNotStarted"][0]["reason"] == "filter_not_met"


def test_a_key_with_a_dot_is_found_where_no_path_leads(caller: Caller) -> None:
    make_sequence(
        caller.workspace,
        {"type": "email", "subject": "Order {{event.order.id}}", "text": "."},
        eventName="order",
        enrollmentMode="matching_field",
        enrollmentFieldPath="order.id",
    )
    with time_machine.travel(NOON, tick=False):
        caller.bulk({"name": "order", "properties": {"order.id": "7"}})

    TimeTravel(NOON).tick()

    assert [each.subject for each in mail.outbox] == ["Order 7"]


def test_a_filter_that_can_compare_with_nothing_is_a_warning(caller: Caller) -> None:
    wait = {"type": "wait_for_event", "eventName": "checked_out", "propertyFilters": SAME_CART}

    sequence = make_sequence(caller.workspace, wait, trigger="manual")

    never, warning = sequences.readiness(sequence).warnings
    assert never.startswith("No event checked_out was ever received")
    assert warning.startswith("Filters compare with cartId of the event that began")
