"""Writes what the engine decided; each write of an enrollment requires that the token holds it.

One statement for many enrollments: building a query through the ORM for each costs most of a step.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from events.models import Enrollment, StepRun
from events.services.engine.claimed import ClaimedEnrollment
from events.services.engine.walking import Position, StepDone
from subscribers.ids import new_ids
from subscribers.services.storage import quick_rows
from subscribers.services.storage.sql_values import adapted

Status = Enrollment.Status
_WRITE = """
UPDATE events_enrollment
SET status = %s, step_id = %s, visit = %s, step_since = %s, awaits = %s, released_by = %s,
    due_at = %s, lane = %s, lease_token = %s,
    lease_expires_at = CASE WHEN %s THEN lease_expires_at END, attempts = %s, last_error = %s,
    reason = %s, entry_slot = %s, status_before_pause = %s,
    paused_at = %s, ended_at = %s, updated_at = %s, failing_since = %s
WHERE id = %s AND lease_token = %s
"""


@dataclass(frozen=True, slots=True)
class NextState:
    """An enrollment's next columns; `keeps_lease` while this process goes on with it."""

    status: str
    position: Position
    due_at: datetime | None
    awaits: str = ""
    attempts: int = 0
    last_error: str = ""
    reason: str = ""
    keeps_lease: bool = False
    status_before_pause: str = ""
    failing_since: datetime | None = None


def write_enrollments(
    changes: Sequence[tuple[Enrollment, NextState]], *, token: UUID, now: datetime
) -> None:
    """Write enrollments that the token holds; others stay as they are."""
    if not changes:
        return
    with connection.cursor() as cursor:
        cursor.executemany(_WRITE, [_values(row, state, token, now) for row, state in changes])


def move(row: Enrollment, state: NextState) -> None:
    """Update a row in memory as it was written: this process goes on with it."""
    placed = state.position.placed
    step_id = placed.row_id if placed else None
    if step_id != row.step_id:
        row.step_id, row.visit, row.released_by = step_id, 1, None
    row.status, row.step_since, row.due_at = state.status, state.position.since, state.due_at
    row.attempts, row.last_error = state.attempts, state.last_error


def add_step_runs(enrollment: ClaimedEnrollment, done: Iterable[StepDone]) -> list[StepRun]:
    """Return the rows of steps that are done, for `store_step_runs`."""
    failures = max(enrollment.row.attempts - 1, 0)
    return [
        StepRun(
            workspace_id=enrollment.row.workspace_id,
            enrollment_id=enrollment.row.pk,
            step_id=each.placed.row_id,
            visit=enrollment.row.visit if each.placed.row_id == enrollment.row.step_id else 1,
            status=each.status,
            outcome=dict(each.outcome),
            email_id=each.email_id,
            error=each.error,
            attempts=failures if each.placed.row_id == enrollment.row.step_id else 0,
            started_at=each.began_at,
            ended_at=max(each.ended_at, each.began_at),
        )
        for each in done
    ]


def store_step_runs(rows: Sequence[StepRun]) -> None:
    """Store step runs; one that exists for the visit stays as it is."""
    for row, row_id in zip(rows, new_ids(len(rows)), strict=True):
        row.id = row_id
    quick_rows.insert(rows, or_ignore=True)


def _values(row: Enrollment, state: NextState, token: UUID, now: datetime) -> list[Any]:
    placed = state.position.placed
    step_id = placed.row_id if placed else None
    has_ended = state.status not in Enrollment.UNDER_WAY
    is_moved = step_id != row.step_id
    keeps_slot = not has_ended or row.sequence.enrollment_mode == row.sequence.Mode.ONE_TIME
    lane = placed.lane if placed and not has_ended else row.lane
    return adapted(
        state.status,
        row.step_id if has_ended and placed is None else step_id,
        1 if is_moved and not has_ended else row.visit,
        state.position.since,
        state.awaits,
        None if is_moved or has_ended else row.released_by,
        state.due_at,
        # Lane 0 stays: it is set on purpose, for enrollments to be first.
        min(lane, row.lane) if row.lane == Enrollment.Lane.CONFIRMATION else int(lane),
        token if state.keeps_lease else None,
        state.keeps_lease,
        state.attempts,
        state.last_error,
        state.reason,
        row.entry_slot if keeps_slot else None,
        state.status_before_pause,
        now if state.status == Status.PAUSED else None,
        now if has_ended else None,
        now,
        state.failing_since,
        row.pk,
        token,
    )
