"""The fence of a mail: the last check before it is sent, and the record of the result.

Both run under the subscriber's lock, in the caller's transaction. Nothing is sent here.
See .github/decisions/fenced-mail.md.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from config import retries
from events.language.steps import EmailStep
from events.models import Enrollment, StepRun
from events.services.counts import touched_hours
from events.services.engine import mail_breaker, mails, rounds
from events.services.engine.claimed import Claimed, ClaimedEnrollment
from events.services.engine.leftover_mails import ENROLLMENT_ENDED
from events.services.engine.loaded_versions import PlacedStep
from events.services.engine.rounds import EngineRound
from events.services.engine.walking import Position, StepDone
from events.services.engine.writing import NextState, add_step_runs
from subscribers.models import OutgoingEmail
from subscribers.services.consent import suppressions
from subscribers.services.outbox import brakes, cap, outbox
from subscribers.services.outbox.delivery import Delivery, DeliveryOutcome
from subscribers.services.storage import outcomes
from subscribers.services.storage.outcomes import Subject

Status = Enrollment.Status
EmailStatus = OutgoingEmail.Status
UNDER_WAY = Enrollment.UNDER_WAY
BLANK = "mail_is_blank"


@dataclass(frozen=True, slots=True)
class Sent:
    """A mail that was handed over and is not recorded yet."""

    # As it was before the mail was sent.
    enrollment: ClaimedEnrollment
    placed: PlacedStep
    email: OutgoingEmail
    fenced_at: datetime
    delivery: Delivery


@dataclass(frozen=True, slots=True)
class NextMail:
    """A mail to send next: new, or left by an earlier attempt."""

    enrollment: ClaimedEnrollment
    draft: outbox.Draft
    is_repeated: bool


def settle(sent: Sent, claimed: Claimed, current: EngineRound) -> None:
    """Record a mail's result, and move its enrollment on if the claim still holds."""
    delivery = sent.delivery
    if delivery.is_bad_recipient:
        # First: it locks the person. It also ends all their enrollments, this one too.
        suppressions.note_refusal(
            workspace=sent.enrollment.workspace,
            subscriber_id=sent.enrollment.subscriber.pk,
            recipient=sent.email.recipient,
            error=delivery.error,
            now=current.now,
        )
        current.changed_people.add(sent.enrollment.subscriber.pk)
    outbox.settle(email_id=sent.email.pk, delivery=delivery, now=current.now)
    enrollment = claimed.enrollment(sent.enrollment.row.pk)
    if delivery.outcome in {DeliveryOutcome.SENT, DeliveryOutcome.UNKNOWN}:
        word = delivery.outcome.value
        done = _done(sent.enrollment, sent.placed, sent.email, word, sent.fenced_at)
        if enrollment is not None:
            _advance(enrollment, done, current)
        elif OutgoingEmail.objects.filter(pk=sent.email.pk).exists():
            # Stopped or paused meanwhile: the mail is recorded, but the enrollment stays. For an
            # erased person there is nothing to record.
            current.step_runs += add_step_runs(sent.enrollment, [done])
            # The step may be counted already, as unknown or as left.
            touched_hours.touch_mails([sent.email.pk])
            touched_hours.touch_end(sent.enrollment.row.pk)
    elif enrollment is None:
        # A paused enrollment tries again; an ended one must leave no queued mail.
        if not Enrollment.objects.filter(pk=sent.enrollment.row.pk, status__in=UNDER_WAY).exists():
            outbox.skip_queued(email_id=sent.email.pk, reason=ENROLLMENT_ENDED)
    elif delivery.outcome is DeliveryOutcome.REFUSED:
        _go_on_without(enrollment, sent.placed, sent.email, delivery.error, current)
    elif outbox.is_server_away(delivery):
        outbox.take_attempt_back(email_id=sent.email.pk)
        until = mail_breaker.held_until(now=current.now) or current.now
        _wait(enrollment, until, outbox.reason_to_wait(delivery), current)
    else:
        _try_later(enrollment, sent, current)


def fence(mail: NextMail, claimed: Claimed, current: EngineRound) -> OutgoingEmail | None:
    """Check a last time whether the mail may be sent; store it as `sending`, or why not."""
    enrollment = claimed.enrollment(mail.enrollment.row.pk)
    if enrollment is None or not current.still_hold([enrollment]):
        return None
    placed = enrollment.position.placed
    if placed is None:
        return None
    draft, earlier = mail.draft, None
    if mail.is_repeated:
        made = OutgoingEmail.objects.filter(workspace=draft.workspace_id, cause=draft.cause)
        earlier = made.first()
    recipient = earlier.recipient if earlier else draft.recipient
    reason = mails.reason_to_skip(enrollment=enrollment, kind=draft.kind)
    if reason is None and _is_suppressed(enrollment, recipient, mail, claimed, current):
        reason = suppressions.SUPPRESSED
    reason = reason or (BLANK if draft.is_blank else None)
    if earlier is not None and earlier.status != EmailStatus.QUEUED:
        _follow(enrollment, placed, earlier, current)
    elif reason:
        _skip(enrollment, placed, earlier, reason, current)
    elif earlier is None and recipient != enrollment.subscriber.email:
        # Their address changed after the mail was rendered: it is rendered again.
        _wait(enrollment, current.now, "", current)
    elif not _is_held_back(enrollment, placed, mail, earlier, current):
        if earlier is None:
            return outbox.begin(draft=draft, now=current.now)
        outbox.begin_again(email_id=earlier.pk, now=current.now)
        earlier.refresh_from_db()
        return earlier
    return None


