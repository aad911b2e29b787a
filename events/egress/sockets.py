"""Connections to resolved addresses, with one deadline for all their calls.

urllib3's timeouts start again with every read, so a server that sends a byte a second could block a
worker without end. These sockets shorten their own timeout before each call.
"""

import socket
import ssl
import time
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from urllib3.connection import HTTPConnection, HTTPSConnection

from events.egress.targets import Target

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer


def seconds_left(ends_at: float) -> float:
    """Return the time until a moment of `time.monotonic()`, or raise `TimeoutError` past it."""
    left = ends_at - time.monotonic()
    if left <= 0:
        raise TimeoutError("The time is up.")
    return left


def make_connection(
    target: Target, *, addresses: Sequence[str], ends_at: float
) -> HTTPConnection | HTTPSConnection:
    """Return an unopened HTTP connection to one of these addresses, with the deadline `ends_at`.

    The certificate, SNI and the Host header use the target's name. Nothing is resolved again, and
    no proxy is used. It raises the errors of sockets, ssl, http.client and urllib3.
    """
    connection_class = _TlsConnection if target.is_tls else _PlainConnection
    return connection_class(target, addresses=addresses, ends_at=ends_at)


class _TimedSocket(socket.socket):
    """A socket whose calls end together by `ends_at`, a moment of `time.monotonic()`."""

    ends_at: float

    def send(self, data: "ReadableBuffer", flags: int = 0, /) -> int:
        self.settimeout(seconds_left(self.ends_at))
        return super().send(data, flags)

    def sendall(self, data: "ReadableBuffer", flags: int = 0, /) -> None:
        self.settimeout(seconds_left(self.ends_at))
        super().sendall(data, flags)

    def recv_into(
        self, buffer: "WriteableBuffer", nbytes: int | None = None, flags: int = 0
    ) -> int:
        self.settimeout(seconds_left(self.ends_at))
        return super().recv_into(buffer, nbytes or memoryview(buffer).nbytes, flags)


class _TimedTlsSocket(_TimedSocket, ssl.SSLSocket):
    """The same with TLS; the handshake has the timeout that it began with."""


class _PlainConnection(HTTPConnection):
    def __init__(self, target: Target, *, addresses: Sequence[str], ends_at: float) -> None:
        super().__init__(target.host, target.port, timeout=seconds_left(ends_at))
        self._addresses = addresses
        self._ends_at = ends_at

    def _new_conn(self) -> socket.socket:
        return _connect(self._addresses, port=self.port, ends_at=self._ends_at)


class _TlsConnection(HTTPSConnection):
    def __init__(self, target: Target, *, addresses: Sequence[str], ends_at: float) -> None:
        super().__init__(
            target.host, target.port, timeout=seconds_left(ends_at), ssl_context=_tls_context()
        )
        self._addresses = addresses
        self._ends_at = ends_at

    def _new_conn(self) -> socket.socket:
        return _connect(self._addresses, port=self.port, ends_at=self._ends_at)

    def connect(self) -> None:
        super().connect()
        if isinstance(self.sock, _TimedTlsSocket):
            self.sock.ends_at = self._ends_at


@lru_cache(maxsize=1)
def _tls_context() -> ssl.SSLContext:
    """Trust what the system trusts; OpenSSL's SSL_CERT_FILE adds an operator's own authority."""
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    context.sslsocket_class = _TimedTlsSocket
    return context


def _connect(addresses: Sequence[str], *, port: int, ends_at: float) -> socket.socket:
    """Connect to the first address that answers; they share the remaining time."""
    failure: OSError = OSError("There is no address.")
    for position, address in enumerate(addresses):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        connected = _TimedSocket(family, socket.SOCK_STREAM)
        connected.ends_at = ends_at
        try:
            connected.settimeout(seconds_left(ends_at) / (len(addresses) - position))
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connected.connect((address, port))
            connected.settimeout(seconds_left(ends_at))
        except OSError as error:
            connected.close()
            failure = error
        else:
            return connected
    raise failure
