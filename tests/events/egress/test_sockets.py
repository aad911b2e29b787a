"""TLS and the deadline of outgoing calls, against real servers on this machine."""

import contextlib
import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from events.egress import calls as egress
from events.egress import sockets
from tests.support.web_servers import NAME, Receiver, call, listen, serve


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A throw-away key and certificate for two names, in one file."""
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    names = f"subjectAltName=DNS:{NAME},DNS:xn--bcher-kva.example.com"
    made = subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-nodes", "-days", "2", "-subj", "/CN=test", "-addext", names, "-keyout", "-"),
        ],
        check=True,
        capture_output=True,
        timeout=60,
    )
    path.write_bytes(made.stdout)
    return path


@pytest.fixture
def server_tls(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


@pytest.fixture
def trusted(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    sockets._tls_context.cache_clear()
    yield
    sockets._tls_context.cache_clear()


def test_tls_goes_to_the_resolved_address_with_the_name_in_sni_and_host(
    server_tls: ssl.SSLContext, trusted: None
) -> None:
    with serve(Receiver(), tls=server_tls) as receiver:
        answer = call(f"https://{NAME}:{receiver.port}/")

    assert answer.body == b"thanks"
    assert receiver.names == [NAME]
    assert receiver.asked[0][1]["Host"] == f"{NAME}:{receiver.port}"


def test_an_international_name_is_sent_in_its_ascii_form(
    server_tls: ssl.SSLContext, trusted: None
) -> None:
    asked: list[str] = []

    def resolve(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"]

    with serve(Receiver(), tls=server_tls) as receiver:
        call(f"https://Bücher.example.com:{receiver.port}/", resolve=resolve)

    assert asked == receiver.names == ["xn--bcher-kva.example.com"]
    assert receiver.asked[0][1]["Host"] == f"xn--bcher-kva.example.com:{receiver.port}"


def test_a_certificate_for_another_name_is_refused(
    server_tls: ssl.SSLContext, trusted: None
) -> None:
    with (
        serve(Receiver(), tls=server_tls) as receiver,
        pytest.raises(egress.CallFailed, match=r"The certificate of other.example.com .*mismatch"),
    ):
        call(f"https://other.example.com:{receiver.port}/")

    assert receiver.asked == []


def test_a_certificate_that_nobody_vouches_for_is_refused(server_tls: ssl.SSLContext) -> None:
    sockets._tls_context.cache_clear()

    with (
        serve(Receiver(), tls=server_tls) as receiver,
        pytest.raises(egress.CallFailed, match=r"certificate of hooks.example.com is not valid"),
    ):
        call(f"https://{NAME}:{receiver.port}/")

    assert receiver.asked == []


def test_a_server_without_tls_gives_no_answer_to_https() -> None:
    with (
        serve(Receiver()) as receiver,
        pytest.raises(egress.CallFailed, match=r"No TLS connection with hooks.example.com"),
    ):
        call(f"https://{NAME}:{receiver.port}/")


def test_the_next_address_is_tried_when_the_first_refuses() -> None:
    with serve(Receiver()) as receiver:
        answer = call(
            f"http://{NAME}:{receiver.port}/",
            resolve=lambda _host, _port: ["127.0.0.9", "127.0.0.1"],
        )

    assert answer.status == 200


def drip_body(connection: socket.socket) -> None:
    connection.recv(65536)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    for _ in range(60):
        connection.sendall(b"x")
        time.sleep(0.05)


def drip_headers(connection: socket.socket) -> None:
    connection.recv(65536)
    connection.sendall(b"HTTP/1.1 200 OK\r\nX-Long: ")
    for _ in range(60):
        connection.sendall(b"x")
        time.sleep(0.05)


def go_on_and_on(connection: socket.socket) -> None:
    connection.recv(65536)
    for _ in range(60):
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        time.sleep(0.05)


def say_nothing(connection: socket.socket) -> None:
    with contextlib.suppress(TimeoutError):
        connection.settimeout(3)
        while connection.recv(65536):
            pass


@pytest.mark.parametrize("converse", [drip_body, drip_headers, go_on_and_on, say_nothing])
def test_a_slow_server_holds_no_longer_than_the_deadline(
    converse: Callable[[socket.socket], None],
) -> None:
    began = time.monotonic()

    with (
        listen(converse) as port,
        pytest.raises(egress.CallFailed, match=r"no whole answer within 0.5 seconds"),
    ):
        call(f"http://{NAME}:{port}/", timeout_seconds=0.5)

    assert time.monotonic() - began < 2.5


def test_a_body_that_drips_over_tls_holds_no_longer_either(
    server_tls: ssl.SSLContext, trusted: None
) -> None:
    def drip(connection: socket.socket) -> None:
        with server_tls.wrap_socket(connection, server_side=True) as wrapped:
            drip_body(wrapped)

    began = time.monotonic()

    with listen(drip) as port, pytest.raises(egress.CallFailed, match="no whole answer within"):
        call(f"https://{NAME}:{port}/", timeout_seconds=0.5)

    assert time.monotonic() - began < 2.5


def test_a_handshake_that_never_comes_holds_no_longer_either() -> None:
    began = time.monotonic()

    with (
        listen(say_nothing) as port,
        pytest.raises(egress.CallFailed, match="no whole answer within"),
    ):
        call(f"https://{NAME}:{port}/", timeout_seconds=0.5)

    assert time.monotonic() - began < 2.5


def take_nothing(connection: socket.socket) -> None:
    time.sleep(1.5)


def test_a_body_that_nobody_takes_holds_no_longer_either() -> None:
    began = time.monotonic()

    with (
        listen(take_nothing) as port,
        pytest.raises(egress.CallFailed, match="no whole answer within"),
    ):
        call(f"http://{NAME}:{port}/", body=b"x" * 30_000_000, timeout_seconds=0.5)

    assert time.monotonic() - began < 2.5


def test_a_connection_that_hangs_holds_no_longer_either() -> None:
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        # A full queue of connections makes the kernel leave the next ones unanswered.
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.settimeout(0)
            waiting.connect_ex(server.getsockname())
        began = time.monotonic()

        with pytest.raises(egress.CallFailed, match=r"no whole answer within 0.5 seconds"):
            call(f"http://{NAME}:{server.getsockname()[1]}/", timeout_seconds=0.5)

        assert 0.4 < time.monotonic() - began < 2.5
