"""One SMTP connection for many mails, taken step by step so that every outcome is exact.

smtplib's `sendmail` tells a connection that was lost before the message from one lost after it by
nothing. Here MAIL, RCPT and DATA are separate: until the server asks for the message (354) it was
certainly not accepted, and from then on only the server's answer says what became of it.
"""

import contextlib
import re
import smtplib
from dataclasses import replace

from django.core.mail.backends.smtp import EmailBackend

from subscribers.services.outbox import refusals
from subscribers.services.outbox.outcomes import Delivery, DeliveryOutcome, describe, fail

_LINE_BREAK = re.compile(rb"\r\n|\r|\n")
_LEADING_DOT = re.compile(rb"(?m)^\.")
# RFC 5321, 4.2.1: the first digit says how a reply is meant.
_SUCCESSES = range(200, 300)
_REFUSALS = range(400, 600)
_PERMANENT = range(500, 600)
# RFC 5321, 3.8: the server is about to close the connection.
_CLOSING = 421
_START_MAIL_INPUT = 354
_TOO_LARGE = 552
# Refusals of this session, not of a person: wrong order, and the log-in (RFC 4954, 6).
_SESSION_CODES = frozenset({503, 530, 534, 535, 538})
_QUIT_SECONDS = 2.0


class SmtpSession:
    """Opens when the first mail comes; an error that leaves the connection in doubt closes it."""

    def __init__(self, backend: EmailBackend) -> None:
        """Take over a backend of Django's, with its host, log-in, TLS and time-out."""
        self._backend = backend

    def deliver(self, *, sender: str, recipient: str, content: bytes) -> Delivery:
        """Hand over one message; a fault of the network is an outcome and raises nothing.

        Addresses are ASCII, without angle brackets; the message may have any line breaks.
        A connection that the server dropped since the mail before is opened again, once.
        """
        data = _as_data(content)
        is_reused = self._backend.connection is not None
        failure = self._begin(sender=sender, data=data)
        if failure and is_reused and self._backend.connection is None:
            failure = self._begin(sender=sender, data=data)
        return failure or self._hand_over(recipient=recipient, data=data)

    def close(self) -> None:
        """Say goodbye and close; a server that does not answer is left after two seconds."""
        connection = self._backend.connection
        if connection is not None:
            with contextlib.suppress(OSError):
                if connection.sock is not None:
                    connection.sock.settimeout(_QUIT_SECONDS)
                connection.quit()
        self._drop()

    def _begin(self, *, sender: str, data: bytes) -> Delivery | None:
        """Open the connection where there is none, and begin a mail; returns the failure."""
        try:
            connection = self._open()
        # A host that is no name raises a UnicodeError.
        except (OSError, UnicodeError) as error:
            self._drop()
            # Whatever the server greets with, it says nothing about this mail.
            return replace(_defer(error), is_unreachable=True)
        try:
            options = []
            if connection.does_esmtp and connection.has_extn("size"):
                options.append(f"SIZE={len(data)}")
            if connection.does_esmtp and connection.has_extn("8bitmime") and not data.isascii():
                options.append("BODY=8BITMIME")
            code, text = connection.mail(sender, options)
        except OSError as error:
            self._drop()
            return _defer(error)
        if code in _SUCCESSES:
            return None
        self._reset(code)
        # What else is said here is about the sender or the log-in: for the operator to put right.
        outcome = DeliveryOutcome.REFUSED if code == _TOO_LARGE else DeliveryOutcome.DEFERRED
        return _refuse(outcome, code, text)

    def _hand_over(self, *, recipient: str, data: bytes) -> Delivery:
        try:
            connection = self._open()
            code, text = connection.rcpt(recipient)
            if code not in _SUCCESSES:
                self._reset(code)
                return _judge_recipient(code, text)
            code, text = connection.docmd("DATA")
        except OSError as error:
            self._drop()
            return _defer(error)
        if code != _START_MAIL_INPUT:
            self._reset(code)
            return _judge(code, text)
        try:
            connection.send(data)
            code, text = connection.getreply()
        except OSError as error:
            self._drop()
            return fail(
                DeliveryOutcome.UNKNOWN, f"No answer came to the message: {_describe(error)}"
            )
        if code in _SUCCESSES:
            return Delivery(DeliveryOutcome.SENT, code=code)
        if code not in _REFUSALS:
            self._drop()
            return fail(DeliveryOutcome.UNKNOWN, f"The answer makes no sense: {_line(code, text)}")
        self._reset(code)
        return _judge(code, text)

    def _open(self) -> smtplib.SMTP:
        """Return the connection, ready for a mail; raises OSError."""
        if self._backend.connection is None:
            self._backend.open()
        connection = self._backend.connection
        if connection is None:
            raise smtplib.SMTPServerDisconnected("The connection did not open.")
        connection.ehlo_or_helo_if_needed()
        return connection

    def _reset(self, code: int) -> None:
        """Make the connection ready for the next mail, or close it."""
        connection = self._backend.connection
        if connection is None or code == _CLOSING or code not in _REFUSALS:
            self._drop()
            return
        try:
            reply, _ = connection.rset()
        except OSError:
            self._drop()
        else:
            if reply not in _SUCCESSES:
                self._drop()

    def _drop(self) -> None:
        """Close without a word; where the log-in failed, Django keeps the connection elsewhere."""
        for name in ("connection", "_partial_connection"):
            connection = getattr(self._backend, name, None)
            if connection is not None:
                with contextlib.suppress(OSError):
                    connection.close()
                setattr(self._backend, name, None)


def _as_data(content: bytes) -> bytes:
    """Return a message as DATA carries it: CRLF alone ends lines, and no line can end the data."""
    lines = _LINE_BREAK.sub(b"\r\n", content).removesuffix(b"\r\n")
    return _LEADING_DOT.sub(b"..", lines) + b"\r\n.\r\n"


def _judge_recipient(code: int, text: bytes) -> Delivery:
    """Return what the refusal of a recipient means."""
    said = text.decode("utf-8", "replace")
    is_bad = refusals.is_of_recipient(code=code, text=said)
    return replace(_judge(code, text), is_bad_recipient=is_bad)


def _judge(code: int, text: bytes) -> Delivery:
    """Return what a refusal of a recipient or a message means."""
    is_permanent = code in _PERMANENT and code not in _SESSION_CODES
    outcome = DeliveryOutcome.REFUSED if is_permanent else DeliveryOutcome.DEFERRED
    return _refuse(outcome, code, text)


def _refuse(outcome: DeliveryOutcome, code: int, text: bytes) -> Delivery:
    # smtplib says -1 for a line that is no reply.
    return fail(outcome, _line(code, text), code=code if code > 0 else None)


def _defer(error: Exception) -> Delivery:
    code = error.smtp_code if isinstance(error, smtplib.SMTPResponseException) else None
    return fail(DeliveryOutcome.DEFERRED, _describe(error), code=code)


def _describe(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        return _line(error.smtp_code, error.smtp_error)
    return describe(error)


def _line(code: int, text: bytes | str) -> str:
    return f"{code} {text.decode('utf-8', 'replace') if isinstance(text, bytes) else text}"
