"""Faults of the database while sequences start, stop and go on: kept, told, and mended later."""

from datetime import UTC, datetime, timedelta

import pytest

from events.models import Enrollment, Event, FailedStage
from events.services.configuration import sync_rules
from events.services.configuration.sync_rules import RuleSpec
from events.services.ingestion import failed_stages
from tests import factories
from tests.faults.test_event_faults import refusing
from tests.support.calling import Caller
from tests.support.enrollment_making import effects_of, enrollments, make_enrollment, names_in
from tests.support.sequence_making import make_sequence

pytestmark = pytest.mark.django_db
MONTH = {"type": "delay", "days": 30}
WAIT = {"type": "wait_for_event", "eventName": "purchased"}
STARTS, RELEASES, RULES = "trigger-sequences", "release-waits", "apply-sync-rules"
Status = Enrollment.Status


def retry_all() -> int:
    """Retry what is kept, as the worker does."""
    return failed_stages.retry_due(now=datetime.now(tz=UTC) + timedelta(minutes=2))


def test_a_start_that_fails_leaves_the_event_and_is_done_by_the_worker(caller: Caller) -> None:
    make_sequence(caller.workspace, MONTH, name="Welcome")

    with refusing("events_enrollment"):
        reply = caller.bulk({"name": "signup"})
    effects = effects_of("signup")
    done = retry_all()

    (enrollment,) = enrollments()
    event = Event.objects.get()
    assert reply.json["events"][0]["sideEffectFailures"] == [STARTS]
    assert effects["failedStages"][0]["stage"] == STARTS
    assert effects.keys() == {"failedStages"}
    assert done == 1
    assert names_in(event.effects, "sequencesStarted") == ["Welcome"]
    assert event.effects.keys() == {"sequencesStarted"}
    assert enrollment.started_by_id == event.pk
    assert enrollment.step_since == event.received_at
    assert not FailedStage.objects.exists()


def test_a_start_that_failed_is_done_when_the_event_comes_again(caller: Caller) -> None:
    make_sequence(caller.workspace, MONTH)
    with refusing("events_enrollment"):
        caller.bulk({"name": "signup", "eventId": "1"})

    reply = caller.bulk({"name": "signup", "eventId": "1"}, {"name": "signup"})

    first, second = Event.objects.order_by("pk")
    assert "sideEffectFailures" not in reply.json["events"][0]
    assert first.effects.keys() == {"sequencesStarted"}
    assert second.effects["sequencesNotStarted"][0]["reason"] == "already_enrolled"


def test_a_late_start_is_stopped_by_what_came_since(caller: Caller) -> None:
    make_sequence(
        caller.workspace, MONTH, stopCondition={"type": "event_received", "value": "cancelled"}
    )
    with refusing("events_enrollment"):
        caller.bulk({"name": "cancelled"}, {"name": "signup"}, {"name": "cancelled"})

    retry_all()

    assert [enrollment.status for enrollment in enrollments()] == [Status.STOPPED]


def test_a_late_start_is_not_stopped_by_what_came_before(caller: Caller) -> None:
    make_sequence(
        caller.workspace, MONTH, stopCondition={"type": "event_received", "value": "cancelled"}
    )
    with refusing("events_enrollment"):
        caller.bulk({"name": "cancelled"}, {"name": "signup"})

    retry_all()

    assert [enrollment.status for enrollment in enrollments()] == [Status.ACTIVE]


def test_a_start_that_fails_does_not_keep_the_event_from_stopping(caller: Caller) -> None:
    make_sequence(caller.workspace, MONTH, name="Welcome")
    other = make_sequence(
        caller.workspace,
        MONTH,
        name="Other",
        eventName="other",
        stopCondition={"type": "event_received", "value": "signup"},
    )
    person = factories.SubscriberFactory.create(workspace=caller.workspace, email="a@example.com")
    make_enrollment(other, person)

    with refusing("events_enrollment"):
        caller.bulk({"name": "signup"})

    assert [enrollment.status for enrollment in enrollments()] == [Status.STOPPED]
    assert effects_of("signup").keys() == {"failedStages", "enrollmentsStopped"}


