"""How a connection to a mail server is protected, and where a password may go.

The servers are real ones, on a loopback address and on another one of this machine.
"""

import contextlib
import socket
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from pytest_django.fixtures import Settings

from config import mail_env
from subscribers.services.outbox import probe
from subscribers.services.outbox.delivery import Delivery, DeliveryOutcome, Mailer
from tests.support.ports import free_port
from tests.support.smtp_servers import message

LOOPBACK = "127.0.0.1"
PASSWORD = b"hunter2"


class Server:
    """What an SMTP server saw: mails, and how the connection was protected then."""

    def __init__(self) -> None:
        self.passwords: list[tuple[bytes, bool]] = []
        self.mails: list[bool] = []
        self.peers: set[object] = set()

    def authenticate(self, server: SMTP, _session: Any, _: Any, __: str, given: Any) -> AuthResult:
        assert isinstance(given, LoginPassword)
        self.passwords.append((given.password, is_encrypted(server)))
        return AuthResult(success=given.password == PASSWORD)

    async def handle_DATA(self, server: SMTP, session: Session, _: Envelope) -> str:  # noqa: N802 - its name in aiosmtpd
        self.peers.add(session.peer)
        self.mails.append(is_encrypted(server))
        return "250 taken"


def is_encrypted(server: SMTP) -> bool:
    assert server.transport is not None
    return server.transport.get_extra_info("sslcontext") is not None


