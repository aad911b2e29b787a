"""What is known about a mail after it was handed to the outside world."""

from dataclasses import dataclass
from enum import Enum

from subscribers.templating import mail

_LONGEST_ERROR = 500


class DeliveryOutcome(Enum):
    """What became of one mail."""

    SENT = "sent"
    # For good: this recipient or this message is not taken.
    REFUSED = "refused"
    # Certainly not accepted, and may be tried again.
    DEFERRED = "deferred"
    # The message had been sent, or begun, and no answer came: it may have been accepted.
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Delivery:
    """One mail's outcome; `code` is the SMTP or HTTP status where there was one."""

    outcome: DeliveryOutcome
    # One line of at most 500 characters for the operator; empty when the mail was sent.
    error: str = ""
    code: int | None = None
    # No conversation about the mail began: the server refused or ended the connection itself.
    is_unreachable: bool = False
    # The server said of the recipient, and of nothing else, that there is none, for good.
    is_bad_recipient: bool = False


def fail(outcome: DeliveryOutcome, error: str, *, code: int | None = None) -> Delivery:
    """Return a failed delivery, whatever others wrote into the error."""
    return Delivery(outcome, mail.header_text(error)[:_LONGEST_ERROR], code)


def describe(error: Exception) -> str:
    """Return an error's words, or its name where it has none."""
    return str(error) or type(error).__name__
