"""Calls the webhooks of claimed enrollments: signed, at least once, each delivery with an id.

A receiver that is away is tried for `WEBHOOK_RETRY_HOURS`; see `receivers`.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction

from config import retries
from events.egress import calls as egress
from events.egress import targets
from events.language.steps import WebhookStep
from events.models import Enrollment, StepRun
from events.services.engine import claiming, receivers, rounds, webhook_calls
from events.services.engine.claimed import ClaimedEnrollment
from events.services.engine.rounds import Clock, EngineRound
from events.services.engine.walking import Position, StepDone
from events.services.engine.writing import NextState, add_step_runs
from subscribers.services.storage import outcomes
from subscribers.services.storage.outcomes import Subject
from subscribers.templating.merge_tags import TemplateFault

WebhookCall = tuple[ClaimedEnrollment, WebhookStep]
TEST_KEY = "test_key"
AWAY = "webhook_away"
# Statuses worth a retry; any other refusal is final.
PASSING = frozenset({408, 425, 429, *range(500, 600)})
LONGEST_ERROR = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class _Result:
    """What came of one call, or why there was none."""

    outcome: dict[str, Any]
    # Empty when it was answered well or skipped.
    error: str = ""
    # Another call would end the same.
    is_final: bool = True
    # When the receiver may be called again.
    away_until: datetime | None = None


def call_all(
    *, token: UUID, calls: Sequence[WebhookCall], clock: Clock, is_over: Callable[[], bool]
) -> None:
    """Call the webhooks at which the enrollments stand, until `is_over` returns True.

    While a receiver is away its enrollments wait; those that have waited for the whole
    `WEBHOOK_RETRY_HOURS` fail.
    """
    waiting, began = list(calls), clock()
    # By when they are due, and since when the receiver is away for them; None: as noted.
    held = defaultdict[tuple[datetime, datetime | None], list[UUID]](list)
    while waiting and not is_over():
        enrollment, step = waiting.pop(0)
        now = clock()
        away = None
        if not enrollment.row.is_test:
            away = receivers.away(_host(step), now=now)
        if away and now < _patient_until(enrollment, now):
            due_at = min(away.until, _patient_until(enrollment, now))
            is_noted = _failing_since(enrollment, now) != now
            held[due_at, None if is_noted else began].append(enrollment.row.pk)
        elif Enrollment.objects.filter(pk=enrollment.row.pk, lease_token=token).exists():
            result = _Result(outcome={}, error=away.error) if away else _call(enrollment, step, now)
            _record(token, enrollment, result, clock)
    for (due_at, since), ids in held.items():
        claiming.give_back(token=token, ids=ids, due_at=due_at, reason=AWAY, failing_since=since)
    claiming.give_back(token=token, ids=[enrollment.row.pk for enrollment, _ in waiting])


def _record(token: UUID, enrollment: ClaimedEnrollment, result: _Result, clock: Clock) -> None:
    outcome = result.outcome
    outcomes.count(
        Subject.WEBHOOK,
        outcome="failed" if result.error else "skipped" if "reason" in outcome else "answered",
        reason=str(outcome.get("reason") or outcome.get("status") or "no_answer"),
        sequence_id=enrollment.row.sequence_id,
        now=clock(),
    )
    with transaction.atomic():
        ids = [enrollment.row.pk]
        claimed, current = rounds.begin_round(token=token, ids=ids, clock=clock)
        if held := claimed.enrollment(enrollment.row.pk):
            _settle(held, result, current)
        current.write()


def _host(step: WebhookStep) -> str:
    """Return the host and port of a step's receiver; the URL itself where it has none."""
    try:
        target = targets.parse(step.url_parts()[0], allow_private=True)
    except targets.UnsafeAddress:
        return step.url
    return f"{target.host}:{target.port}"


def _failing_since(enrollment: ClaimedEnrollment, now: datetime) -> datetime:
    """Return since when the receiver is away for this step, `now` if it was not.

    Patience begins anew where nobody called for long: a pause, or no worker. So it does where an
    older release moved the enrollment on and left the time of another step.
    """
    row = enrollment.row
    since, due_at = row.failing_since, row.due_at
    if since is None or since < row.step_since:
        return now
    return now if due_at and now - due_at > retries.WEBHOOKS_LONGEST else since


def _patient_until(enrollment: ClaimedEnrollment, now: datetime) -> datetime:
    return _failing_since(enrollment, now) + settings.WEBHOOK_RETRY


