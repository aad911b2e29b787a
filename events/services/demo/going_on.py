"""Enrollments of a demo going on as their time comes.

Walked by the engine's own walk, in memory.
"""

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
from events.services.engine.walking import Ended, Position, Waits, Walked, walk

Status = Enrollment.Status
GOING = (Status.ACTIVE, Status.WAITING)
GAVE_UP = "gave_up"
# When a mail that a server put off is tried again.
PAUSE = timedelta(hours=2)


def advance(story: Story, *, until: datetime) -> None:
    """Carry out what is due until a moment, the first due first."""
    while True:
        due = [
            (enrollment.row.due_at, enrollment.row.pk, enrollment)
            for enrollment in story.enrollments
            if enrollment.row.status in GOING
            and enrollment.row.due_at
            and enrollment.row.due_at <= until
        ]
        if not due:
            return
        due_at, _, enrollment = min(due, key=lambda each: each[:2])
        _carry_on(enrollment, due_at + timedelta(seconds=story.rows.random.randint(1, 9)))


def _carry_on(enrollment: Played, at: datetime) -> None:
    position = enrollment.position
    while True:
        walked = walk(version=enrollment.version, position=position, facts=enrollment, now=at)
        for each in walked.done:
            tell(enrollment, each.placed, each.began_at, each.ended_at, outcome=each.outcome)
        placed = walked.position.placed
        if isinstance(walked.stop, Ended | Waits) or placed is None:
            _settle(enrollment, walked, at)
            return
        _place(enrollment, walked.position)
        following = _act(enrollment, placed, walked.position.since, at)
        if following is None:
            return
        position = following


def _act(enrollment: Played, placed: PlacedStep, since: datetime, at: datetime) -> Position | None:
    """Carry a step out; returns where the enrollment goes on, None when it does not for now."""
    ended_at = since
    if isinstance(placed.step, steps.UpdateTagsStep):
        tell(enrollment, placed, since, since, outcome=enrollment.story.change_tags(placed.step))
    else:
        posted = posting.post(enrollment, placed, at)
        if posted.is_deferred:
            enrollment.row.status = Status.ACTIVE
            enrollment.row.due_at = enrollment.story.company.now + PAUSE
            enrollment.row.reason, enrollment.row.last_error = "mail_deferred", posted.error
            enrollment.row.updated_at = at
            return None
        _tell_mail(enrollment, placed, since, posted, at)
        if posted.error and not posted.is_unknown:
            _fail(enrollment, posted, at)
            return None
        ended_at = since if posted.is_skipped else at
    return Position(enrollment.version.after(placed), max(ended_at, since))


def tell(
    enrollment: Played,
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
    enrollment.story.rows.step_runs.append(
        StepRun(
            id=enrollment.story.rows.ids.at(ended_at),
            workspace=enrollment.workspace,
            enrollment=enrollment.row,
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
    enrollment: Played, placed: PlacedStep, since: datetime, posted: Posted, at: datetime
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
        enrollment,
        placed,
        since,
        since if posted.is_skipped else at,
        outcome=outcome,
        status=status,
        email_id=None if is_failed else posted.email_id,
        error=posted.error if is_failed else "",
    )


def _fail(enrollment: Played, posted: Posted, at: datetime) -> None:
    """End an enrollment whose mail was refused; a recipient who is none has ended it already."""
    if enrollment.is_under_way:
        enrollment.end(at, status=Status.FAILED, reason=GAVE_UP)
        enrollment.row.attempts = 1
        enrollment.row.last_error = posted.error


def _place(enrollment: Played, position: Position) -> None:
    placed = position.placed
    if placed is not None:
        enrollment.row.step_id = placed.row_id
    enrollment.row.step_since, enrollment.row.released_by, enrollment.row.awaits = (
        position.since,
        None,
        "",
    )


def _settle(enrollment: Played, walked: Walked, at: datetime) -> None:
    """Put the enrollment where the walk stopped."""
    _place(enrollment, walked.position)
    enrollment.row.reason, enrollment.row.updated_at = "", at
    match walked.stop:
        case Ended():
            enrollment.end(at, status=Status(walked.stop.status), reason=walked.stop.reason)
        case Waits():
            enrollment.row.status = Status.WAITING
            enrollment.row.due_at, enrollment.row.awaits = walked.stop.due_at, walked.stop.awaits
            enrollment.row.reason = walked.stop.reason
