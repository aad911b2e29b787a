"""The path of an imagined enrollment: each step with its dates, its decision and its mail."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, assert_never

from events.decisions.watched import Watched
from events.egress.targets import UnsafeAddress
from events.language import filters, steps
from events.language.steps import MOST_STEPS
from events.models import Enrollment, StepRun
from events.services.engine import mails, webhook_calls
from events.services.engine.fencing import BLANK
from events.services.engine.loaded_versions import PlacedStep
from events.services.engine.rounds import GAVE_UP
from events.services.engine.walking import Calls, Changes, Ended, Position, StepDone, Waits, walk
from events.services.engine.webhook_calls import WebhookCall
from events.services.simulation import changing
from events.services.simulation.imagined_enrollment import ImaginedEnrollment
from subscribers.services.consent import suppressions
from subscribers.services.outbox import brakes
from subscribers.services.outbox.outbox import Draft
from subscribers.templating.mail import TemplateFault
from subscribers.wire.addresses import InvalidAddress

MOST_VISITS = MOST_STEPS
BEYOND_CALENDAR = "The time at which it would go on is beyond the calendar."
Status = StepRun.Status


class Awaited(StrEnum):
    """How the simulation treats an awaited event that was not recorded."""

    TIMEOUT = "timeout"
    EVENT = "event"


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One step: reached at `began_at`, done at `ended_at`; `outcome` as in a step run.

    An email step that lasts was delayed by the sending window. A wait's outcome also has
    `timesOutAt` (a datetime) where it waited, and `isAssumed` instead of `event` for an event that
    was not recorded.
    """

    placed: PlacedStep
    began_at: datetime
    ended_at: datetime
    status: StepRun.Status = Status.DONE
    outcome: Mapping[str, Any]
    mail: Draft | None = None
    call: WebhookCall | None = None
    error: str = ""


@dataclass(frozen=True, slots=True)
class Ending:
    at: datetime
    status: Enrollment.Status
    reason: str


@dataclass(frozen=True, slots=True)
class Path:
    """The steps in order; without an ending when there are more than the limit."""

    visits: tuple[Visit, ...]
    ending: Ending | None


def follow(
    *,
    enrollment: ImaginedEnrollment,
    watched: Watched,
    awaited: Awaited,
    most_visits: int = MOST_VISITS,
) -> Path:
    """Return an enrollment's path from its first step; changes the enrollment as its steps do."""
    walker = Walker(enrollment, watched, awaited)
    # One visit more than the limit shows whether the path is cut.
    while walker.ending is None and len(walker.visits) <= most_visits:
        walker.go_on()
    is_cut = len(walker.visits) > most_visits
    return Path(tuple(walker.visits[:most_visits]), None if is_cut else walker.ending)


