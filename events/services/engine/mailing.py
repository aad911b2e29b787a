"""Sends the mails of claimed enrollments, one after another over one connection, each fenced.

One transaction records the result of a mail, moves its enrollment on, and commits the next mail as
`sending`; then that one is handed over. So a process that dies leaves at most one mail with an
unknown result. People are locked in the order of their ids, which is the order of the enrollments.
"""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from uuid import UUID

from django.db import transaction

from config import retries
from events.services.database_faults import REQUEST_FAULTS, brief
from events.services.engine import claiming, mail_breaker, mails, rounds
from events.services.engine.claimed import Claimed, ClaimedEnrollment, lock_again
from events.services.engine.fencing import NextMail, Sent, fence, settle
from events.services.engine.rounds import Clock, EngineRound
from subscribers.models import OutgoingEmail
from subscribers.services.consent import suppressions
from subscribers.services.outbox import flow, outbox, rate
from subscribers.services.outbox.delivery import Delivery, DeliveryOutcome, Mailer
from subscribers.services.storage import connections, outcomes
from subscribers.services.storage.outcomes import Subject
from subscribers.templating.mail import TemplateFault

logger = logging.getLogger("cueline.mailing")


def send_all(
    *,
    token: UUID,
    enrollments: Sequence[ClaimedEnrollment],
    clock: Clock,
    is_over: Callable[[], bool],
    mailer: Mailer | None = None,
) -> None:
    """Send the mails at which the enrollments stand, until `is_over` returns True."""
    sender = _Sender(token, clock, _causes_used(enrollments))
    waiting = list(enrollments)
    with mailer or Mailer() as opened:
        while waiting and not is_over() and not sender.is_held():
            if not rate.wait_for_turn(clock=clock, before_waiting=sender.record):
                break
            sender.send(waiting.pop(0), opened)
        sender.record()
    held_until = mail_breaker.held_until(now=clock())
    if held_until:
        # What can never be sent is told now, not when the server is back; once for each mail.
        waiting = [each for each in waiting if each.row.reason or sender.rendered(each)]
    rest = [enrollment.row.pk for enrollment in waiting]
    if held_until:
        claiming.give_back(token=token, ids=rest, due_at=held_until, reason=mail_breaker.reason())
    else:
        claiming.give_back(token=token, ids=rest)


