"""The dated way of an imagined enrollment: each step with its decision, and what it would send."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, assert_never

from events.decisions.watched import Watched
from events.language import steps
from events.language.steps import MOST_STEPS
from events.models import Enrollment, StepRun
from events.services.engine import mails, webhooks
from events.services.engine.loaded_versions import PlacedStep
from events.services.engine.rounds import GAVE_UP
from events.services.engine.walking import (
    Calls,
    Changes,
    Ended,
    Position,
    StepDone,
    Waits,
    walk,
)
from events.services.simulation import changing
from events.services.simulation.imagined_enrollment import ImaginedEnrollment
from subscribers.services.consent import suppressions
from subscribers.services.outbox import brakes, outbox
from subscribers.services.outbox.outbox import Draft
from subscribers.templating.mail import TemplateFault
from subscribers.wire.addresses import InvalidAddress

MOST_VISITS = MOST_STEPS
BEYOND_CALENDAR = "The time at which it would go on is beyond the calendar."
Status = StepRun.Status


class Awaited(StrEnum):
    """What becomes of a wait for an event of which none was recorded."""

    TIMEOUT = "timeout"
    EVENT = "event"


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One step: reached at `began_at`, done at `ended_at`; `outcome` as a step run holds it.

    An email that began earlier than it ended was held by the sending window. A wait's outcome has
    `timesOutAt` (a datetime) too where it waited, and `isAssumed` in the place of an `event` that
    nobody recorded.
    """

    placed: PlacedStep
    began_at: datetime
    ended_at: datetime
    status: StepRun.Status = Status.DONE
    outcome: Mapping[str, Any]
    mail: Draft | None = None
    # What a webhook would be sent.
    payload: Mapping[str, Any] | None = None
    error: str = ""


@dataclass(frozen=True, slots=True)
class Ending:
    """How and when the enrollment is over."""

    at: datetime
    status: Enrollment.Status
    reason: str


@dataclass(frozen=True, slots=True)
class Path:
    """The steps in order; without an ending when there are more than were asked for."""

    visits: tuple[Visit, ...]
    ending: Ending | None


def follow(
    *,
    enrollment: ImaginedEnrollment,
    watched: Watched,
    awaited: Awaited,
    most_visits: int = MOST_VISITS,
) -> Path:
    """Return the way of an enrollment from its first step; changes the enrollment as its steps say.

    Steps only lead forwards, so it comes to an end.
    """
    way = _Way(enrollment, watched, awaited)
    # One visit more tells whether there is more to come.
    while way.ending is None and len(way.visits) <= most_visits:
        way.go_on()
    is_cut = len(way.visits) > most_visits
    return Path(tuple(way.visits[:most_visits]), None if is_cut else way.ending)


