"""Advances claimed enrollments in memory and in bulk; then come the calls, one by one.

One transaction locks the people of a batch in the order of their ids, walks every enrollment as far
as it goes without the network, and writes all of them. Enrollments at a mail or a webhook then go
on one after another (`mailing`, `webhooks`). When the batch cannot be written, its enrollments are
done one by one, so that a fault of one harms no other.
"""

import logging
from collections.abc import Callable
from collections.abc import Sequence as Several
from dataclasses import dataclass, field
from datetime import datetime
from typing import assert_never
from uuid import UUID

from django.conf import settings
from django.db import transaction

from config import retries
from events.language.steps import CallingStep, ChangingStep, UpdateSubscriberStep
from events.models import Enrollment, Sequence, StepRun
from events.services.database_faults import REQUEST_FAULTS, brief
from events.services.engine import changes, writing
from events.services.engine.claimed import Claimed, ClaimedEnrollment, load_locked
from events.services.engine.walking import Calls, Changes, Ended, Position, StepDone, Waits, walk
from events.services.engine.writing import NextState
from subscribers import reactions

logger = logging.getLogger("cueline.engine")

Status = Enrollment.Status
Clock = Callable[[], datetime]
Call = tuple[ClaimedEnrollment, CallingStep]
SEQUENCE_PAUSED = "sequence_paused"
GAVE_UP = "gave_up"


@dataclass(slots=True)
class EngineRound:
    """What one transaction decided for many enrollments, until it is written."""

    token: UUID
    now: datetime
    states: list[tuple[Enrollment, NextState]] = field(default_factory=list)
    step_runs: list[StepRun] = field(default_factory=list)
    # People whom a step changed: that may have ended or paused their other enrollments.
    changed_people: set[UUID] = field(default_factory=set)
    # The people whose attributes a step changed, by the names of those.
    changed_attributes: dict[tuple[str, ...], list[UUID]] = field(default_factory=dict)
    # Enrollments that stand at a mail or a webhook, still claimed.
    calls: list[Call] = field(default_factory=list)

    def still_hold(self, enrollments: Several[ClaimedEnrollment]) -> list[ClaimedEnrollment]:
        """Return those that the token still holds after the round's own changes."""
        doubtful = [
            each.row.pk for each in enrollments if each.subscriber.pk in self.changed_people
        ]
        if not doubtful:
            return list(enrollments)
        rows = Enrollment.objects.filter(pk__in=doubtful, lease_token=self.token)
        lost = set(doubtful) - set(rows.values_list("pk", flat=True))
        return [enrollment for enrollment in enrollments if enrollment.row.pk not in lost]

    def write(self) -> None:
        writing.write_enrollments(self.states, token=self.token, now=self.now)
        for row, state in self.states:
            if state.keeps_lease:
                writing.move(row, state)
        writing.store_step_runs(self.step_runs)
        # Last, since this round may have begun the very waits that a change ends.
        for names, people in self.changed_attributes.items():
            reactions.current().attributes_changed(subscriber_ids=people, names=names, now=self.now)


def begin_round(*, token: UUID, ids: Several[UUID], clock: Clock) -> tuple[Claimed, EngineRound]:
    """Lock and read claimed enrollments, and park those whose sequence is not active.

    First thing in the caller's transaction. Enrollments that the token lost are left out.
    """
    claimed = load_locked(token=token, ids=ids)
    current = EngineRound(token, clock())
    park(claimed.parked, current)
    return claimed, current


def advance_in_bulk(*, token: UUID, ids: Several[UUID], clock: Clock) -> list[Call]:
    """Walk all enrollments that the token holds; returns the calls that they have to make."""
    try:
        return _advance_together(token, ids, clock)
    except REQUEST_FAULTS:
        raise
    except Exception as error:  # one enrollment must not harm the others
        if len(ids) == 1:
            logger.exception("A step failed.")
            note_failure(token=token, enrollment_id=ids[0], error=brief(error), clock=clock)
            return []
        logger.warning("A batch failed and is done one by one: %s", brief(error))
    return [call for each in ids for call in advance_in_bulk(token=token, ids=[each], clock=clock)]


def _advance_together(token: UUID, ids: Several[UUID], clock: Clock) -> list[Call]:
    with transaction.atomic():
        claimed, current = begin_round(token=token, ids=ids, clock=clock)
        going = [Going(enrollment, enrollment.position, []) for enrollment in claimed.enrollments]
        _go_on(going, current, may_call=True)
        current.write()
    return current.calls


def go_on(
    enrollment: ClaimedEnrollment, position: Position, current: EngineRound, *, after: StepDone
) -> None:
    """Walk one enrollment on from a position, after the call `after`; the caller holds the locks.

    At another mail or webhook it becomes due at once, for any worker to claim.
    """
    _go_on([Going(enrollment, position, [after])], current, may_call=False)


@dataclass(slots=True)
class Going:
    """An enrollment during a walk, with the steps done so far."""

    enrollment: ClaimedEnrollment
    position: Position
    done: list[StepDone]


