"""Backtests as the worker carries them out: in slices, after kills, cancelled and forgotten."""

from datetime import timedelta
from typing import Any

import pytest

from events.models import Backtest, Enrollment, Sequence
from events.services import backtests
from events.services.backtests import runs
from events.services.sequences import sequences
from subscribers.models import OutgoingEmail, Subscriber, SubscriberTag, Suppression, Workspace
from subscribers.services.consent import suppressions
from tests import factories
from tests.support.sequence_making import MAIL, NOON, make_sequence

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
LATER = NOON + runs.LEASE + timedelta(seconds=1)


@pytest.fixture
def sequence(workspace: Workspace) -> Sequence:
    """A draft of two mails, and three people who signed up on three days."""
    signup = factories.EventDefinitionFactory.create(workspace=workspace, name="signup")
    for day in range(3):
        factories.EventFactory.create(
            subscriber=factories.SubscriberFactory.create(workspace=workspace),
            definition=signup,
            occurred_at=NOON - (day + 1) * DAY,
        )
    return make_sequence(workspace, MAIL, {"type": "delay", "days": 2}, MAIL, is_active=False)


def request(sequence: Sequence, *, days: int = 30, **more: Any) -> Backtest:
    return backtests.request(
        sequence=sequence, days=days, requested_by="ada", **{"now": NOON, **more}
    )


def finish(run: Backtest, *, seconds: float = 10) -> int:
    """Work until nothing is to be done; returns how many slices that took."""
    slices = 1
    while backtests.carry_on(now=NOON, seconds=seconds):
        slices += 1
    run.refresh_from_db()
    return slices


def test_a_draft_is_tested_and_nothing_else_changes(sequence: Sequence) -> None:
    run = request(sequence)

    finish(run)

    assert (run.status, run.people, run.people_done) == ("finished", 3, 3)
    assert run.result["entered_by_day"] == {"2026-11-21": 1, "2026-11-22": 1, "2026-11-23": 1}
    assert run.result["mails_by_day"] == {
        "2026-11-21": 1, "2026-11-22": 1, "2026-11-23": 2, "2026-11-24": 1,
    }  # fmt: skip
    assert run.result["mails_by_step"] == {"0": 3, "2": 2}
    assert run.result["ended"] == {"completed|": 2, "waiting|": 1}
    assert not Enrollment.objects.exists()
    assert not OutgoingEmail.objects.exists()