def test_a_release_that_fails_is_done_by_the_worker(caller: Caller) -> None:
    sequence = make_sequence(caller.workspace, WAIT, name="Wait", eventName="other")
    person = factories.SubscriberFactory.create(workspace=caller.workspace, email="a@example.com")
    make_enrollment(sequence, person, awaits="purchased")
    make_sequence(caller.workspace, MONTH, name="Bought", eventName="purchased")

    with refusing("events_enrollment", on="UPDATE"):
        reply = caller.bulk({"name": "purchased"})
    before = enrollments()[0].released_by
    retry_all()

    event = Event.objects.get()
    assert reply.json["events"][0]["sideEffectFailures"] == [RELEASES]
    assert before is None
    assert enrollments()[0].released_by == event.pk
    assert event.effects.keys() == {"enrollmentsReleased", "sequencesStarted"}


def test_a_late_release_leaves_enrollments_that_began_since_alone(caller: Caller) -> None:
    sequence = make_sequence(
        caller.workspace, WAIT, stopCondition={"type": "event_received", "value": "purchased"}
    )
    person = factories.SubscriberFactory.create(workspace=caller.workspace, email="a@example.com")
    make_enrollment(sequence, person)
    with refusing("events_enrollment", on="UPDATE"):
        caller.bulk({"name": "purchased"})
    Enrollment.objects.all().delete()
    caller.bulk({"name": "signup"})

    retry_all()

    assert [enrollment.status for enrollment in enrollments()] == [Status.ACTIVE]
    assert Event.objects.get(definition__name="purchased").effects == {}


def test_rules_that_fail_bring_what_their_tags_start_and_stop_when_they_are_retried(
    caller: Caller,
) -> None:
    sync_rules.replace_all(
        workspace=caller.workspace, specs=[RuleSpec(trigger_event="buy", add=["customer"])]
    )
    stop = {"type": "tag_added", "value": "customer"}
    lead = make_sequence(caller.workspace, MONTH, name="Lead", stopCondition=stop)
    make_sequence(
        caller.workspace, MONTH, name="Customer", trigger="tag_added", tagNames=["customer"]
    )
    make_sequence(caller.workspace, MONTH, name="Buyer", eventName="buy")
    person = factories.SubscriberFactory.create(workspace=caller.workspace, email="a@example.com")
    make_enrollment(lead, person)

    with refusing("subscribers_subscribertag"):
        reply = caller.bulk({"name": "buy"})
    at_first = effects_of("buy")
    retry_all()

    effects = effects_of("buy")
    assert reply.json["events"][0]["sideEffectFailures"] == [RULES]
    assert at_first.keys() == {"failedStages", "sequencesStarted"}
    assert names_in(effects, "sequencesStarted") == ["Buyer", "Customer"]
    assert names_in(effects, "enrollmentsStopped") == ["Lead"]
    assert [each["tag"] for each in effects["tagsAdded"]] == ["customer"]
    assert [enrollment.status for enrollment in enrollments()] == [
        Status.STOPPED,
        Status.ACTIVE,
        Status.ACTIVE,
    ]


def test_two_stages_that_fail_are_both_named_and_both_done(caller: Caller) -> None:
    sync_rules.replace_all(
        workspace=caller.workspace, specs=[RuleSpec(trigger_event="buy", add=["customer"])]
    )
    make_sequence(
        caller.workspace, MONTH, name="Tagged", trigger="tag_added", tagNames=["customer"]
    )
    make_sequence(caller.workspace, MONTH, name="Buyer", eventName="buy")

    with refusing("subscribers_subscribertag"), refusing("events_enrollment", name="second"):
        reply = caller.bulk({"name": "buy", "eventId": "1"})
    repeated = caller.bulk({"name": "buy", "eventId": "1"})

    assert reply.json["events"][0]["sideEffectFailures"] == [RULES, STARTS]
    assert "sideEffectFailures" not in repeated.json["events"][0]
    assert names_in(effects_of("buy"), "sequencesStarted") == ["Buyer", "Tagged"]


@pytest.mark.parametrize("is_new", [True, False])
def test_a_fault_on_the_fast_path_keeps_the_event_and_the_stage(
    caller: Caller, *, is_new: bool
) -> None:
    make_sequence(caller.workspace, MONTH, eventName="other", name="Other")
    for number in range(2):
        caller.bulk({"name": "signup"}, email=f"{number}@example.com")
    make_sequence(caller.workspace, MONTH, name="Welcome")
    address = "new@example.com" if is_new else "0@example.com"

    with refusing("events_enrollment"):
        reply = caller.bulk({"name": "signup"}, email=address)
    retry_all()

    assert reply.status == 200
    assert reply.json["events"][0]["sideEffectFailures"] == [STARTS]
    assert Event.objects.count() == 3
    assert [enrollment.subscriber.email for enrollment in enrollments()] == [address]
