"""Runs of a demo going on as their time comes: walked by the engine's own walk, in memory."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from events.language import steps
from events.models import Enrollment, StepRun
from events.services.demo import posting
from events.services.demo.playing import Played, Story
from events.services.demo.posting import Posted
from events.services.engine.loaded_versions import PlacedStep
from events.services.engine.walking import Acts, Ends, Position, Waits, Walked, walk

Status = Enrollment.Status
GOING = (Status.ACTIVE, Status.WAITING)
GAVE_UP = "gave_up"
# When a mail that a server put off is tried again.
PAUSE = timedelta(hours=2)


def advance(story: Story, *, until: datetime) -> None:
    """Carry out what is due until a moment, the first due first."""
    while True:
        due = [
            (run.row.due_at, run.row.pk, run)
            for run in story.runs
            if run.row.status in GOING and run.row.due_at and run.row.due_at <= until
        ]
        if not due:
            return
        due_at, _, run = min(due, key=lambda each: each[:2])
        _carry_on(run, due_at + timedelta(seconds=story.rows.random.randint(1, 9)))


def _carry_on(run: Played, at: datetime) -> None:
    position = run.position
    while True:
        walked = walk(version=run.version, position=position, facts=run, now=at)
        for each in walked.done:
            tell(run, each.placed, each.began_at, each.ended_at, outcome=each.outcome)
        placed = walked.position.placed
        if not isinstance(walked.stop, Acts) or placed is None:
            _settle(run, walked, at)
            return
        _place(run, walked.position)
        following = _act(run, placed, walked.position.since, at)
        if following is None:
            return
        position = following


def _act(run: Played, placed: PlacedStep, since: datetime, at: datetime) -> Position | None:
    """Carry a step out; returns where the run goes on, None when it does not for now."""
    ended_at = since
    if isinstance(placed.step, steps.UpdateTagsStep):
        tell(run, placed, since, since, outcome=run.story.change_tags(placed.step))
    else:
        posted = posting.post(run, placed, at)
        if posted.is_deferred:
            run.row.status = Status.ACTIVE
            run.row.due_at = run.story.company.now + PAUSE
            run.row.reason, run.row.last_error = "mail_deferred", posted.error
            run.row.updated_at = at
            return None
        _tell_mail(run, placed, since, posted, at)
        if posted.error and not posted.is_unknown:
            _fail(run, posted, at)
            return None
        ended_at = since if posted.is_skipped else at
    return Position(run.version.after(placed), max(ended_at, since))


def tell(
    run: Played,
    placed: PlacedStep,
    began_at: datetime,
    ended_at: datetime,
    *,
    outcome: Mapping[str, Any],
    status: StepRun.Status = StepRun.Status.DONE,
    email_id: UUID | None = None,
    error: str = "",
) -> None:
    """Write what a step did."""
    run.story.rows.step_runs.append(
        StepRun(
            id=run.story.rows.ids.at(ended_at),
            workspace=run.workspace,
            enrollment=run.row,
            step_id=placed.row_id,
            status=status,
            outcome=dict(outcome),
            email_id=email_id,
            attempts=1 if error else 0,
            error=error,
            started_at=began_at,
            ended_at=max(began_at, ended_at),
        )
    )


def _tell_mail(
    run: Played, placed: PlacedStep, since: datetime, posted: Posted, at: datetime
) -> None:
    if posted.is_skipped:
        outcome, status = {"reason": posted.reason}, StepRun.Status.SKIPPED
    elif posted.error and not posted.is_unknown:
        outcome, status = {}, StepRun.Status.FAILED
    else:
        outcome = {"email": "unknown" if posted.is_unknown else "sent"}
        status = StepRun.Status.DONE
    is_failed = status == StepRun.Status.FAILED
    tell(
        run,
        placed,
        since,
        since if posted.is_skipped else at,
        outcome=outcome,
        status=status,
        email_id=None if is_failed else posted.email_id,
        error=posted.error if is_failed else "",
    )


def _fail(run: Played, posted: Posted, at: datetime) -> None:
    """End a run whose mail was refused; a recipient who is none has ended it already."""
    if run.is_under_way:
        run.end(at, status=Status.FAILED, reason=GAVE_UP)
        run.row.attempts = 1
        run.row.last_error = posted.error


def _place(run: Played, position: Position) -> None:
    placed = position.placed
    if placed is not None:
        run.row.step_id = placed.row_id
    run.row.step_since, run.row.released_by, run.row.awaits = position.since, None, ""


def _settle(run: Played, walked: Walked, at: datetime) -> None:
    """Put the run where the walk stopped."""
    _place(run, walked.position)
    run.row.reason, run.row.updated_at = "", at
    match walked.stop:
        case Ends():
            run.end(at, status=Status(walked.stop.status), reason=walked.stop.reason)
        case Waits():
            run.row.status = Status.WAITING
            run.row.due_at, run.row.awaits = walked.stop.due_at, walked.stop.awaits
            run.row.reason = walked.stop.reason