def _call(enrollment: ClaimedEnrollment, step: WebhookStep, now: datetime) -> _Result:
    if enrollment.row.is_test:
        return _Result(outcome={"reason": TEST_KEY})
    host, is_repeated = _host(step), enrollment.row.failing_since is not None
    try:
        call = webhook_calls.make(enrollment=enrollment, step=step, now=now)
        answer = egress.call(
            url=call.url,
            method=call.method,
            body=call.body,
            headers=webhook_calls.signed_headers(call=call, enrollment=enrollment, now=now),
            allow_private=settings.ALLOW_PRIVATE_WEBHOOKS,
        )
    except TemplateFault as error:
        return _Result(outcome={}, error=f"A merge tag failed: {error}"[:LONGEST_ERROR])
    except egress.UnsafeAddress as error:
        return _Result(outcome={}, error=str(error)[:LONGEST_ERROR])
    except egress.CallFailed as error:
        words = str(error)[:LONGEST_ERROR]
        return _away(host, {}, words, is_repeated=is_repeated, now=now)
    outcome = {"status": answer.status, "milliseconds": answer.milliseconds}
    error_words = f"It answered {answer.status}."
    if answer.status in PASSING:
        pause = _retry_after(answer.retry_after, now)
        return _away(
            host, outcome, error_words, is_repeated=is_repeated, now=now, retry_after=pause
        )
    receivers.reset(host)
    is_good = 200 <= answer.status < 300  # noqa: PLR2004 - HTTP's successes
    return _Result(outcome=outcome, error="" if is_good else error_words)


def _away(
    host: str,
    outcome: dict[str, Any],
    error: str,
    *,
    is_repeated: bool,
    now: datetime,
    retry_after: timedelta | None = None,
) -> _Result:
    away = receivers.trip(
        host, error=error, retry_after=retry_after, is_repeated=is_repeated, now=now
    )
    return _Result(outcome=outcome, error=error, is_final=False, away_until=away.until)


def _retry_after(said: str, now: datetime) -> timedelta | None:
    """Return the pause that `Retry-After` asks for: seconds or a date (RFC 9110, 10.2.3)."""
    if said.isascii() and said.isdigit():
        return timedelta(seconds=min(int(said[:9]), retries.LONGEST_RETRY_AFTER.total_seconds()))
    try:
        return parsedate_to_datetime(said) - now
    except (ValueError, TypeError, OverflowError):
        return None


def _settle(enrollment: ClaimedEnrollment, result: _Result, current: EngineRound) -> None:
    placed = enrollment.position.placed
    step = placed.step if placed else None
    if placed is None or not isinstance(step, WebhookStep):
        return
    error, outcome = result.error, result.outcome
    if error and not result.is_final:
        ends_at = _patient_until(enrollment, current.now)
        if current.now < ends_at:
            _try_later(enrollment, result, ends_at, current)
            return
    if error and step.on_error == "fail":
        rounds.fail_attempt(enrollment, error, current, is_final=True)
        return
    began = enrollment.position.since
    status = StepRun.Status.SKIPPED if "reason" in outcome else StepRun.Status.DONE
    if error:
        status, outcome = StepRun.Status.FAILED, {**outcome, "action": step.on_error}
    done = StepDone(placed, status, outcome, began, current.now, error=error)
    if error and step.on_error == "exit":
        current.step_runs += add_step_runs(enrollment, [done])
        state = NextState(
            Enrollment.Status.COMPLETED, enrollment.position, None, reason="webhook_failed"
        )
        current.states.append((enrollment.row, state))
        return
    position = Position(enrollment.version.after(placed), current.now)
    rounds.go_on(enrollment, position, current, after=done)


def _try_later(
    enrollment: ClaimedEnrollment, result: _Result, ends_at: datetime, current: EngineRound
) -> None:
    """Call again later, without counting an attempt; the pauses double, and end with patience."""
    since = _failing_since(enrollment, current.now)
    pause = min(max(current.now - since, retries.WEBHOOKS_FIRST), retries.WEBHOOKS_LONGEST)
    due_at = max(current.now + pause, result.away_until or current.now)
    state = NextState(
        Enrollment.Status.ACTIVE,
        enrollment.position,
        min(due_at, ends_at),
        reason=AWAY,
        attempts=rounds.attempts_before(enrollment.row),
        last_error=result.error,
        failing_since=since,
    )
    current.states.append((enrollment.row, state))
