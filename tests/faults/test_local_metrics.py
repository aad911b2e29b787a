"""`/metrics` without a token, over real sockets: for this machine alone, not for its proxies."""

import socket

import pytest

from tests.support.running import Start

pytestmark = pytest.mark.live

PROXIED = (
    b"HTTP/1.1\r\nHost: 127.0.0.1\r\nForwarded: for=192.0.2.1",
    b"HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Real-IP: 192.0.2.1",
    b"HTTP/1.1\r\nHost: 127.0.0.1\r\nVia: 1.1 proxy",
    b"HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Forwarded-Proto: https",
    b"HTTP/1.1\r\nHost: mail.example.com",
    # What nginx sends by a bare `proxy_pass`.
    b"HTTP/1.0\r\nHost: 127.0.0.1\r\nConnection: close",
)


def test_no_proxy_of_this_machine_publishes_the_metrics(
    environment: dict[str, str], start: Start
) -> None:
    environment["ALLOWED_HOSTS"] = "mail.example.com"
    running = start()
    running.wait_until_it_runs()

    def status(request: bytes) -> bytes:
        with socket.create_connection(("127.0.0.1", running.port), timeout=30) as connection:
            connection.sendall(b"GET /metrics " + request + b"\r\n\r\n")
            return connection.recv(64).split()[1]

    assert status(b"HTTP/1.1\r\nHost: 127.0.0.1") == b"200"
    assert status(b"HTTP/1.1\r\nHost: localhost:8000") == b"200"
    assert [status(each) for each in PROXIED] == [b"404"] * len(PROXIED)
