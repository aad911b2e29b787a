"""SMTP connections that read a bounded reply. smtplib bounds a line and the wait for each packet,
but neither the lines nor the seconds of a reply, so that a server could fill the memory or hold the
worker.
"""

import io
import smtplib
import socket
import time
from typing import Any

# RFC 5321, 4.5.3.1.5: a line has 512 octets. The longest replies, to EHLO, have a few dozen lines.
MOST_BYTES = 64 * 1024
# For a connection without a time-out.
_MOST_SECONDS = 60.0


class EndlessReply(smtplib.SMTPException):
    """The server's reply did not end within the bytes or seconds that a reply may have."""

    def __init__(self, limit: str) -> None:
        super().__init__(f"The mail server's reply did not end within {limit}.")


class _Replies(io.RawIOBase):
    """What a server sends. A whole reply takes no longer than the socket's time-out."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    def begin(self) -> None:
        self._left = MOST_BYTES
        self._seconds = self._sock.gettimeout() or _MOST_SECONDS
        self._ends_at = time.monotonic() + self._seconds

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401 - a WriteableBuffer, of typeshed alone
        if self._left <= 0:
            raise EndlessReply(f"{MOST_BYTES // 1024} KiB")
        try:
            self._sock.settimeout(max(self._ends_at - time.monotonic(), 0.001))
            count = self._sock.recv_into(buffer)
        except TimeoutError as error:
            if self._left == MOST_BYTES:
                raise
            raise EndlessReply(f"{self._seconds:g} seconds") from error
        finally:
            self._sock.settimeout(self._seconds)
        self._left -= count
        return count


class Smtp(smtplib.SMTP):
    """Raises `EndlessReply`, which closes the connection."""

    _replies: _Replies

    def getreply(self) -> tuple[int, bytes]:
        if self.file is None and self.sock is not None:
            self._replies = _Replies(self.sock)
            self.file = io.BufferedReader(self._replies)
        if self.file is not None:
            self._replies.begin()
        try:
            return super().getreply()
        except smtplib.SMTPServerDisconnected as error:
            # smtplib packs every fault of the socket into this one.
            if isinstance(error.__context__, EndlessReply):
                raise error.__context__ from None
            raise


class SmtpOverTls(Smtp, smtplib.SMTP_SSL):
    pass
