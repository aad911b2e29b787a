"""Django's SMTP backend, which also encrypts where nobody demands it, and bounds replies.

`SMTP_TLS` says how a connection that begins in clear goes on (`config.mail_env`): `offered` uses
STARTTLS where the server offers it, with any certificate, so that a local relay needs none;
`checked` demands it with a valid certificate; `off` never uses it.
"""

import contextlib
import ipaddress
import smtplib
import ssl

from django.conf import settings
from django.core.mail.backends import smtp

from subscribers.services.outbox import smtp_replies

NO_TLS = (
    "the server offers no TLS, so the password was not sent. Let EMAIL_URL begin with smtps://, or "
    "allow the password in clear with ?tls=off"
)
BAD_TLS = "STARTTLS failed ({}). Mail leaves in clear with ?tls=off in EMAIL_URL"


class PasswordInClear(smtplib.SMTPException):
    """The log-in to another host would not be encrypted: the server has no TLS, or somebody on the
    way removed its offer.
    """


class EmailBackend(smtp.EmailBackend):
    _partial_connection: smtplib.SMTP | None

    @property
    def connection_class(self) -> type[smtplib.SMTP]:
        return smtp_replies.SmtpOverTls if self.use_ssl else smtp_replies.Smtp

    def open(self) -> bool | None:
        """As Django's; raises `PasswordInClear` before a password leaves this machine in clear."""
        mode = getattr(settings, "SMTP_TLS", "offered")
        if self.connection is not None or self.use_ssl or self.use_tls or mode == "off":
            return super().open()
        connection = self._connect()
        if connection is None:
            return None
        _encrypt_if_offered(connection)
        if self.username and self.password:
            if not is_encrypted(connection) and not _is_on_this_machine(connection):
                raise PasswordInClear(NO_TLS)
            connection.login(self.username, self.password)
        self.connection, self._partial_connection = connection, None
        return True

    @property
    def protection(self) -> str:
        """How the open connection is protected, in words."""
        connection = self.connection
        if connection is None or not is_encrypted(connection):
            return "mail goes there in clear"
        if self.use_ssl or self.use_tls:
            return "encrypted, with a certificate that was checked"
        return "encrypted, with a certificate that nobody checks (?tls=true in EMAIL_URL does)"

    def _connect(self) -> smtplib.SMTP | None:
        """Connect without a log-in; unfinished, as Django's own `open` keeps a connection then."""
        username, self.username = self.username, ""
        try:
            super().open()
        finally:
            self.username = username
        self._partial_connection, self.connection = self.connection, None
        return self._partial_connection


def is_encrypted(connection: smtplib.SMTP) -> bool:
    return isinstance(connection.sock, ssl.SSLSocket)


def _encrypt_if_offered(connection: smtplib.SMTP) -> None:
    connection.ehlo_or_helo_if_needed()
    if not connection.has_extn("starttls"):
        return
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        # A server that refuses for now (454) goes on in clear.
        with contextlib.suppress(smtplib.SMTPResponseException):
            connection.starttls(context=context)
    except ssl.SSLError as error:
        raise smtplib.SMTPException(BAD_TLS.format(error.reason or error)) from error


def _is_on_this_machine(connection: smtplib.SMTP) -> bool:
    if connection.sock is None:
        return False
    return ipaddress.ip_address(connection.sock.getpeername()[0].partition("%")[0]).is_loopback
