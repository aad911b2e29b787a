"""Batches: an enrollment that harms its worker, one that cannot be carried out, and the healthy
others.
"""

from datetime import datetime, timedelta
from typing import ClassVar

import pytest
from django.core import mail
from django.db.models.functions import Now
from pytest_django.fixtures import Settings

from events.language import steps
from events.language.steps.kinds.base import BaseStep
from events.models import Enrollment, Sequence, Step, StepRun
from events.services import engine
from events.services.engine import claiming
from events.services.engine.claiming import ClaimedBatch
from events.services.sequences import sequences
from subscribers.models import Subscriber, Workspace
from tests import factories
from tests.support.engine_running import begin, outcomes
from tests.support.sequence_making import MAIL, NOON, make_sequence
from tests.support.time_travel import TimeTravel

pytestmark = pytest.mark.django_db
Status = Enrollment.Status
SECOND = timedelta(seconds=1)
TAG = {"type": "update_tags", "add": ["vip"]}


class WorkerKilled(BaseException):
    """The process ends in the middle of its work; no `except Exception` sees it."""


def die() -> datetime:
    raise WorkerKilled


def enrollment_of(sequence: Sequence, **columns: object) -> Enrollment:
    return begin(
        sequence, factories.SubscriberFactory.create(workspace=sequence.workspace), **columns
    )


def claim() -> list[ClaimedBatch]:
    return claiming.claim_due(now=NOON, most_batches=500)


def expire_claims() -> None:
    held = Enrollment.objects.filter(lease_token__isnull=False)
    held.update(lease_expires_at=Now() - SECOND)
    claiming.return_expired()


def work_on(batches: list[ClaimedBatch], *, poison: Enrollment) -> None:
    """Do the batches; the worker that has the poison dies, once its work has begun."""
    for batch in batches:
        if poison.pk in batch.ids:
            with pytest.raises(WorkerKilled):
                engine.advance(token=batch.token, ids=batch.ids, clock=die)
        else:
            engine.advance(token=batch.token, ids=batch.ids, clock=TimeTravel(NOON).clock)
    expire_claims()


def test_a_poison_enrollment_stops_after_its_attempts_and_its_99_mates_finish_unharmed(
    workspace: Workspace, settings: Settings
) -> None:
    settings.STEP_ATTEMPTS = 3
    sequence = make_sequence(workspace, MAIL)
    enrollments = [enrollment_of(sequence) for _ in range(100)]
    poison, mates = enrollments[40], [*enrollments[:40], *enrollments[41:]]

    (batch,) = claim()
    work_on([batch], poison=poison)
    attempts = []
    for _ in range(3):
        work_on(claim(), poison=poison)
        poison.refresh_from_db()
        attempts.append(poison.attempts)
    still_tried = poison.status
    (last,) = claim()
    engine.advance(token=last.token, ids=last.ids, clock=TimeTravel(NOON).clock)

    assert attempts == [1, 2, 3]
    assert still_tried == Status.ACTIVE
    poison.refresh_from_db()
    assert (poison.status, poison.reason, poison.due_at) == (Status.FAILED, "gave_up", None)
    assert poison.last_error == "The worker ended 3 times while it worked on this step."
    (step_run,) = poison.step_runs.all()
    assert (step_run.status, step_run.error) == ("failed", poison.last_error)
    done = Enrollment.objects.filter(pk__in=[mate.pk for mate in mates])
    assert set(done.values_list("status", "attempts", "last_error")) == {("completed", 0, "")}
    mates_steps = StepRun.objects.exclude(enrollment=poison)
    assert set(mates_steps.values_list("status", "attempts")) == {("done", 0)}
    assert len(mail.outbox) == 99


def test_an_enrollment_that_is_alone_has_its_attempt_counted_before_anything_is_done(
    workspace: Workspace,
) -> None:
    enrollment = enrollment_of(make_sequence(workspace, TAG), last_error=claiming.WORKER_ENDED)
    (batch,) = claim()

    with pytest.raises(WorkerKilled):
        engine.advance(token=batch.token, ids=batch.ids, clock=die)

    enrollment.refresh_from_db()
    assert (enrollment.attempts, enrollment.lease_token, enrollment.status) == (
        1,
        batch.token,
        Status.ACTIVE,
    )
    assert not enrollment.step_runs.exists()