class _Way:
    """An enrollment on its way; the clock is the enrollment's `now`."""

    def __init__(self, enrollment: ImaginedEnrollment, watched: Watched, awaited: Awaited) -> None:
        self.enrollment = enrollment
        self.watched = watched
        self.awaited = awaited
        self.position = Position(enrollment.version.at(enrollment.row.step_id), enrollment.now)
        # Of the wait for an event at which it stands.
        self.times_out_at: datetime | None = None
        self.visits: list[Visit] = []
        self.ending: Ending | None = None

    def go_on(self) -> None:
        """Go to the next moment at which something happens."""
        try:
            self._walk_on()
        except OverflowError:
            self._fail(BEYOND_CALENDAR)

    def _walk_on(self) -> None:
        enrollment = self.enrollment
        walked = walk(
            version=enrollment.version, position=self.position, facts=enrollment, now=enrollment.now
        )
        self.visits += [self._as_visit(done) for done in walked.done]
        self.position = walked.position
        match walked.stop:
            case Ended():
                self._end(walked.stop)
            case Waits():
                self._wait(walked.stop)
            case Changes() | Calls():
                self._act(walked.stop.step)
            case _ as never:
                assert_never(never)

    def _as_visit(self, done: StepDone) -> Visit:
        outcome = dict(done.outcome)
        if isinstance(done.placed.step, steps.WaitForEventStep):
            outcome = self._told_wait(outcome)
        return Visit(
            placed=done.placed,
            began_at=done.began_at,
            ended_at=done.ended_at,
            status=done.status,
            outcome=outcome,
        )

    def _told_wait(self, outcome: dict[str, Any]) -> dict[str, Any]:
        if self.times_out_at:
            outcome["timesOutAt"] = self.times_out_at
            self.times_out_at = None
        event_id = outcome.pop("event", None)
        if event_id and any(each.id.hex == event_id for each in self.enrollment.assumed):
            return {"isAssumed": True, **outcome}
        return {"event": f"evt_{event_id}", **outcome} if event_id else outcome

    def _wait(self, stop: Waits) -> None:
        """Let time go by until the moment, or until an awaited event that comes before it."""
        position, step = self.position, self.position.placed and self.position.placed.step
        position.is_waiting, position.due_at = True, stop.due_at
        began_at, self.enrollment.now = self.enrollment.now, stop.due_at
        if not isinstance(step, steps.WaitForEventStep):
            return
        self.times_out_at = stop.due_at
        seen = self.enrollment.find_event(step.event_name, step.filters, since=position.since)
        if seen is not None:
            position.released_by, self.enrollment.now = seen.id, seen.received_at
        elif self.awaited is Awaited.EVENT:
            self.enrollment.now = began_at
            position.released_by = self.enrollment.assume(step.event_name, step.filters).id

    def _act(self, step: steps.ChangingStep | steps.CallingStep) -> None:
        """Imagine what the step at the position does, and leave it behind."""
        enrollment, placed = self.enrollment, self.position.placed
        if placed is None:
            raise TypeError("Only a step acts.")
        visit, stop = self._visit(placed), None
        enrollment.row.step_id = placed.row_id
        match step:
            case steps.EmailStep():
                visit = self._mail(visit)
            case steps.WebhookStep():
                visit = replace(visit, payload=webhooks.payload(enrollment, step))
            case steps.UpdateTagsStep() | steps.UpdateListStep() | steps.UpdateSubscriberStep():
                outcome, stop = changing.imagine(
                    step=step, placed=placed, enrollment=enrollment, watched=self.watched
                )
                visit = replace(visit, ended_at=visit.began_at, outcome=outcome)
            case _ as never:
                assert_never(never)
        self.visits.append(visit)
        self.position = Position(enrollment.version.after(placed), visit.ended_at)
        if visit.status is Status.FAILED:
            stop = Ended(Enrollment.Status.FAILED, GAVE_UP)
        if stop:
            self._end(stop)

    def _mail(self, visit: Visit) -> Visit:
        """Return the mail and whether it would leave; in the order in which the engine asks."""
        enrollment = self.enrollment
        try:
            draft = mails.write(enrollment=enrollment, placed=visit.placed)
        except (TemplateFault, mails.NoSender, InvalidAddress) as error:
            return replace(visit, status=Status.FAILED, error=str(error))
        verdict = brakes.verdict(
            workspace=enrollment.workspace, recipient=draft.recipient, is_test=False
        )
        reason = outbox.reason_to_skip(
            subscriber=enrollment.subscriber, kind=draft.kind
        ) or suppressions.reason_to_skip(workspace=enrollment.workspace, recipient=draft.recipient)
        if not reason and verdict.is_skip:
            reason = verdict.reason
        if not reason:
            return replace(visit, outcome={"email": "sent"}, mail=draft)
        outcome, ended_at = {"reason": reason}, visit.began_at
        return replace(visit, ended_at=ended_at, status=Status.SKIPPED, outcome=outcome, mail=draft)

    def _visit(self, placed: PlacedStep) -> Visit:
        """Return a visit from the moment at which the step before ended until now."""
        since, now = self.position.since, self.enrollment.now
        return Visit(placed=placed, began_at=since, ended_at=now, outcome={})

    def _fail(self, error: str) -> None:
        if self.position.placed:
            visit = self._visit(self.position.placed)
            self.visits.append(replace(visit, status=Status.FAILED, error=error))
        self.ending = Ending(self.enrollment.now, Enrollment.Status.FAILED, GAVE_UP)

    def _end(self, stop: Ended) -> None:
        at = self.visits[-1].ended_at if self.visits else self.enrollment.now
        self.ending = Ending(at, stop.status, stop.reason)
