"""One SMTP connection for many emails, driven step by step so that every outcome is exact.

smtplib's `sendmail` does not say whether a connection was lost before or after the message. Here
MAIL, RCPT and DATA are separate: until the server asks for the message (354) it was certainly not
accepted; from then on only the server's answer decides.
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
# RFC 5321, 4.2.1: the first digit is the kind of reply.
_SUCCESSES = range(200, 300)
_REFUSALS = range(400, 600)
_PERMANENT = range(500, 600)
# RFC 5321, 3.8: the server is about to close the connection.
_CLOSING = 421
_START_MAIL_INPUT = 354
_TOO_LARGE = 552
# Refusals of the session, not the recipient: wrong order, and the log-in (RFC 4954, 6).
_SESSION_CODES = frozenset({503, 530, 534, 535, 538})
_QUIT_SECONDS = 2.0


class SmtpSession:
    """Opens with the first email; an error that leaves the connection in doubt closes it."""

    def __init__(self, backend: EmailBackend) -> None:
        self._backend = backend

    def deliver(self, *, sender: str, recipient: str, content: bytes) -> Delivery:
        """Send one message; a network fault is an outcome and raises nothing. Addresses are ASCII,
        without angle brackets; the message may have any line breaks. A reused connection that the
        server dropped is opened again, once.
        """
        data = _as_data(content)
        is_reused = self._backend.connection is not None
        failure = self._begin(sender=sender, data=data)
        if failure and is_reused and self._backend.connection is None:
            failure = self._begin(sender=sender, data=data)
        return failure or self._hand_over(recipient=recipient, data=data)

    def close(self) -> None:
        """Send QUIT and close; waits two seconds at most."""
        connection = self._backend.connection
        if connection is not None:
            with contextlib.suppress(OSError):
                if connection.sock is not None:
                    connection.sock.settimeout(_QUIT_SECONDS)
                connection.quit()
        self._drop()

    def _begin(self, *, sender: str, data: bytes) -> Delivery | None:
        """Connect if needed, and begin an email; returns the failure."""
        try:
            connection = self._open()
        # A host that is no name raises a UnicodeError.
        except (OSError, UnicodeError) as error:
            self._drop()
            # The greeting says nothing about this email.
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
        # Other refusals are about the sender or the log-in, which the operator must correct.
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
        """Return the connection, ready for an email; raises OSError."""
        if self._backend.connection is None:
            self._backend.open()
        connection = self._backend.connection
        if connection is None:
            raise smtplib.SMTPServerDisconnected("The connection did not open.")
        connection.ehlo_or_helo_if_needed()
        return connection

    def _reset(self, code: int) -> None:
        """Prepare the connection for the next email, or close it."""
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
        """Close without QUIT, also a connection whose log-in failed (`_partial_connection`)."""
        for name in ("connection", "_partial_connection"):
            connection = getattr(self._backend, name, None)
            if connection is not None:
                with contextlib.suppress(OSError):
                    connection.close()
                setattr(self._backend, name, None)


def _as_data(content: bytes) -> bytes:
    """Return a message as DATA has it: only CRLF ends lines, and no line can end the data."""
    lines = _LINE_BREAK.sub(b"\r\n", content).removesuffix(b"\r\n")
    return _LEADING_DOT.sub(b"..", lines) + b"\r\n.\r\n"


def _judge_recipient(code: int, text: bytes) -> Delivery:
    is_bad = refusals.is_of_recipient(code=code, text=text.decode("utf-8", "replace"))
    return replace(_judge(code, text), is_bad_recipient=is_bad)


def _judge(code: int, text: bytes) -> Delivery:
    is_permanent = code in _PERMANENT and code not in _SESSION_CODES
    outcome = DeliveryOutcome.REFUSED if is_permanent else DeliveryOutcome.DEFERRED
    return _refuse(outcome, code, text)


def _refuse(outcome: DeliveryOutcome, code: int, text: bytes) -> Delivery:
    # smtplib returns -1 for a line that is no reply.
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