def test_slices_come_to_the_same_as_one(
    sequence: Sequence, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = request(sequence)
    finish(whole)
    monkeypatch.setattr(runs, "PEOPLE_AT_ONCE", 1)
    monkeypatch.setattr(runs, "PEOPLE_IN_A_SLICE", 2)
    sliced = request(sequence)

    slices = finish(sliced, seconds=0)

    assert slices == 3
    assert sliced.result == whole.result


def test_after_a_kill_it_goes_on_where_the_last_slice_ended(
    sequence: Sequence, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs, "PEOPLE_AT_ONCE", 1)
    run = request(sequence)
    assert backtests.carry_on(now=NOON, seconds=0)
    killed = runs._claim(NOON)

    assert not backtests.carry_on(now=NOON)  # somebody is at it
    assert killed is not None
    run.refresh_from_db()
    assert run.people_done == 1
    backtests.carry_on(now=LATER)

    run.refresh_from_db()
    assert (run.status, run.people_done, run.crashes) == ("finished", 3, 1)
    runs._work(killed, now=LATER, until=0)
    run.refresh_from_db()
    assert run.result["people"] == 3


def test_one_that_kills_its_worker_again_and_again_fails(sequence: Sequence) -> None:
    run = request(sequence)
    moment = NOON
    for _ in range(runs.MOST_CRASHES):
        assert runs._claim(moment) is not None
        moment += runs.LEASE

    assert not backtests.carry_on(now=moment)

    run.refresh_from_db()
    assert (run.status, run.error) == ("failed", runs.CRASHED)


def test_a_fault_ends_it_with_the_error(sequence: Sequence) -> None:
    run = request(sequence)
    Backtest.objects.update(snapshot={**run.snapshot, "steps": [{"type": "unheard of"}]})

    with pytest.raises(Exception, match="type must be email"):
        backtests.carry_on(now=NOON)

    run.refresh_from_db()
    assert run.status == "failed"
    assert run.error
    assert not backtests.carry_on(now=NOON)


def test_a_cancelled_one_stays_cancelled_while_a_worker_is_at_it(sequence: Sequence) -> None:
    run = request(sequence)
    held = runs._claim(NOON)
    assert held is not None

    assert backtests.cancel(run=run, now=NOON)
    runs._work(held, now=NOON, until=0)

    run.refresh_from_db()
    assert (run.status, run.result) == ("cancelled", {})
    assert not backtests.cancel(run=run, now=NOON)


def test_it_tests_the_sequence_as_it_was_when_it_was_asked_for(sequence: Sequence) -> None:
    run = request(sequence)
    spec = sequences.spec_of(sequence)
    sequences.edit(
        sequence=sequence, spec=type(spec)(name="x", key=spec.key, trigger=spec.trigger), now=NOON
    )

    finish(run)

    assert run.result["mails"] == 5


def test_steps_that_change_a_person_change_them_in_memory_only(sequence: Sequence) -> None:
    vip = {"type": "condition", "rules": [{"type": "tag", "tag": "vip"}]}
    leave = {"type": "update_subscriber", "status": "unsubscribed", "attributes": {"plan": "max"}}
    other = make_sequence(
        sequence.workspace, vip | {"onFalse": "add"}, {"type": "exit"},
        {"type": "update_tags", "add": ["vip"], "id": "add"}, vip, MAIL,
        {"type": "webhook", "url": "https://example.com/"}, leave, MAIL,
    )  # fmt: skip
    run = request(other)

    finish(run)

    assert run.result["mails_by_step"] == {"4": 3}
    assert run.result["ended"] == {"stopped|unsubscribed": 3}
    assert not SubscriberTag.objects.exists()
    assert set(Subscriber.objects.values_list("status", flat=True)) == {"active"}


@pytest.mark.parametrize("days", [0, 91, -1])
def test_the_days_are_bounded(sequence: Sequence, days: int) -> None:
    with pytest.raises(backtests.NotTestable, match="1 to 90"):
        request(sequence, days=days)


def test_events_outside_the_days_do_not_count(sequence: Sequence) -> None:
    run = request(sequence, days=2)

    finish(run)

    assert run.result["entered"] == 2


def test_only_what_an_event_starts_is_tested(workspace: Workspace) -> None:
    for trigger in ({"trigger": "manual"}, {"trigger": "tag_added", "tagNames": ["vip"]}):
        with pytest.raises(backtests.NotTestable, match="Only a sequence that an event starts"):
            request(make_sequence(workspace, MAIL, **trigger))
    with pytest.raises(backtests.NotTestable, match="no steps"):
        request(make_sequence(workspace, is_active=False, steps=[]))


def test_one_at_a_time_for_each_sequence(sequence: Sequence) -> None:
    run = request(sequence)

    with pytest.raises(backtests.StillRunning):
        request(sequence)
    backtests.cancel(run=run, now=NOON)

    assert request(sequence).pk != run.pk


def test_todays_status_and_suppressions_skip_mail(sequence: Sequence) -> None:
    left, suppressed, _ = Subscriber.objects.order_by("id")
    Subscriber.objects.filter(pk=left.pk).update(status="unsubscribed")
    suppressions.suppress(
        workspace=sequence.workspace,
        address=suppressed.email,
        reason=Suppression.Reason.MANUAL,
        source=suppressions.SuppressionSource.ADMIN,
        now=NOON,
    )
    Subscriber.objects.filter(pk=suppressed.pk).update(status="active")
    run = request(sequence)

    finish(run)

    assert set(run.result["skipped"]) == {"subscriber_unsubscribed", "suppressed"}


def test_who_has_not_confirmed_does_not_begin(sequence: Sequence) -> None:
    Subscriber.objects.update(status="pending")
    run = request(sequence)

    finish(run)

    assert run.result["ended"] == {"waiting_confirmation|": 3}
    assert run.result["mails"] == 0


def test_old_ones_are_forgotten(sequence: Sequence) -> None:
    for number in range(backtests.MOST_KEPT + 2):
        backtests.cancel(run=request(sequence, now=NOON + number * DAY), now=NOON)

    assert Backtest.objects.count() == backtests.MOST_KEPT
    assert backtests.purge(now=NOON + 40 * DAY) > 0
    assert not Backtest.objects.filter(created_at__lt=NOON + 10 * DAY).exists()