@pytest.fixture(scope="module")
def other_address() -> str:
    """An address of this machine that is not a loopback one; nothing is sent to find it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probing, contextlib.suppress(OSError):
        probing.connect(("198.51.100.1", 9))
        address: str = probing.getsockname()[0]
        if not address.startswith("127."):
            return address
    pytest.skip("NOT TRIED: this machine has no address but the loopback one")


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def certificate(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(LOOPBACK).configure_cert(context)
    return context


@contextlib.contextmanager
def serving(host: str, tls: ssl.SSLContext | None = None) -> Iterator[tuple[Server, int]]:
    """Run a server that offers AUTH, and STARTTLS where it has a certificate."""
    server = Server()
    port = free_port()
    controller = Controller(
        server,
        hostname=host,
        port=port,
        tls_context=tls,
        auth_require_tls=False,
        authenticator=server.authenticate,
    )
    controller.start()
    try:
        yield server, port
    finally:
        controller.stop()


@pytest.fixture
def sending(
    monkeypatch: pytest.MonkeyPatch, settings: Settings, tmp_path: Path
) -> Callable[..., list[Delivery]]:
    """Sends mails as an EMAIL_URL says."""

    def send(url: str, *, mails: int = 1) -> list[Delivery]:
        monkeypatch.setenv("EMAIL_URL", url)
        for name, value in mail_env.read_email("EMAIL_URL", default_folder=tmp_path).items():
            setattr(settings, name, value)
        settings.EMAIL_TIMEOUT = 5
        with Mailer() as mailer:
            return [mailer.send(message(message_id=f"<{each}@x.io>")) for each in range(mails)]

    return send


def outcomes(deliveries: list[Delivery]) -> list[DeliveryOutcome]:
    return [each.outcome for each in deliveries]


def test_starttls_is_used_where_it_is_offered_whatever_the_certificate(
    sending: Callable[..., list[Delivery]], authority: trustme.CA
) -> None:
    with serving(LOOPBACK, certificate(authority)) as (server, port):
        sent = sending(f"smtp://user:hunter2@{LOOPBACK}:{port}", mails=3)
        probed = probe.probe()

    assert outcomes(sent) == [DeliveryOutcome.SENT] * 3
    assert server.mails == [True] * 3
    assert set(server.passwords) == {(PASSWORD, True)}
    assert len(server.peers) == 1
    assert probed.fault == ""
    assert "nobody checks" in probed.protection


def test_a_relay_of_this_machine_needs_no_certificate(
    sending: Callable[..., list[Delivery]],
) -> None:
    with serving(LOOPBACK) as (server, port):
        sent = sending(f"smtp://user:hunter2@{LOOPBACK}:{port}")
        probed = probe.probe()

    assert outcomes(sent) == [DeliveryOutcome.SENT]
    assert server.mails == [False]
    assert server.passwords[0] == (PASSWORD, False)
    assert "in clear" in probed.protection


def test_a_password_never_goes_to_another_host_in_clear(
    sending: Callable[..., list[Delivery]], other_address: str
) -> None:
    with serving(other_address) as (server, port):
        (refused,) = sending(f"smtp://user:hunter2@{other_address}:{port}")
        probed = probe.probe()

    assert (refused.outcome, refused.is_unreachable) == (DeliveryOutcome.DEFERRED, True)
    assert "offers no TLS" in refused.error
    assert "tls=off" in refused.error
    assert probed.fault == refused.error
    assert (server.passwords, server.mails) == ([], [])


def test_another_host_gets_the_password_through_tls(
    sending: Callable[..., list[Delivery]], authority: trustme.CA, other_address: str
) -> None:
    with serving(other_address, certificate(authority)) as (server, port):
        sent = sending(f"smtp://user:hunter2@{other_address}:{port}", mails=2)

    assert outcomes(sent) == [DeliveryOutcome.SENT] * 2
    assert server.passwords == [(PASSWORD, True)]
    assert server.mails == [True] * 2


def test_with_tls_off_a_password_goes_in_clear(
    sending: Callable[..., list[Delivery]], authority: trustme.CA, other_address: str
) -> None:
    with serving(other_address, certificate(authority)) as (server, port):
        sent = sending(f"smtp://user:hunter2@{other_address}:{port}?tls=off")

    assert outcomes(sent) == [DeliveryOutcome.SENT]
    assert (server.passwords, server.mails) == ([(PASSWORD, False)], [False])


def test_without_a_password_mail_goes_to_another_host_in_clear(
    sending: Callable[..., list[Delivery]], other_address: str
) -> None:
    with serving(other_address) as (server, port):
        sent = sending(f"smtp://{other_address}:{port}")

    assert outcomes(sent) == [DeliveryOutcome.SENT]
    assert server.mails == [False]


@pytest.mark.parametrize("word", ["true", "1", "yes", "on", "TRUE"])
def test_tls_that_is_demanded_checks_the_certificate(
    sending: Callable[..., list[Delivery]], authority: trustme.CA, word: str
) -> None:
    with serving(LOOPBACK, certificate(authority)) as (server, port):
        (refused,) = sending(f"smtp://user:hunter2@{LOOPBACK}:{port}?tls={word}")

    assert refused.outcome == DeliveryOutcome.DEFERRED
    assert "certificate verify failed" in refused.error
    assert (server.passwords, server.mails) == ([], [])


def test_tls_that_is_demanded_takes_a_certificate_that_is_trusted(
    sending: Callable[..., list[Delivery]],
    authority: trustme.CA,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    trusted = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(str(trusted))
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))

    with serving(LOOPBACK, certificate(authority)) as (server, port):
        sent = sending(f"smtp://user:hunter2@{LOOPBACK}:{port}?tls=true")
        probed = probe.probe()

    assert outcomes(sent) == [DeliveryOutcome.SENT]
    assert server.mails == [True]
    assert "was checked" in probed.protection


def test_tls_that_is_demanded_and_not_offered_sends_nothing(
    sending: Callable[..., list[Delivery]],
) -> None:
    with serving(LOOPBACK) as (server, port):
        (refused,) = sending(f"smtp://user:hunter2@{LOOPBACK}:{port}?tls=true")

    assert "STARTTLS" in refused.error
    assert (server.passwords, server.mails) == ([], [])


def test_tls_that_fails_sends_nothing_and_names_the_way_out(
    sending: Callable[..., list[Delivery]],
) -> None:
    # Without a certificate the server can agree on nothing.
    with serving(LOOPBACK, ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)) as (server, port):
        (refused,) = sending(f"smtp://{LOOPBACK}:{port}")

    assert refused.outcome == DeliveryOutcome.DEFERRED
    assert "STARTTLS failed" in refused.error
    assert "tls=off" in refused.error
    assert server.mails == []
