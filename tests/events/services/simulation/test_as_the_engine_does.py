"""What is simulated is what then happens: both from one event, compared step by step."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine

from events.models import Enrollment, Sequence, StepRun
from events.services.configuration import sync_rules
from events.services.configuration.sync_rules import RuleSpec
from events.services.simulation import Simulation
from subscribers.models import OutgoingEmail, Subscriber, Workspace
from tests import factories
from tests.support.calling import Caller
from tests.support.sequence_making import MAIL, NOON, make_sequence
from tests.support.simulations import simulate
from tests.support.time_travel import TimeTravel

pytestmark = pytest.mark.django_db
YEAR = timedelta(days=366)
ADA = "ada@example.com"
PLAN = {"path": "plan", "operator": "equals", "value": "pro"}
HI = {
    "type": "email",
    "subject": "Hi {{subscriber.firstName|friend}}",
    "previewText": "for {{event.plan}}",
    "html": "<p>{{event.plan}} {{subscriber.attributes.plan}}</p>",
}
RECEIPT = {
    "type": "email",
    "id": "receipt",
    "subject": "Receipt",
    "text": ".",
    "isTransactional": True,
}
WINDOW = {
    "enabled": True, "days": ["tuesday", "sunday"], "startTime": "09:00", "endTime": "09:30",
    "timezone": "America/New_York",
}  # fmt: skip
CASES: dict[str, list[dict[str, Any]]] = {
    "mails": [HI, {"type": "delay", "days": 2, "hours": 3}, MAIL],
    "times": [
        {"type": "delay", "mode": "until_date", "field": "at", "offset": {"days": 1},
         "direction": "before"},
        HI,
        {"type": "delay", "mode": "until_date", "field": "none", "missingAction": "skip"},
        MAIL,
        {"type": "delay", "mode": "until_weekday", "days": ["monday"], "startTime": "08:00",
         "endTime": "10:00"},
        MAIL,
        {"type": "delay", "mode": "until_date", "field": "past", "pastAction": "exit"},
    ],
    "waits": [
        {"type": "wait_for_event", "eventName": "bought", "timeout": {"hours": 5}},
        HI,
        {"type": "wait_for_event", "eventName": "bought", "onTimeout": "exit"},
        MAIL,
    ],
    "conditions": [
        {"type": "condition", "rules": [{"type": "event_property", **PLAN}], "onFalse": "receipt"},
        {"type": "condition", "rules": [{"type": "tag", "tag": "customer"}]},
        {"type": "condition", "rules": [{"type": "attribute", **PLAN}], "onFalse": "receipt"},
        MAIL,
        RECEIPT,
        {"type": "condition", "rules": [{"type": "did_event", "eventName": "signup"}]},
        MAIL,
    ],
    "branches": [
        {"type": "split", "branches": [
            {"weight": 1, "steps": [HI, {"type": "delay", "hours": 1}]},
            {"weight": 1, "steps": [{"type": "update_tags", "add": ["vip"]}, MAIL]},
        ]},
        {
            "type": "condition", "rules": [{"type": "tag", "tag": "vip"}],
            "then": [MAIL], "else": [HI, {"type": "delay", "days": 1}],
        },
        {**RECEIPT, "next": "exit"},
        MAIL,
    ],
    "changes": [
        {"type": "update_tags", "add": ["vip", "customer"], "remove": ["lead"]},
        {"type": "update_list", "join": ["News"], "leave": ["Old"]},
        {"type": "condition", "rules": [{"type": "no_list", "list": "Old"}]},
        {"type": "update_subscriber", "firstName": "Grace", "attributes": {"plan": "max"}},
        HI,
        {"type": "update_subscriber", "status": "unsubscribed"},
        MAIL,
        RECEIPT,
        {"type": "exit"},
        MAIL,
    ],
    "left out": [
        {"type": "update_subscriber", "status": "unsubscribed"},
        MAIL,
        {"type": "delay", "hours": 1},
        RECEIPT,
        {"type": "delay", "days": 9},
        RECEIPT | {"id": "another"},
    ],
    "leaving": [{"type": "update_subscriber", "status": "unsubscribed"}, MAIL],
    "stopping": [{"type": "delay", "days": 1}, {"type": "update_tags", "add": ["done"]}, MAIL],
    "failing": [MAIL, {"type": "email", "subject": "x", "text": "{{ event.n | divided_by: 0 }}"}],
}  # fmt: skip


@pytest.fixture
def ada(workspace: Workspace) -> Subscriber:
    person = factories.SubscriberFactory.create(workspace=workspace, email=ADA, first_name="Ada")
    lead = factories.TagFactory.create(workspace=workspace, name="lead")
    factories.SubscriberTagFactory.create(subscriber=person, tag=lead)
    old = factories.ListFactory.create(workspace=workspace, name="Old")
    factories.ListMembershipFactory.create(subscriber=person, list=old)
    factories.ListFactory.create(workspace=workspace, name="News")
    rule = RuleSpec(trigger_event="signup", add=("customer",))
    sync_rules.replace_all(workspace=workspace, specs=[rule])
    return person


@pytest.mark.parametrize("window", [None, WINDOW], ids=["always", "window"])
@pytest.mark.parametrize("case", CASES)
def test_what_is_simulated_happens(
    ada: Subscriber, caller: Caller, case: str, window: dict[str, Any] | None
) -> None:
    stop = {"type": "tag_added", "value": "done"}
    sequence = make_sequence(ada.workspace, *CASES[case], sendingWindow=window, stopCondition=stop)

    assert_happens(sequence, caller)


@pytest.mark.parametrize("case", ["leaving", "left out", "changes"])
def test_what_is_simulated_of_somebody_who_bounced_happens(
    ada: Subscriber, caller: Caller, case: str
) -> None:
    Subscriber.objects.filter(pk=ada.pk).update(status="bounced")
    sequence = make_sequence(ada.workspace, *CASES[case])

    assert_happens(sequence, caller)


def assert_happens(sequence: Sequence, caller: Caller) -> None:
    """Simulate a sign-up, let it happen, and compare."""
    properties = {"plan": "pro", "at": "2026-12-24", "past": "2020-02-02", "n": 1}

    simulated = simulate(sequence, ADA, properties=properties)
    with time_machine.travel(NOON, tick=False):
        caller.bulk({"name": "signup", "properties": properties}, email=ADA)
    TimeTravel(NOON).run_for(YEAR)

    enrollment = Enrollment.objects.get()
    assert way_of(simulated) == way_taken(enrollment)
    assert simulated.path.ending is not None
    assert (simulated.path.ending.status, simulated.path.ending.reason) == (
        enrollment.status,
        enrollment.reason,
    )
    assert mails_of(simulated) == mails_sent()


def way_of(simulation: Simulation) -> list[tuple[Any, ...]]:
    """Return the simulated steps without what only a simulation says."""
    extra = {"timesOutAt", "starts"}
    return [
        (
            visit.placed.step.id,
            visit.status,
            {key: value for key, value in visit.outcome.items() if key not in extra},
            visit.began_at,
            # When a step that fails is given up depends on its retries.
            None if visit.error else visit.ended_at,
            visit.error,
        )
        for visit in simulation.path.visits
    ]


def way_taken(enrollment: Enrollment) -> list[tuple[Any, ...]]:
    done = StepRun.objects.filter(enrollment=enrollment).select_related("step")
    return [
        (
            each.step.key,
            each.status,
            each.outcome,
            each.started_at,
            None if each.error else each.ended_at,
            each.error,
        )
        for each in done.order_by("step__position")
    ]


def mails_of(simulation: Simulation) -> list[tuple[Any, ...]]:
    done = [visit for visit in simulation.path.visits if visit.mail and visit.status == "done"]
    return [
        (mail.sender, mail.recipient, mail.kind, mail.subject, mail.html, mail.text, visit.ended_at)
        for visit in done
        if (mail := visit.mail)
    ]


def mails_sent() -> list[tuple[Any, ...]]:
    columns = ("sender", "recipient", "kind", "subject", "html", "text", "sent_at")
    return list(OutgoingEmail.objects.filter(status="sent").order_by("id").values_list(*columns))
