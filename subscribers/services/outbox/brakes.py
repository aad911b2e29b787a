"""The operator's switches that hold or skip mail, whatever its content and recipient.

They are `MAIL_PAUSED`, a workspace's own switch, `EMAIL_ALLOW`, and keys marked as test. It reads
settings only, so the caller passes a workspace that it has just read: a switch must hold for the
very next email.
"""

from dataclasses import dataclass
from enum import Enum

from django.conf import settings

from subscribers.models import Workspace
from subscribers.services.outbox.delivery import is_allowed


class SendDecision(Enum):
    ALLOWED = "allowed"
    # Never: the caller continues as if it had been sent.
    SKIP = "skip"
    # Not now: it stays due until the switch is off.
    HOLD = "hold"


@dataclass(frozen=True, slots=True)
class Verdict:
    """A decision and the word for its reason, empty when the email may be sent."""

    decision: SendDecision
    reason: str = ""

    @property
    def is_allowed(self) -> bool:
        return self.decision is SendDecision.ALLOWED

    @property
    def is_hold(self) -> bool:
        return self.decision is SendDecision.HOLD

    @property
    def is_skip(self) -> bool:
        return self.decision is SendDecision.SKIP


def verdict(*, workspace: Workspace, recipient: str, is_test: bool) -> Verdict:
    """Decide about one email; `is_test` is that of the key behind it.

    Reasons: `test_key`, `mail_paused`, `not_in_allow_list`. A paused email waits, even where the
    allow list would skip it: an operator may pause to correct the list and must not lose mail.
    """
    if is_test:
        return Verdict(SendDecision.SKIP, "test_key")
    if settings.MAIL_PAUSED or workspace.is_mail_paused:
        return Verdict(SendDecision.HOLD, "mail_paused")
    if not is_allowed(recipient, settings.EMAIL_ALLOW):
        return Verdict(SendDecision.SKIP, "not_in_allow_list")
    return Verdict(SendDecision.ALLOWED)