def _is_suppressed(
    enrollment: ClaimedEnrollment,
    recipient: str,
    mail: NextMail,
    claimed: Claimed,
    current: EngineRound,
) -> bool:
    if recipient == mail.draft.recipient and not current.changed_people:
        return enrollment.row.pk in claimed.suppressed
    # An earlier attempt's address, or the mail before this one added suppressions.
    reason = suppressions.reason_to_skip(workspace=enrollment.workspace, recipient=recipient)
    return reason is not None


def _is_held_back(
    enrollment: ClaimedEnrollment,
    placed: PlacedStep,
    mail: NextMail,
    earlier: OutgoingEmail | None,
    current: EngineRound,
) -> bool:
    """Tell whether a switch, the list of allowed addresses or the cap stops the mail."""
    verdict = brakes.verdict(
        workspace=enrollment.workspace,
        recipient=earlier.recipient if earlier else mail.draft.recipient,
        is_test=enrollment.row.is_test,
    )
    if verdict.is_hold:
        _wait(enrollment, current.now + retries.HELD_MAIL, verdict.reason, current)
        return True
    if verdict.is_skip:
        email = earlier or outbox.skip(draft=mail.draft, reason=verdict.reason, now=current.now)
        _skip(enrollment, placed, email, verdict.reason, current)
        return True
    until = cap.capped_until(
        workspace=enrollment.workspace,
        subscriber=enrollment.subscriber,
        kind=mail.draft.kind,
        now=current.now,
    )
    if until is not None:
        _wait(enrollment, until, "mail_cap", current)
    return until is not None


def _follow(
    enrollment: ClaimedEnrollment, placed: PlacedStep, earlier: OutgoingEmail, current: EngineRound
) -> None:
    """Continue after a mail that an earlier attempt left in any state."""
    match earlier.status:
        case EmailStatus.SENDING:
            # Another process may still be sending it; the reaper ends that when it expires.
            until = earlier.lease_expires_at or current.now
            _wait(enrollment, max(until, current.now) + timedelta(seconds=1), "", current)
        case EmailStatus.FAILED:
            _go_on_without(enrollment, placed, earlier, earlier.last_error, current)
        case EmailStatus.SKIPPED:
            _skip(enrollment, placed, earlier, earlier.reason, current)
        case _:
            since = earlier.sending_since or current.now
            _advance(enrollment, _done(enrollment, placed, earlier, earlier.status, since), current)


def _done(
    enrollment: ClaimedEnrollment, placed: PlacedStep, email: OutgoingEmail, word: str, at: datetime
) -> StepDone:
    """Return the mail's step as done; the next step counts from the fence."""
    began = enrollment.position.since
    status = StepRun.Status.DONE
    return StepDone(placed, status, {"email": word}, began, max(at, began), email.pk)


def _advance(enrollment: ClaimedEnrollment, done: StepDone, current: EngineRound) -> None:
    position = Position(enrollment.version.after(done.placed), done.ended_at)
    rounds.go_on(enrollment, position, current, after=done)


def _go_on_without(
    enrollment: ClaimedEnrollment,
    placed: PlacedStep,
    email: OutgoingEmail,
    error: str,
    current: EngineRound,
) -> None:
    """Do what the step says where its mail has failed for good."""
    if not isinstance(placed.step, EmailStep) or placed.step.on_failure == "end":
        rounds.fail_attempt(enrollment, error, current, is_final=True)
        return
    began, outcome = enrollment.position.since, {"email": "failed", "action": "continue"}
    ended_at = max(current.now, began)
    status = StepRun.Status.FAILED
    done = StepDone(placed, status, outcome, began, ended_at, email.pk, error)
    _advance(enrollment, done, current)


def _skip(
    enrollment: ClaimedEnrollment,
    placed: PlacedStep,
    email: OutgoingEmail | None,
    reason: str,
    current: EngineRound,
) -> None:
    """Skip the mail's step, and a mail that an earlier attempt queued for it."""
    if email is not None and email.status == EmailStatus.QUEUED:
        outbox.skip_queued(email_id=email.pk, reason=reason)
    sequence_id = enrollment.row.sequence_id
    outcomes.count(
        Subject.MAIL, outcome="skipped", reason=reason, sequence_id=sequence_id, now=current.now
    )
    began, outcome = enrollment.position.since, {"reason": reason}
    email_id = email.pk if email else None
    done = StepDone(placed, StepRun.Status.SKIPPED, outcome, began, began, email_id)
    _advance(enrollment, done, current)


def _wait(
    enrollment: ClaimedEnrollment, at: datetime, reason: str, current: EngineRound, error: str = ""
) -> None:
    """Delay the enrollment without counting an attempt."""
    state = NextState(
        Status.ACTIVE,
        enrollment.position,
        at,
        reason=reason,
        attempts=rounds.attempts_before(enrollment.row),
        last_error=error or enrollment.row.last_error,
    )
    current.states.append((enrollment.row, state))


def _try_later(enrollment: ClaimedEnrollment, sent: Sent, current: EngineRound) -> None:
    """Retry a mail that the server deferred; the mail has its own count of attempts."""
    until = outbox.retry_at(email=sent.email, failures=sent.email.attempts, now=current.now)
    if until is None:
        _go_on_without(enrollment, sent.placed, sent.email, sent.delivery.error, current)
    else:
        _wait(enrollment, until, "mail_deferred", current, error=sent.delivery.error)
