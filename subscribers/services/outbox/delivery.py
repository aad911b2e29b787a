"""Sends emails through Django's EMAIL_BACKEND, and says exactly what is known afterwards.

SMTP is driven step by step (`smtp`). Other backends only raise, so an error without a clear meaning
is UNKNOWN. Reads and writes no row; no transaction may be open.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from email.errors import MessageError
from email.utils import parseaddr
from typing import Self

from django.core.mail import EmailMultiAlternatives, get_connection
from django.core.mail.backends import console, dummy, locmem, smtp
from django.core.mail.backends.base import BaseEmailBackend

from subscribers.services.outbox.outcomes import Delivery, DeliveryOutcome, describe, fail
from subscribers.services.outbox.smtp import SmtpSession
from subscribers.templating import mail as rendering
from subscribers.wire import addresses

__all__ = [
    "REPORTED_ID",
    "Delivery",
    "DeliveryOutcome",
    "Mailer",
    "Message",
    "build",
    "is_allowed",
    "uses_return_path",
]

# Django's default has no limit.
_TIMEOUT_SECONDS = 20
# These write to this machine only; the file backend is a console too.
_LOCAL_BACKENDS = (console.EmailBackend, locmem.EmailBackend, dummy.EmailBackend)
# Answers of an HTTP API about the account or the moment, not the message.
_RETRIED_STATUSES = frozenset({401, 408, 429, *range(500, 600)})
_REFUSED_STATUSES = frozenset(range(400, 500)) - _RETRIED_STATUSES
# Anymail's errors before anything was sent, or permanent for this recipient.
_REFUSING_ERRORS = frozenset(
    {"AnymailRecipientsRefused", "AnymailUnsupportedFeature", "AnymailSerializationError"}
)
# Anymail's services that report metadata back; the others refuse an email with metadata.
_REPORTING_SERVICES = frozenset(
    {"Amazon SES", "Brevo", "Mailgun", "Mailjet", "Mailtrap", "Mandrill", "Postmark", "Resend",
     "SendGrid", "SparkPost", "Unisender Go"}
)  # fmt: skip
# Anymail's services that take an envelope sender; others refuse it, or use only its domain.
_WITH_RETURN_PATH = frozenset({"Amazon SES", "Postal", "SparkPost"})
# The metadata key with our email's id; most services replace the Message-ID.
REPORTED_ID = "cueline_id"

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    # With or without its angle brackets.
    message_id: str
    # A formatted From header, `Ada <ada@example.com>`.
    sender: str
    # The envelope sender's address; empty is that of `sender`.
    return_path: str = ""
    reply_to: str = ""
    recipient: str
    subject: str
    html: str = ""
    text: str
    headers: Mapping[str, str] = field(default_factory=dict)


class Mailer:
    """Sends emails over one connection; leaving the block closes it and never raises."""

    def __init__(self) -> None:
        self._backend: BaseEmailBackend | None = None
        self._session: SmtpSession | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            if self._session is not None:
                self._session.close()
            elif self._backend is not None:
                self._backend.close()
        except Exception:  # the emails are sent, so an error at closing must not count
            logger.warning("The mail connection did not close.", exc_info=True)
        self._backend = self._session = None

    def send(self, message: Message) -> Delivery:
        """Send one email; a failed delivery is an outcome and raises nothing."""
        try:
            mail = build(message)
            content = mail.message().as_bytes()
            sender = _envelope(message.return_path or message.sender)
            recipient = _envelope(message.recipient)
        except (ValueError, MessageError) as error:
            return fail(DeliveryOutcome.REFUSED, f"The mail cannot be written: {error}")
        try:
            backend = self._connect()
        except Exception as error:  # noqa: BLE001 - whatever a third party's set-up raises
            return fail(DeliveryOutcome.DEFERRED, describe(error))
        if self._session is not None:
            return self._session.deliver(sender=sender, recipient=recipient, content=content)
        if message.return_path and uses_return_path(backend):
            mail.envelope_sender = message.return_path  # type: ignore[attr-defined]
        if getattr(backend, "esp_name", "") in _REPORTING_SERVICES:
            name = message.message_id.strip("<>").partition("@")[0]
            mail.metadata = {REPORTED_ID: name}  # type: ignore[attr-defined]
        return _send_through(backend, mail)

    def _connect(self) -> BaseEmailBackend:
        if self._backend is None:
            backend: BaseEmailBackend = get_connection(fail_silently=False)
            if isinstance(backend, smtp.EmailBackend):
                backend.timeout = backend.timeout or _TIMEOUT_SECONDS
                self._session = SmtpSession(backend)
            self._backend = backend
        if self._session is None:
            self._backend.open()
        return self._backend


def build(message: Message) -> EmailMultiAlternatives:
    """Return Django's email: always a text part, and HTML where there is some. Line breaks in
    headers are collapsed; Django adds the date.
    """
    headers = {
        name: rendering.header_text(value)
        for name, value in message.headers.items()
        if name.lower() != "message-id"
    }
    headers["Message-ID"] = f"<{rendering.header_text(message.message_id).strip('<>')}>"
    reply_to = rendering.header_text(message.reply_to)
    mail = EmailMultiAlternatives(
        subject=rendering.header_text(message.subject),
        body=message.text,
        from_email=rendering.header_text(message.sender),
        to=[message.recipient],
        reply_to=[reply_to] if reply_to else None,
        headers=headers,
    )
    if message.html:
        mail.attach_alternative(message.html, "text/html")
    return mail


def uses_return_path(backend: BaseEmailBackend) -> bool:
    """Tell whether mail through a backend has the envelope sender that RETURN_PATH sets."""
    if isinstance(backend, smtp.EmailBackend):
        return True
    return getattr(backend, "esp_name", "") in _WITH_RETURN_PATH


def is_allowed(address: str, allow: Sequence[str]) -> bool:
    """Tell whether EMAIL_ALLOW allows an address; an empty list allows all. An entry is one
    address, or a domain without its subdomains (`example.com`, `@example.com`).
    """
    if not allow:
        return True
    key = key_of(address)
    domain = key.rpartition("@")[2]
    for entry in allow:
        wanted = entry.strip()
        if "@" in wanted.removeprefix("@"):
            if key_of(wanted) == key:
                return True
        elif domain and key_of(f"a@{wanted.removeprefix('@')}") == f"a@{domain}":
            return True
    return False


def _send_through(backend: BaseEmailBackend, mail: EmailMultiAlternatives) -> Delivery:
    try:
        count = backend.send_messages([mail])
    except Exception as error:  # noqa: BLE001 - each backend raises its own
        if isinstance(backend, _LOCAL_BACKENDS):
            return fail(DeliveryOutcome.DEFERRED, describe(error))
        return _judge(error)
    if not count:
        return fail(DeliveryOutcome.UNKNOWN, "The email backend says that it sent nothing.")
    return Delivery(DeliveryOutcome.SENT)


def _judge(error: Exception) -> Delivery:
    """Return the meaning of a backend's error; anymail's have known attributes."""
    status = getattr(error, "status_code", None)
    if not isinstance(status, int):
        status = getattr(getattr(error, "response", None), "status_code", None)
    code = status if isinstance(status, int) else None
    outcome = DeliveryOutcome.UNKNOWN
    if code in _RETRIED_STATUSES:
        outcome = DeliveryOutcome.DEFERRED
    elif code in _REFUSED_STATUSES:
        outcome = DeliveryOutcome.REFUSED
    if _REFUSING_ERRORS.intersection(each.__name__ for each in type(error).__mro__):
        outcome = DeliveryOutcome.REFUSED
    return fail(outcome, describe(error), code=code)


def _envelope(text: str) -> str:
    """Return a header's address for SMTP, or raise ValueError. A sender such as `root@localhost` is
    invalid for subscribers, but a server may accept it.
    """
    address = parseaddr(text)[1]
    try:
        return addresses.parse(address).mailbox
    except addresses.InvalidAddress:
        is_plain = address.isascii() and address.isprintable() and not set(address) & set(" <>")
        if "@" not in address or not is_plain:
            raise
        return address


def key_of(text: str) -> str:
    """Return an address's key, also for stored text that is no valid address."""
    try:
        return addresses.parse(text).key
    except addresses.InvalidAddress:
        return text.strip().lower()
