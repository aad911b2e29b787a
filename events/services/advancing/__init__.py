"""The engine: advances claimed runs; what due and claimed means is in `events.services.claiming`.

`advance` may run twice for the same runs, and at the same time elsewhere: every write asks whether
the claim's token still holds, and every mail has a row of its own that is fenced before it leaves.
"""

import time
from collections.abc import Sequence
from uuid import UUID

from django.conf import settings
from django.db import transaction

from events import steps
from events.models import Enrollment
from events.services import claiming
from events.services.advancing import calling, mailing
from events.services.advancing.engine import Clock, Round, advance_in_bulk, end_failed
from events.services.advancing.runs import Run, load_locked

__all__ = ["advance"]

# A third of the queue's time-out: what is not begun by then is given back.
SECONDS_PER_BATCH = 20


def advance(*, token: UUID, ids: Sequence[UUID], clock: Clock) -> None:
    """Carry out what is due for the runs that the token holds.

    A run that is alone has its attempt counted before anything is done, so that one whose work
    kills the worker ends after `STEP_ATTEMPTS`.
    """
    over_at = time.monotonic() + SECONDS_PER_BATCH
    if not _may_begin(token, ids, clock):
        return
    calls = advance_in_bulk(token=token, ids=ids, clock=clock)
    mails = [run for run in calls if isinstance(_step(run), steps.EmailStep)]
    webhooks = [run for run in calls if isinstance(_step(run), steps.WebhookStep)]

    def is_over() -> bool:
        return time.monotonic() > over_at

    if mails:
        mailing.send_all(token=token, runs=mails, clock=clock, is_over=is_over)
    if webhooks:
        calling.call_all(token=token, runs=webhooks, clock=clock, is_over=is_over)


def _may_begin(token: UUID, ids: Sequence[UUID], clock: Clock) -> bool:
    """Count the attempt of a run that is alone; False when that was one too many."""
    if len(ids) != 1:
        return True
    held = Enrollment.objects.filter(pk=ids[0], lease_token=token)
    if not held.exclude(attempts=0, last_error="").exists():
        return True
    attempts = claiming.count_attempt(token=token, enrollment_id=ids[0])
    if attempts is None:
        return False
    if attempts <= settings.STEP_ATTEMPTS:
        return True
    _give_up(token, ids[0], clock)
    return False


def _give_up(token: UUID, enrollment_id: UUID, clock: Clock) -> None:
    with transaction.atomic():
        current = Round(token, clock())
        for run in load_locked(token=token, ids=[enrollment_id]).runs:
            tried = run.row.attempts - 1
            error = f"The worker ended {tried} times while it worked on this step."
            end_failed(run, error, tried, current)
        current.write()


def _step(run: Run) -> steps.Step | None:
    placed = run.position.placed
    return placed.step if placed else None
