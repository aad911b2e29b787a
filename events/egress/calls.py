"""Outgoing HTTP calls to URLs that users typed; they cannot reach this network itself.

The name is resolved once, every address of it must be public, and the connection goes to one of
those. Redirects are answers; there are no proxies and no retries. `targets` decides what is public,
`sockets` keeps the deadline.
"""

import hashlib
import hmac
import http.client
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from queue import Empty, SimpleQueue

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection

from events.egress.sockets import make_connection, seconds_left
from events.egress.targets import Target, UnsafeAddress, check_url, is_public, parse

__all__ = ["Answer", "CallFailed", "Resolve", "UnsafeAddress", "call", "check_url", "sign"]

# Given a name and a port, returns IP addresses as text; raises OSError.
Resolve = Callable[[str, int], Sequence[str]]

_MOST_ADDRESSES_TRIED = 4
# The call sets these itself; with a second value two readers could see two requests.
_OWN_HEADERS = frozenset({"host", "connection", "content-length", "transfer-encoding"})


class CallFailed(Exception):
    """No readable answer came; the server may have received the call all the same."""

    code = "CALL_FAILED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A server's answer: any status, the body as it was sent, and the time of the whole call."""

    status: int
    body: bytes
    milliseconds: int = 0
    # The header `Retry-After`, as it was sent.
    retry_after: str = ""


def resolve_by_system(host: str, port: int) -> Sequence[str]:
    """Return a name's addresses as the system's resolver orders them."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]


def call(
    *,
    url: str,
    method: str = "POST",
    body: bytes,
    headers: Mapping[str, str],
    allow_private: bool = False,
    resolve: Resolve = resolve_by_system,
    timeout_seconds: float = 5.0,
    most_bytes: int = 65536,
) -> Answer:
    """Send one request and return the answer, whatever its status; a redirect is not followed.

    Raises `UnsafeAddress` before anything is sent, and `CallFailed`. `timeout_seconds` limits
    resolving, connecting, sending and reading together. At most `most_bytes` + 1 bytes of the
    answer's body are read: a longer one is a failure. `allow_private`, for development and tests,
    permits http and addresses that are not public.
    """
    target = parse(url, allow_private=allow_private)
    began = time.monotonic()
    ends_at = began + timeout_seconds
    try:
        addresses = _find_addresses(
            target, resolve=resolve, allow_private=allow_private, ends_at=ends_at
        )
        connection = make_connection(target, addresses=addresses, ends_at=ends_at)
        try:
            answer = _exchange(
                connection,
                target=target,
                method=method,
                body=body,
                headers=headers,
                most_bytes=most_bytes,
            )
        finally:
            connection.close()
    except (TimeoutError, urllib3.exceptions.TimeoutError) as error:
        raise CallFailed(
            f"{target.host} gave no whole answer within {timeout_seconds:g} seconds."
        ) from error
    except (OSError, http.client.HTTPException, urllib3.exceptions.HTTPError) as error:
        raise CallFailed(_sentence(error, host=target.host)) from error
    elapsed = time.monotonic() - began
    return replace(answer, milliseconds=round(elapsed * 1000))


def sign(*, secret: str, timestamp: int, body: bytes) -> str:
    """Return the signature of a call at `timestamp` (epoch seconds): `v1=` and an HMAC-SHA256."""
    signed = b"v1:%d:%b" % (timestamp, body)
    return f"v1={hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()}"


def _find_addresses(
    target: Target, *, resolve: Resolve, allow_private: bool, ends_at: float
) -> list[str]:
    """Return the addresses to connect to; asks the resolver at most once."""
    if target.is_address:
        return [target.host]
    try:
        found = _ask(resolve, target=target, seconds=seconds_left(ends_at))
        addresses = [ipaddress.ip_address(text) for text in dict.fromkeys(found)]
    except ValueError as error:
        raise CallFailed(f"The name {target.host} has no usable address.") from error
    if not addresses:
        raise CallFailed(f"The name {target.host} has no address.")
    # One address that is not public refuses all: the network chooses which one is used.
    if not (allow_private or all(map(is_public, addresses))):
        raise UnsafeAddress("names a host with an address that is not public.")
    return [str(address) for address in addresses[:_MOST_ADDRESSES_TRIED]]


def _ask(resolve: Resolve, *, target: Target, seconds: float) -> Sequence[str]:
    """Resolve in a thread: the system's resolver has no time limit."""
    outcomes: SimpleQueue[Sequence[str] | OSError | ValueError] = SimpleQueue()

    def ask() -> None:
        try:
            outcomes.put(resolve(target.host, target.port))
        except (OSError, ValueError) as error:
            outcomes.put(error)

    threading.Thread(target=ask, name="resolve", daemon=True).start()
    try:
        outcome = outcomes.get(timeout=seconds)
    except Empty:
        raise CallFailed(f"The name {target.host} was not resolved in time.") from None
    if isinstance(outcome, OSError):
        raise CallFailed(f"The name {target.host} could not be resolved.") from outcome
    if isinstance(outcome, ValueError):
        raise outcome
    return outcome


def _exchange(
    connection: HTTPConnection | HTTPSConnection,
    *,
    target: Target,
    method: str,
    body: bytes,
    headers: Mapping[str, str],
    most_bytes: int,
) -> Answer:
    refused = sorted(name for name in headers if name.lower() in _OWN_HEADERS)
    if refused:
        raise CallFailed(f"The header {refused[0]} cannot be set: it follows from the call.")
    # A certificate's error is a ValueError too, so the connection is opened before the request.
    connection.connect()
    try:
        connection.request(
            method,
            target.path,
            body=body or None,
            headers={**headers, "Connection": "close"},
            preload_content=False,
            decode_content=False,
        )
    except ValueError as error:
        raise CallFailed("A header holds characters that no header can carry.") from error
    response = connection.getresponse()
    # One byte beyond the limit shows that an answer is too long.
    content = response.read(most_bytes + 1, decode_content=False)
    if len(content) > most_bytes:
        raise CallFailed(f"The answer of {target.host} is longer than {most_bytes} bytes.")
    if response.length_remaining:
        raise http.client.IncompleteRead(content, response.length_remaining)
    return Answer(
        status=response.status, body=content, retry_after=response.headers.get("Retry-After", "")
    )


def _sentence(error: Exception, *, host: str) -> str:
    match error:
        case ssl.SSLCertVerificationError():
            return f"The certificate of {host} is not valid: {error.verify_message}."
        case ssl.SSLError():
            return f"No TLS connection with {host}: {error.reason or 'it was closed'}."
        case ConnectionRefusedError():
            return f"{host} refused the connection."
        case http.client.RemoteDisconnected() | ConnectionError():
            return f"{host} closed the connection without an answer."
        case OSError():
            return f"{host} could not be reached: {error.strerror or 'the connection failed'}."
        case _:
            return f"The answer of {host} is no complete HTTP answer."
