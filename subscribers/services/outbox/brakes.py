"""Whether a mail may leave at all, whoever it is to and whatever it says.

The operator's brakes: `MAIL_PAUSED` for the installation, a workspace's own switch, `EMAIL_ALLOW`,
and keys marked test. It decides from what it is given and reads nothing but settings, so the caller
passes a workspace that it has just read: the switch must hold for the very next mail.
"""

from dataclasses import dataclass
from enum import Enum

from django.conf import settings

from subscribers.models import Workspace
from subscribers.services.outbox.delivery import is_allowed


class SendDecision(Enum):
    """What becomes of a mail."""

    ALLOWED = "allowed"
    # Never: whoever drives it goes on as if it had been sent.
    SKIP = "skip"
    # Not now: it stays due and leaves when the switch is off again.
    HOLD = "hold"


@dataclass(frozen=True, slots=True)
class Verdict:
    """A decision and the word for its reason, empty when the mail may leave."""

    decision: SendDecision
    reason: str = ""

    @property
    def is_allowed(self) -> bool:
        """Tell whether the mail may leave."""
        return self.decision is SendDecision.ALLOWED

    @property
    def is_hold(self) -> bool:
        """Tell whether it waits for a switch."""
        return self.decision is SendDecision.HOLD

    @property
    def is_skip(self) -> bool:
        """Tell whether it never leaves."""
        return self.decision is SendDecision.SKIP


def verdict(*, workspace: Workspace, recipient: str, is_test: bool) -> Verdict:
    """Decide about one mail; `is_test` is that of the key which started what sends it.

    A key stays what it is, so its mail is skipped at once. Everything else waits while a switch is
    on: whoever stops mail to put the list right must not lose what was due meanwhile.
    Reasons: `test_key`, `mail_paused`, `not_in_allow_list`.
    """
    if is_test:
        return Verdict(SendDecision.SKIP, "test_key")
    if settings.MAIL_PAUSED or workspace.is_mail_paused:
        return Verdict(SendDecision.HOLD, "mail_paused")
    if not is_allowed(recipient, settings.EMAIL_ALLOW):
        return Verdict(SendDecision.SKIP, "not_in_allow_list")
    return Verdict(SendDecision.ALLOWED)
