"""Advances enrollments that `claiming` has claimed.

`advance` may run twice for the same enrollments, also at the same time: every write checks that the
claim's token still holds, and every mail has its own row, committed as `sending` before it is sent.
"""

import time
from collections.abc import Callable, Sequence
from typing import assert_never
from uuid import UUID

from django.conf import settings
from django.db import transaction

from events.language import steps
from events.models import Enrollment
from events.services.engine import claiming, mailing
from events.services.engine import webhooks as calling
from events.services.engine.claimed import ClaimedEnrollment
from events.services.engine.rounds import Call, Clock, advance_in_bulk, begin_round, end_failed
from subscribers.services.outbox.delivery import Mailer

# A third of the queue's time-out; what has not begun by then is given back.
SECONDS_PER_BATCH = 20
SECONDS_BETWEEN_LOOKS = 1.0
MustYield = Callable[[Enrollment.Lane], bool]


def advance(
    *,
    token: UUID,
    ids: Sequence[UUID],
    clock: Clock,
    must_yield: MustYield | None = None,
    mailer: Mailer | None = None,
) -> None:
    """Carry out what is due for the enrollments that the token holds.

    `must_yield` says, at most once a second, whether work more urgent than a lane is due: the rest
    is then given back. `mailer` replaces the configured backend. The attempt of an enrollment
    claimed alone is counted first: one whose work kills the worker ends after `STEP_ATTEMPTS`.
    """
    over_at = time.monotonic() + SECONDS_PER_BATCH
    if not _may_begin(token, ids, clock):
        return
    calls = advance_in_bulk(token=token, ids=ids, clock=clock)
    mails: list[ClaimedEnrollment] = []
    webhooks: list[calling.WebhookCall] = []
    for enrollment, step in calls:
        match step:
            case steps.EmailStep():
                mails.append(enrollment)
            case steps.WebhookStep():
                webhooks.append((enrollment, step))
            case _ as never:
                assert_never(never)
    is_over = _Patience(over_at, calls, must_yield).is_over
    if mails:
        mailing.send_all(
            token=token, enrollments=mails, clock=clock, is_over=is_over, mailer=mailer
        )
    if webhooks:
        calling.call_all(token=token, calls=webhooks, clock=clock, is_over=is_over)


class _Patience:
    """How long a batch continues with calls, which may take seconds each."""

    def __init__(self, over_at: float, calls: Sequence[Call], must_yield: MustYield | None) -> None:
        self.over_at = over_at
        self.lane = Enrollment.Lane(min((call[0].row.lane for call in calls), default=0))
        self.must_yield = must_yield
        self.look_at = time.monotonic() + SECONDS_BETWEEN_LOOKS

    def is_over(self) -> bool:
        now = time.monotonic()
        if now > self.over_at:
            return True
        if self.must_yield is None or now < self.look_at:
            return False
        self.look_at = now + SECONDS_BETWEEN_LOOKS
        return self.must_yield(self.lane)


def _may_begin(token: UUID, ids: Sequence[UUID], clock: Clock) -> bool:
    """Count the attempt of an enrollment claimed alone; False when that was one too many."""
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
    with transaction.atomic():
        claimed, current = begin_round(token=token, ids=ids, clock=clock)
        for enrollment in claimed.enrollments:
            tried = enrollment.row.attempts - 1
            error = f"The worker ended {tried} times while it worked on this step."
            end_failed(enrollment, error, tried, current)
        current.write()
    return False