def test_a_poison_enrollment_of_a_sequence_that_was_switched_off_is_held_like_the_others(
    workspace: Workspace, settings: Settings
) -> None:
    sequence = make_sequence(workspace, MAIL)
    enrollment = enrollment_of(
        sequence, attempts=settings.STEP_ATTEMPTS, last_error=claiming.WORKER_ENDED
    )
    (batch,) = claim()
    sequences.pause(sequence=sequence, now=NOON)

    engine.advance(token=batch.token, ids=batch.ids, clock=TimeTravel(NOON).clock)

    enrollment.refresh_from_db()
    assert (enrollment.status, enrollment.reason, enrollment.lease_token) == (
        Status.PAUSED,
        "sequence_paused",
        None,
    )


def test_an_enrollment_of_a_batch_has_no_attempt_counted(workspace: Workspace) -> None:
    sequence = make_sequence(workspace, TAG)
    enrollments = [enrollment_of(sequence) for _ in range(2)]
    (batch,) = claim()

    with pytest.raises(WorkerKilled):
        engine.advance(token=batch.token, ids=batch.ids, clock=die)

    for enrollment in enrollments:
        enrollment.refresh_from_db()
        assert enrollment.attempts == 0


@pytest.mark.django_db(transaction=True)
def test_an_enrollment_that_cannot_be_written_is_tried_again_and_its_mates_are_done(
    workspace: Workspace,
) -> None:
    travel = TimeTravel(NOON)
    sequence = make_sequence(workspace, {"type": "delay", "days": 1})
    broken_sequence = make_sequence(workspace, {"type": "delay", "days": 1}, MAIL)
    mates = [enrollment_of(sequence) for _ in range(3)]
    broken = enrollment_of(
        broken_sequence, status=Status.WAITING, step_since=NOON - timedelta(days=1)
    )
    # Known to this process by now; the database refuses an enrollment at a step that is gone.
    begin_and_end_another(broken_sequence, travel)
    Step.objects.get(version=broken.version_id, position=1).delete()

    travel.tick()

    broken.refresh_from_db()
    assert (broken.status, broken.attempts) == (Status.ACTIVE, 1)
    assert (broken.due_at, broken.lease_token) == (NOON + 10 * SECOND, None)
    assert broken.last_error != ""
    for mate in mates:
        mate.refresh_from_db()
        assert (mate.status, mate.attempts, mate.last_error) == (Status.WAITING, 0, "")
    travel.run_for(timedelta(hours=1))
    broken.refresh_from_db()
    assert (broken.status, broken.reason) == (Status.FAILED, "gave_up")


def begin_and_end_another(sequence: Sequence, travel: TimeTravel) -> None:
    other = enrollment_of(sequence, due_at=NOON - SECOND)
    (batch,) = claiming.claim_due(now=NOON - SECOND, most_batches=1)
    engine.advance(token=batch.token, ids=batch.ids, clock=travel.clock)
    other.delete()


def test_a_task_that_enrollments_twice_does_everything_once(workspace: Workspace) -> None:
    enrollment = enrollment_of(make_sequence(workspace, TAG, MAIL))
    (batch,) = claim()

    for _ in range(2):
        engine.advance(token=batch.token, ids=batch.ids, clock=TimeTravel(NOON).clock)

    assert outcomes(enrollment) == [{"tagsAdded": ["vip"]}, {"email": "sent"}]
    assert len(mail.outbox) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"type": "update_tags", "add": ["cancelled"]},
        {"type": "update_subscriber", "status": "unsubscribed"},
    ],
)
def test_a_step_that_ends_the_persons_other_enrollments_ends_them_before_they_go_on(
    workspace: Workspace, change: dict[str, object]
) -> None:
    person = factories.SubscriberFactory.create(workspace=workspace)
    stop = {"type": "tag_added", "value": "cancelled"}
    first = begin(make_sequence(workspace, change), person)
    second = begin(make_sequence(workspace, TAG, MAIL, stopCondition=stop), person)

    (batch,) = claim()
    engine.advance(token=batch.token, ids=batch.ids, clock=TimeTravel(NOON).clock)

    first.refresh_from_db()
    second.refresh_from_db()
    assert second.status == Status.STOPPED
    assert outcomes(second) == []
    assert "vip" not in {link.tag.name for link in person.tag_links.all()}
    assert mail.outbox == []


