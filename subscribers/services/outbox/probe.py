"""Tests the connection to the mail server; sends no email."""

import os
from dataclasses import dataclass
from email.errors import MessageError
from pathlib import Path

from django.core.mail import get_connection
from django.core.mail.backends import filebased, smtp

from subscribers.services.outbox.delivery import uses_return_path
from subscribers.services.outbox.outcomes import describe
from subscribers.templating import mail

SECONDS = 5
_LONGEST_ERROR = 300


@dataclass(frozen=True, slots=True)
class Probe:
    """Where mail goes, in words, and the fault that prevents it; empty without one."""

    destination: str
    fault: str = ""
    # How mail is protected on its way, in words; empty where that is not known.
    protection: str = ""
    # Emails stay on this machine.
    is_local: bool = False
    # Nothing was tried: a service has no connection to test.
    is_untried: bool = False


def probe() -> Probe:
    """Try EMAIL_URL's backend; waits at most five seconds for each answer. Never raises."""
    try:
        backend = get_connection(fail_silently=False)
    except Exception as error:  # noqa: BLE001 - whatever a third party's set-up raises
        return Probe("the mail service", fault=_line(error))
    if isinstance(backend, smtp.EmailBackend):
        backend.timeout = SECONDS
        return _try_server(backend)
    if isinstance(backend, filebased.EmailBackend):
        folder = Path(str(backend.file_path))
        is_writable = os.access(folder, os.W_OK)
        fault = "" if is_writable else "the folder cannot be written to."
        return Probe(f"files in {folder}", fault=fault, is_local=True)
    name = type(backend).__module__.rpartition(".")[2]
    is_ours = type(backend).__module__.startswith("django.")
    return Probe(name, is_local=is_ours, is_untried=not is_ours)


def has_return_path() -> bool:
    """Tell whether mail through EMAIL_URL's backend has the envelope sender of RETURN_PATH."""
    try:
        return uses_return_path(get_connection(fail_silently=False))
    except Exception:  # noqa: BLE001 - `probe` has its words
        return True


def _try_server(backend: smtp.EmailBackend) -> Probe:
    server, protection = f"{backend.host}:{backend.port}", ""
    try:
        backend.open()
        connection = backend.connection
        if connection is None:
            return Probe(server, fault="the connection did not open.")
        protection = getattr(backend, "protection", "")
        code, answer = connection.noop()
        if not 200 <= code < 300:  # noqa: PLR2004 - RFC 5321, 4.2.1
            fault = mail.header_text(f"{code} {answer.decode('utf-8', 'replace')}")
            return Probe(server, fault=fault)
    # A host that is no name raises a UnicodeError; smtplib's errors are OSErrors.
    except (OSError, UnicodeError, MessageError, ValueError) as error:
        return Probe(server, fault=_line(error))
    finally:
        backend.close()
    return Probe(server, protection=protection)


def _line(error: Exception) -> str:
    return mail.header_text(describe(error))[:_LONGEST_ERROR]