class _Sender:
    """Sends under one token; `waiting` is the mail that is not recorded yet."""

    def __init__(self, token: UUID, clock: Clock, causes_used: frozenset[str]) -> None:
        self.token = token
        self.clock = clock
        self.causes_used = causes_used
        self.waiting: Sent | None = None

    def is_held(self) -> bool:
        return mail_breaker.held_until(now=self.clock()) is not None

    def rendered(self, enrollment: ClaimedEnrollment) -> outbox.Draft | None:
        """Return the mail; None, and the enrollment's failure is noted, if it cannot be made."""
        placed = enrollment.position.placed
        if placed is None:
            return None
        try:
            return mails.write(enrollment=enrollment, placed=placed, now=self.clock())
        except (TemplateFault, mails.NoSender) as error:
            reason = "no_sender" if isinstance(error, mails.NoSender) else "template_error"
            sequence_id = enrollment.row.sequence_id
            outcomes.count(
                Subject.MAIL,
                outcome="failed",
                reason=reason,
                sequence_id=sequence_id,
                now=self.clock(),
            )
            self._fail(enrollment, str(error), is_final=True)
        except Exception as error:  # one person's data must not harm other enrollments
            logger.exception("A mail could not be rendered.")
            self._fail(enrollment, brief(error), is_final=False)
        return None

    def send(self, enrollment: ClaimedEnrollment, mailer: Mailer) -> None:
        placed, draft = enrollment.position.placed, self.rendered(enrollment)
        if placed is None or draft is None:
            return
        try:
            email = self._turn(NextMail(enrollment, draft, draft.cause in self.causes_used))
        except REQUEST_FAULTS:
            raise
        except Exception as error:  # one mail must not harm other enrollments
            logger.exception("A mail could not be stored.")
            self._fail(enrollment, brief(error), is_final=False)
            return
        if email is None:
            return
        fenced_at = email.sending_since or self.clock()
        message = outbox.message_of(
            email, workspace=enrollment.workspace, subscriber=enrollment.subscriber
        )
        delivery = mailer.send(message)
        self.waiting = Sent(enrollment, placed, email, fenced_at, delivery)
        self._note(delivery)

    def record(self) -> None:
        if self.waiting:
            self._turn(None)

    def _note(self, delivery: Delivery) -> None:
        if delivery.outcome is DeliveryOutcome.UNKNOWN:
            mail_breaker.trip(now=self.clock(), is_unknown=True)
        elif outbox.is_server_away(delivery):
            reason = outbox.reason_to_wait(delivery)
            mail_breaker.trip(now=self.clock(), is_unknown=False, reason=reason)
        else:
            mail_breaker.reset()

    def _turn(self, mail: NextMail | None) -> OutgoingEmail | None:
        """Record the mail before and fence the next in one transaction, else one by one."""
        try:
            email = self._turn_once(mail)
        except Exception as error:
            if self.waiting is None and not isinstance(error, REQUEST_FAULTS):
                raise
            logger.warning("Recording the result of a mail again: %s", brief(error))
            self._recover(mail)
            return self._turn_once(replace(mail, is_repeated=True)) if mail else None
        if self.waiting:
            flow.note(
                workspace_id=self.waiting.email.workspace_id,
                delivery=self.waiting.delivery,
                sequence_id=self.waiting.enrollment.row.sequence_id,
                now=self.clock(),
            )
        self.waiting = None
        return email

    def _turn_once(self, mail: NextMail | None) -> OutgoingEmail | None:
        enrollments = [each.enrollment for each in (self.waiting, mail) if each]
        with transaction.atomic():
            claimed = lock_again(
                token=self.token, enrollments=enrollments, address_hash=_address_hash(mail)
            )
            current = EngineRound(self.token, self.clock())
            # First: it locks sequences, and what follows may lock enrollments.
            rounds.park(claimed.parked, current)
            if self.waiting:
                settle(self.waiting, claimed, current)
            email = fence(mail, claimed, current) if mail else None
            current.write()
        return email

    def _recover(self, mail: NextMail | None) -> None:
        """Keep trying to record a sent mail, while this task has time; the database may return.

        The next mail may be fenced by a commit whose answer was lost: it was not handed over, and
        is queued again.
        """
        give_up_at = time.monotonic() + retries.SECONDS_TO_RECORD
        while True:
            try:
                connections.renew()
                self._record_alone()
                if mail:
                    outbox.unfence(workspace_id=mail.draft.workspace_id, cause=mail.draft.cause)
            except REQUEST_FAULTS:
                if time.monotonic() > give_up_at:
                    raise
                time.sleep(retries.SECONDS_BETWEEN_RECORDINGS)
            else:
                return

    def _record_alone(self) -> None:
        """Record the last mail; without its enrollment where that cannot go on."""
        if self.waiting is None:
            return
        try:
            self._turn_once(None)
        except REQUEST_FAULTS:
            raise
        except Exception as error:  # a fault in later steps must not make the mail unknown
            logger.exception("An enrollment could not go on after its mail.")
            with transaction.atomic():
                current = EngineRound(self.token, self.clock())
                settle(self.waiting, Claimed(enrollments=[], parked=[]), current)
                current.write()
            self._fail(self.waiting.enrollment, brief(error), is_final=False)
        self.waiting = None

    def _fail(self, enrollment: ClaimedEnrollment, error: str, *, is_final: bool) -> None:
        rounds.note_failure(
            token=self.token,
            enrollment_id=enrollment.row.pk,
            error=error,
            clock=self.clock,
            is_final=is_final,
        )


def _address_hash(mail: NextMail | None) -> str:
    if mail is None:
        return ""
    return suppressions.hash_of(workspace=mail.enrollment.workspace, recipient=mail.draft.recipient)


def _causes_used(enrollments: Sequence[ClaimedEnrollment]) -> frozenset[str]:
    """Return the causes that have a mail; one query. Only the lease's holder adds more."""
    causes = [enrollment.row.mail_cause for enrollment in enrollments]
    workspaces = {enrollment.row.workspace_id for enrollment in enrollments}
    used = OutgoingEmail.objects.filter(workspace__in=workspaces, cause__in=causes)
    return frozenset(used.values_list("cause", flat=True))