@pytest.mark.parametrize(
    "change",
    [
        {"type": "update_tags", "add": ["cancelled"]},
        {"type": "update_subscriber", "status": "unsubscribed"},
    ],
)
def test_what_follows_a_mail_may_stop_the_persons_next_mail_before_it_leaves(
    workspace: Workspace, change: dict[str, object]
) -> None:
    person = factories.SubscriberFactory.create(workspace=workspace)
    stop = {"type": "tag_added", "value": "cancelled"}
    first = begin(make_sequence(workspace, {**MAIL, "subject": "First"}, change), person)
    second = begin(make_sequence(workspace, MAIL, stopCondition=stop), person)

    (batch,) = claim()
    engine.advance(token=batch.token, ids=batch.ids, clock=TimeTravel(NOON).clock)

    first.refresh_from_db()
    second.refresh_from_db()
    assert [each.subject for each in mail.outbox] == ["First"]
    assert second.status == Status.STOPPED
    assert outcomes(second) == []


def test_two_enrollments_of_a_person_change_the_same_tag_one_after_the_other(
    workspace: Workspace,
) -> None:
    add, remove = TAG, {"type": "update_tags", "remove": ["vip"]}
    adding_first, removing_first = (
        factories.SubscriberFactory.create(workspace=workspace) for _ in range(2)
    )
    adding, removing = make_sequence(workspace, add), make_sequence(workspace, remove)
    for sequence in (adding, removing):
        begin(sequence, adding_first)
    for sequence in (removing, adding):
        begin(sequence, removing_first)

    (batch,) = claim()
    engine.advance(token=batch.token, ids=batch.ids, clock=TimeTravel(NOON).clock)

    def tags_of(person: Subscriber) -> list[str]:
        return [link.tag.name for link in person.tag_links.all()]

    assert tags_of(adding_first) == []
    assert tags_of(removing_first) == ["vip"]


def test_a_parked_enrollment_goes_on_when_the_sequence_is_switched_on_again(
    workspace: Workspace,
) -> None:
    travel = TimeTravel(NOON)
    sequence = make_sequence(workspace, {"type": "delay", "days": 1}, MAIL)
    enrollment = enrollment_of(sequence)
    travel.tick()
    sequences.pause(sequence=sequence, now=NOON)

    travel.run_for(timedelta(days=2))
    enrollment.refresh_from_db()
    parked = (
        enrollment.status,
        enrollment.reason,
        enrollment.status_before_pause,
        enrollment.due_at,
        enrollment.lease_token,
    )
    sequences.activate(sequence=sequence, now=travel.now)
    travel.tick()

    assert parked == (Status.PAUSED, "sequence_paused", Status.WAITING, None, None)
    enrollment.refresh_from_db()
    assert enrollment.status == Status.COMPLETED
    assert len(mail.outbox) == 1


class LaterStep(BaseStep, frozen=True):
    """A kind that the engine does not know."""

    kind: ClassVar = "later"


def test_a_kind_that_nobody_carries_out_fails_aloud_and_harms_no_other(
    workspace: Workspace,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setitem(steps.KINDS, LaterStep.kind, LaterStep)
    settings.STEP_ATTEMPTS = 2
    version = factories.SequenceVersionFactory.create(sequence__status=Sequence.Status.ACTIVE)
    step = factories.StepFactory.create(version=version, kind="later", config={"type": "later"})
    lost = factories.EnrollmentFactory.create(version=version, step=step)
    mate = enrollment_of(make_sequence(workspace, MAIL))

    TimeTravel(NOON).run_for(timedelta(hours=1))

    lost.refresh_from_db()
    mate.refresh_from_db()
    assert (lost.status, lost.reason, lost.attempts) == (Status.FAILED, "gave_up", 2)
    assert "LaterStep" in lost.last_error
    assert "A step failed." in caplog.text
    assert mate.status == Status.COMPLETED
