"""What is known about an email after it was sent."""

from dataclasses import dataclass
from enum import Enum

from subscribers.templating import mail
from subscribers.wire import link_tokens

_LONGEST_ERROR = 500


class DeliveryOutcome(Enum):
    SENT = "sent"
    # Permanent: the server does not accept this recipient or message.
    REFUSED = "refused"
    # Certainly not accepted, and may be retried.
    DEFERRED = "deferred"
    # No answer came to the message, so it may have been accepted.
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Delivery:
    """One email's outcome; `code` is the SMTP or HTTP status, if any."""

    outcome: DeliveryOutcome
    # One line of at most 500 characters for the operator; empty when the mail was sent.
    error: str = ""
    code: int | None = None
    # The server refused or closed the connection before the email began.
    is_unreachable: bool = False
    # The server said that the recipient does not exist.
    is_bad_recipient: bool = False


def fail(outcome: DeliveryOutcome, error: str, *, code: int | None = None) -> Delivery:
    """Return a failed delivery; the error becomes one line. Servers that refuse
    a link quote it, with its token.
    """
    words = link_tokens.hidden(mail.header_text(error))
    return Delivery(outcome, words[:_LONGEST_ERROR], code)


def describe(error: Exception) -> str:
    """Return an error's message, or its class name without one."""
    return str(error) or type(error).__name__