def _go_on(all_going: list[Going], current: EngineRound, *, may_call: bool) -> None:
    """Walk enrollments on; each turn carries out their changes together.

    With `may_call`, enrollments at a mail or webhook stay claimed and are added to the calls.
    """
    while all_going:
        changing: list[tuple[Going, ChangingStep]] = []
        for each in all_going:
            walked = walk(
                version=each.enrollment.version,
                position=each.position,
                facts=each.enrollment,
                now=current.now,
            )
            each.done += walked.done
            each.position = walked.position
            if isinstance(walked.stop, Changes):
                changing.append((each, walked.stop.step))
                continue
            current.step_runs += writing.add_step_runs(each.enrollment, each.done)
            _settle(each, walked.stop, current, may_call=may_call)
        # One enrollment of a person at a time: its change may affect the others.
        first = {each.enrollment.subscriber.pk: (each, step) for each, step in reversed(changing)}
        _change(list(first.values()), current)
        waiting = [each for each, _ in changing]
        held = current.still_hold([each.enrollment for each in waiting])
        held_ids = {enrollment.row.pk for enrollment in held}
        for each in waiting:
            if each.enrollment.row.pk not in held_ids:
                current.step_runs += writing.add_step_runs(each.enrollment, each.done)
        all_going = [each for each in waiting if each.enrollment.row.pk in held_ids]


def note_failure(
    *, token: UUID, enrollment_id: UUID, error: str, clock: Clock, is_final: bool = False
) -> None:
    """Count a failed attempt and retry later; after the last, the enrollment fails."""
    with transaction.atomic():
        claimed, current = begin_round(token=token, ids=[enrollment_id], clock=clock)
        for enrollment in claimed.enrollments:
            fail_attempt(enrollment, error, current, is_final=is_final)
        current.write()


def fail_attempt(
    enrollment: ClaimedEnrollment, error: str, current: EngineRound, *, is_final: bool = False
) -> None:
    """Count a failed attempt of the current step; the caller holds the locks."""
    # The attempt of an enrollment claimed alone was counted when its work began.
    attempts = enrollment.row.attempts if is_alone(enrollment.row) else enrollment.row.attempts + 1
    position = enrollment.position
    if is_final or attempts >= settings.STEP_ATTEMPTS:
        end_failed(enrollment, error, attempts, current)
        return
    due_at = current.now + retries.STEPS.pause(failures=attempts)
    state = NextState(Status.ACTIVE, position, due_at, attempts=attempts, last_error=error)
    current.states.append((enrollment.row, state))


def end_failed(
    enrollment: ClaimedEnrollment, error: str, attempts: int, current: EngineRound
) -> None:
    """End an enrollment whose step failed for good, with the error in its step run."""
    position = enrollment.position
    if position.placed:
        done = StepDone(position.placed, StepRun.Status.FAILED, {}, position.since, current.now)
        rows = writing.add_step_runs(enrollment, [done])
        for row in rows:
            row.error, row.attempts = error, attempts
        current.step_runs += rows
    state = NextState(
        Status.FAILED, position, None, attempts=attempts, last_error=error, reason=GAVE_UP
    )
    current.states.append((enrollment.row, state))


def attempts_before(row: Enrollment) -> int:
    """Return how many attempts had failed before this work began."""
    return max(row.attempts - 1, 0) if is_alone(row) else row.attempts


def is_alone(row: Enrollment) -> bool:
    """Tell whether `claiming` claims the enrollment alone."""
    return row.attempts > 0 or bool(row.last_error)


def _change(changing: Several[tuple[Going, ChangingStep]], current: EngineRound) -> None:
    """Carry out changes; one may end or pause the very enrollment that makes it."""
    pairs = [(each.enrollment, step) for each, step in changing]
    outcomes = changes.apply_all(pairs, now=current.now)
    for (each, step), outcome in zip(changing, outcomes, strict=True):
        placed, since = each.position.placed, each.position.since
        if placed is not None:
            if isinstance(step, UpdateSubscriberStep) and step.attributes:
                people = current.changed_attributes.setdefault(tuple(step.attributes), [])
                people.append(each.enrollment.subscriber.pk)
            each.done.append(StepDone(placed, StepRun.Status.DONE, outcome, since, since))
            each.position = Position(each.enrollment.version.after(placed), since)
            current.changed_people.add(each.enrollment.subscriber.pk)


def _settle(
    going: Going, stop: Ended | Waits | Calls, current: EngineRound, *, may_call: bool
) -> None:
    row, position, is_moved = going.enrollment.row, going.position, bool(going.done)
    match stop:
        case Ended():
            state = NextState(stop.status, position, None, reason=stop.reason)
        case Waits():
            state = NextState(
                Status.WAITING, position, stop.due_at, awaits=stop.awaits, reason=stop.reason
            )
        case Calls():
            # Attempts belong to the step; another step starts at zero.
            state = NextState(
                Status.ACTIVE,
                position,
                current.now,
                keeps_lease=may_call,
                attempts=0 if is_moved else row.attempts,
                last_error="" if is_moved else row.last_error,
            )
            if may_call:
                current.calls.append((going.enrollment, stop.step))
                if not is_moved and row.status == Status.ACTIVE:
                    return
        case _ as never:
            assert_never(never)
    current.states.append((row, state))


def park(rows: Several[Enrollment], current: EngineRound) -> None:
    """Pause enrollments whose sequence is not active, until it is switched on again.

    Locks the sequences in the order of their ids: one switched on meanwhile has already resumed its
    parked enrollments, and would miss these.
    """
    if not rows:
        return
    sequences = Sequence.objects.filter(pk__in={row.sequence_id for row in rows})
    locked = sequences.order_by("id").select_for_update(no_key=True)
    is_active = {row.pk: row.status == Sequence.Status.ACTIVE for row in locked}
    for row in rows:
        held = Enrollment.objects.filter(pk=row.pk, lease_token=current.token)
        free = {"lease_token": None, "lease_expires_at": None}
        if is_active.get(row.sequence_id):
            held.update(**free)
            continue
        held.update(
            status=Status.PAUSED,
            status_before_pause=row.status,
            paused_at=current.now,
            due_before_pause=row.due_at,
            due_at=None,
            reason=SEQUENCE_PAUSED,
            updated_at=current.now,
            **free,
        )
