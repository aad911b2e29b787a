"""The event that an enrollment waits for comes at the very moment of its timeout.

One of them counts.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from events.models import Enrollment, Event, Sequence, StepRun
from events.services import engine
from events.services.engine import claiming
from events.services.engine.claiming import ClaimedBatch
from subscribers.models import SubscriberTag
from subscribers.services.workspaces import workspaces
from tests import factories
from tests.conftest import new_caller
from tests.support.beside import beside
from tests.support.enrollment_making import make_enrollment
from tests.support.sequence_making import make_sequence

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db(transaction=True)]
TIMES = 200
# How long one of the two waits for the other, in turn: the locks meet in every order.
HEAD_STARTS = (0.0, 0.001, 0.002, 0.004, 0.03)


@pytest.fixture
def sequence(db: None) -> Sequence:
    wait = {"type": "wait_for_event", "eventName": "purchased", "onTimeout": "exit"}
    bought = {"type": "update_tags", "add": ["bought"]}
    return make_sequence(workspaces.create(name="Acme"), wait, bought)


def claim_one_each(sequence: Sequence, now: datetime) -> list[ClaimedBatch]:
    """Let as many enrollments time out a second ago, and claim each alone."""
    for number in range(TIMES):
        person = factories.SubscriberFactory.create(
            workspace=sequence.workspace, email=f"person{number}@example.com"
        )
        due_at = now - timedelta(seconds=1, microseconds=-number)
        make_enrollment(sequence, person, awaits="purchased", due_at=due_at, step_since=due_at)
    batches: list[ClaimedBatch] = []
    while found := claiming.claim_due(now=now, most_batches=1, most_rows=1):
        batches += found
    return batches


def test_200_times_one_branch_and_one_step_run(sequence: Sequence) -> None:
    now = datetime.now(tz=UTC)
    batches = claim_one_each(sequence, now)
    caller = new_caller(sequence.workspace)
    start = threading.Barrier(2)
    statuses: list[int] = []

    def each_time(act: Callable[[int], None], *, parity: int) -> None:
        for number in range(TIMES):
            start.wait(timeout=30)
            if number % 2 == parity:
                time.sleep(HEAD_STARTS[number // 2 % len(HEAD_STARTS)])
            act(number)

    def release(number: int) -> None:
        reply = caller.bulk({"name": "purchased"}, email=f"person{number}@example.com")
        statuses.append(reply.status)

    def time_out(number: int) -> None:
        batch = batches[number]
        engine.advance(token=batch.token, ids=batch.ids, clock=lambda: datetime.now(tz=UTC))

    both = (
        beside(lambda: each_time(release, parity=0)),
        beside(lambda: each_time(time_out, parity=1)),
    )
    with both[0], both[1]:
        pass

    assert statuses == [200] * TIMES
    enrollments = Enrollment.objects.select_related("subscriber")
    assert {
        (enrollment.status, enrollment.lease_token, enrollment.due_at) for enrollment in enrollments
    } == {("completed", None, None)}
    step_runs = StepRun.objects.filter(step__kind="wait_for_event")
    assert Counter(each.enrollment_id for each in step_runs) == Counter(
        enrollment.pk for enrollment in enrollments
    )
    assert branches_told_by_events() == branches_taken()
    assert set(branches_taken().values()) == {"event", "timeout"}
    tagged = SubscriberTag.objects.filter(tag__name="bought").values_list("subscriber", flat=True)
    released = [enrollment for enrollment, branch in branches_taken().items() if branch == "event"]
    assert set(tagged) == {
        enrollment.subscriber_id for enrollment in enrollments if enrollment.pk.hex in released
    }


def branches_taken() -> dict[str, str]:
    """Return which branch each enrollment took, by its step runs."""
    step_runs = StepRun.objects.filter(step__kind="wait_for_event")
    return {
        each.enrollment_id.hex: "timeout" if "timedOut" in each.outcome else "event"
        for each in step_runs
    }


def branches_told_by_events() -> dict[str, str]:
    """Return what the events say that they did, for each enrollment."""
    told = dict.fromkeys((enrollment.pk.hex for enrollment in Enrollment.objects.all()), "timeout")
    for event in Event.objects.filter(definition__name="purchased"):
        for each in event.effects.get("enrollmentsReleased", []):
            told[each["enrollment"]] = "event"
    return told
