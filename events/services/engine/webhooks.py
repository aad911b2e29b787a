"""Calls the webhooks of claimed enrollments: signed, at least once, each delivery with an id."""

import json
import logging
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction

from events.egress import calls as egress
from events.language.steps import WebhookStep
from events.models import Enrollment, StepRun
from events.services.engine import claiming, mails, rounds
from events.services.engine.claimed import ClaimedEnrollment
from events.services.engine.rounds import Clock, EngineRound
from events.services.engine.walking import Position, StepDone
from events.services.engine.writing import NextState, add_step_runs
from subscribers.ids import encode
from subscribers.services.storage import outcomes
from subscribers.services.storage.outcomes import Subject

logger = logging.getLogger("cueline.webhooks")

WebhookCall = tuple[ClaimedEnrollment, WebhookStep]
TEST_KEY = "test_key"
# Statuses worth a retry; any other refusal is final.
PASSING = frozenset({408, 425, 429, *range(500, 600)})
LONGEST_ERROR = 300


def call_all(
    *, token: UUID, calls: Sequence[WebhookCall], clock: Clock, is_over: Callable[[], bool]
) -> None:
    """Call the webhooks at which the enrollments stand, until `is_over` returns True."""
    waiting = list(calls)
    while waiting and not is_over():
        enrollment, step = waiting.pop(0)
        if Enrollment.objects.filter(pk=enrollment.row.pk, lease_token=token).exists():
            outcome, error, is_final = _call(enrollment, step, clock())
            outcomes.count(
                Subject.WEBHOOK,
                outcome="failed" if error else "skipped" if "reason" in outcome else "answered",
                reason=str(outcome.get("reason") or outcome.get("status") or "no_answer"),
                sequence_id=enrollment.row.sequence_id,
                now=clock(),
            )
            with transaction.atomic():
                ids = [enrollment.row.pk]
                claimed, current = rounds.begin_round(token=token, ids=ids, clock=clock)
                if held := claimed.enrollment(enrollment.row.pk):
                    _settle(held, outcome, error, current, is_final=is_final)
                current.write()
    claiming.give_back(token=token, ids=[enrollment.row.pk for enrollment, _ in waiting])


def payload(enrollment: ClaimedEnrollment, step: WebhookStep) -> dict[str, Any]:
    data = mails.merge_data(enrollment)
    started_by = enrollment.row.started_by_id
    return {
        "type": "sequence.step",
        "sequence": {"id": enrollment.row.sequence.public_id, "name": enrollment.row.sequence.name},
        "enrollmentId": enrollment.row.public_id,
        "stepId": step.id,
        "subscriber": data["subscriber"],
        "event": {"id": started_by and encode("evt", started_by), "properties": data["event"]},
        "workspace": data["workspace"],
    }


def _call(
    enrollment: ClaimedEnrollment, step: WebhookStep, now: datetime
) -> tuple[dict[str, Any], str, bool]:
    """Return the outcome, the error or an empty text, and whether retrying is useless."""
    if enrollment.row.is_test:
        return {"reason": TEST_KEY}, "", True
    body = json.dumps(payload(enrollment, step), separators=(",", ":")).encode()
    timestamp = int(now.timestamp())
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "Cueline",
        "Cueline-Delivery": enrollment.row.mail_cause,
        "Cueline-Timestamp": str(timestamp),
        "Cueline-Signature": egress.sign(
            secret=enrollment.workspace.webhook_secret, timestamp=timestamp, body=body
        ),
    }
    try:
        answer = egress.post(
            url=step.url, body=body, headers=headers, allow_private=settings.ALLOW_PRIVATE_WEBHOOKS
        )
    except egress.UnsafeAddress as error:
        return {}, f"The URL {error}"[:LONGEST_ERROR], True
    except egress.CallFailed as error:
        return {}, str(error)[:LONGEST_ERROR], False
    outcome = {"status": answer.status, "milliseconds": answer.milliseconds}
    if 200 <= answer.status < 300:  # noqa: PLR2004 - HTTP's successes
        return outcome, "", True
    return outcome, f"It answered {answer.status}.", answer.status not in PASSING


def _settle(
    enrollment: ClaimedEnrollment,
    outcome: dict[str, Any],
    error: str,
    current: EngineRound,
    *,
    is_final: bool,
) -> None:
    placed = enrollment.position.placed
    step = placed.step if placed else None
    if placed is None or not isinstance(step, WebhookStep):
        return
    began = enrollment.position.since
    attempts = enrollment.row.attempts + (not rounds.is_alone(enrollment.row))
    is_last = is_final or attempts >= settings.STEP_ATTEMPTS
    if error and (not is_last or step.on_error == "fail"):
        rounds.fail_attempt(enrollment, error, current, is_final=is_last)
        return
    status = StepRun.Status.SKIPPED if "reason" in outcome else StepRun.Status.DONE
    if error:
        status, outcome = StepRun.Status.FAILED, {**outcome, "action": step.on_error}
    done = StepDone(placed, status, outcome, began, current.now)
    if error and step.on_error == "exit":
        current.step_runs += add_step_runs(enrollment, [done])
        state = NextState(
            Enrollment.Status.COMPLETED, enrollment.position, None, reason="webhook_failed"
        )
        current.states.append((enrollment.row, state))
        return
    position = Position(enrollment.version.after(placed), current.now)
    rounds.go_on(enrollment, position, current, after=done)