class Walker:
    """Walks an enrollment; the clock is the enrollment's `now`.

    What steps do to the world is in `mail`, `call` and `change`, which return the visit as done.
    """

    def __init__(self, enrollment: ImaginedEnrollment, watched: Watched, awaited: Awaited) -> None:
        self.enrollment = enrollment
        self.watched = watched
        self.awaited = awaited
        self.position = Position(enrollment.version.at(enrollment.row.step_id), enrollment.now)
        # The time-out of the current wait for an event.
        self.times_out_at: datetime | None = None
        self.visits: list[Visit] = []
        self.ending: Ending | None = None

    def go_on(self) -> None:
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
            outcome = self._wait_outcome(outcome)
        return Visit(
            placed=done.placed,
            began_at=done.began_at,
            ended_at=done.ended_at,
            status=done.status,
            outcome=outcome,
        )

    def _wait_outcome(self, outcome: dict[str, Any]) -> dict[str, Any]:
        if self.times_out_at:
            outcome["timesOutAt"] = self.times_out_at
            self.times_out_at = None
        event_id = outcome.pop("event", None)
        if event_id and any(each.id.hex == event_id for each in self.enrollment.assumed):
            return {"isAssumed": True, **outcome}
        return {"event": f"evt_{event_id}", **outcome} if event_id else outcome

    def _wait(self, stop: Waits) -> None:
        """Move the clock to the due time, or to an earlier awaited event."""
        position, step = self.position, self.position.placed and self.position.placed.step
        position.is_waiting, position.due_at = True, stop.due_at
        began_at, self.enrollment.now = self.enrollment.now, stop.due_at
        self.enrollment.is_woken = False
        if not isinstance(step, steps.WaitForEventStep):
            return
        self.times_out_at = stop.due_at
        wanted = filters.bound(step.filters, self.enrollment.event_properties)
        seen = self.enrollment.find_event(step.event_name, wanted, since=position.since)
        if seen is not None:
            position.released_by, self.enrollment.now = seen.id, seen.received_at
            self.enrollment.is_woken = True
        elif self.awaited is Awaited.EVENT:
            self.enrollment.now = began_at
            position.released_by = self.enrollment.assume(step.event_name, wanted).id

    def _act(self, step: steps.ChangingStep | steps.CallingStep) -> None:
        """Imagine the effect of the current step, and go to the next."""
        enrollment, placed = self.enrollment, self.position.placed
        if placed is None:
            raise TypeError("Only a step acts.")
        visit, stop = self._visit(placed), None
        enrollment.row.step_id = placed.row_id
        match step:
            case steps.EmailStep():
                visit = self.mail(visit, step)
            case steps.WebhookStep():
                visit = self.call(visit, step)
            case steps.UpdateTagsStep() | steps.UpdateListStep() | steps.UpdateSubscriberStep():
                outcome, stop = self.change(step, placed)
                visit = replace(visit, ended_at=visit.began_at, outcome=outcome)
            case _ as never:
                assert_never(never)
        self.visits.append(visit)
        self.position = Position(enrollment.version.after(placed), visit.ended_at)
        if visit.status is Status.FAILED:
            stop = Ended(Enrollment.Status.FAILED, GAVE_UP)
        if stop:
            self._end(stop)

    def call(self, visit: Visit, step: steps.WebhookStep) -> Visit:
        """Return the call that would be made, or why it cannot be."""
        try:
            call = webhook_calls.make(
                enrollment=self.enrollment, step=step, now=self.enrollment.now
            )
        except (TemplateFault, UnsafeAddress) as error:
            outcome = {"onError": step.on_error}
            return replace(visit, status=Status.FAILED, error=str(error), outcome=outcome)
        return replace(visit, call=call)

    def change(
        self, step: steps.ChangingStep, placed: PlacedStep
    ) -> tuple[dict[str, Any], Ended | None]:
        """Change the person in memory; returns the outcome, and whether that ends it."""
        return changing.imagine(
            step=step, placed=placed, enrollment=self.enrollment, watched=self.watched
        )

    def mail(self, visit: Visit, step: steps.EmailStep) -> Visit:  # noqa: ARG002 - for others
        """Return the mail and whether it would be sent; the engine checks in the same order."""
        enrollment = self.enrollment
        try:
            draft = mails.write(enrollment=enrollment, placed=visit.placed, now=visit.ended_at)
        except (TemplateFault, mails.NoSender, InvalidAddress) as error:
            return replace(visit, status=Status.FAILED, error=str(error))
        verdict = brakes.verdict(
            workspace=enrollment.workspace, recipient=draft.recipient, is_test=False
        )
        reason = mails.reason_to_skip(
            enrollment=enrollment, kind=draft.kind
        ) or suppressions.reason_to_skip(workspace=enrollment.workspace, recipient=draft.recipient)
        reason = reason or (verdict.reason if verdict.is_skip else None)
        reason = reason or (BLANK if draft.is_blank else None)
        if not reason:
            return replace(visit, outcome={"email": "sent"}, mail=draft)
        visit = replace(visit, ended_at=visit.began_at, status=Status.SKIPPED, mail=draft)
        return replace(visit, outcome={"reason": reason})

    def _visit(self, placed: PlacedStep) -> Visit:
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
