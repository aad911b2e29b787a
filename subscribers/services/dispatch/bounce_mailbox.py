"""Reads the mailbox of BOUNCE_MAILBOX_URL: what was used is deleted, the rest becomes seen.

A mail is marked after its transaction, so a process that dies in between reads it again, which
changes nothing. Of a mail only as much is fetched as `notices` reads, whatever its size; a run has
a limit of mails and of time. No transaction is open while the network is used.
"""

import contextlib
import imaplib
import logging
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from config.mail_env import Mailbox
from subscribers.services.dispatch import notices, returned
from subscribers.services.storage import connections

logger = logging.getLogger("cueline.bounces")

# For each answer of the server.
SECONDS = 15
MOST_MAILS = 500
SECONDS_PER_RUN = 45
_FAULTS = (imaplib.IMAP4.error, OSError, ValueError)
_LONGEST_ERROR = 300


class MailboxAway(Exception):
    """The mailbox cannot be read; the message has the server's words, and no password."""


@dataclass(frozen=True, slots=True)
class MailboxRun:
    """How many new mails were read, and how many of them were used."""

    read: int = 0
    used: int = 0


def read(*, mailbox: Mailbox, clock: Callable[[], datetime]) -> MailboxRun:
    """Read the new mails, oldest first. A used one is gone for good where the server can delete
    one alone (RFC 4315), else marked as deleted. Raises `MailboxAway`, and the database's errors.
    """
    over_at = time.monotonic() + SECONDS_PER_RUN
    done = used = 0
    with _opened(mailbox, seconds=SECONDS) as server:
        # Asked after the log-in: before it a server names less.
        can_expunge = b"UIDPLUS" in b" ".join(_answer(server.capability()))
        for uid in _new_mails(server)[:MOST_MAILS]:
            if time.monotonic() > over_at:
                break
            content = _fetch(server, uid)
            is_used = content is not None and _take(content, clock())
            _mark(server, uid, is_used=is_used)
            if is_used and can_expunge:
                _answer(server.uid("EXPUNGE", uid))
            done, used = done + 1, used + is_used
    return MailboxRun(done, used)


def probe(*, mailbox: Mailbox, seconds: int = 5) -> str:
    """Return why the mailbox cannot be read, or nothing; changes nothing in it."""
    try:
        with _opened(mailbox, seconds=seconds):
            return ""
    except MailboxAway as error:
        return str(error)


@contextmanager
def _opened(mailbox: Mailbox, *, seconds: int) -> Iterator[imaplib.IMAP4]:
    server: imaplib.IMAP4 | None = None
    try:
        if mailbox.is_tls:
            server = imaplib.IMAP4_SSL(
                mailbox.host,
                mailbox.port,
                ssl_context=ssl.create_default_context(),
                timeout=seconds,
            )
        else:
            server = imaplib.IMAP4(mailbox.host, mailbox.port, timeout=seconds)
        server.login(mailbox.user, mailbox.password)
        folder = mailbox.folder.replace("\\", "\\\\").replace('"', '\\"')
        _answer(server.select(f'"{folder}"'))
        yield server
    except connections.LOST:
        raise
    except _FAULTS as error:
        words = error.args[0] if isinstance(error, imaplib.IMAP4.error) and error.args else error
        text = words.decode("utf-8", "replace") if isinstance(words, bytes) else str(words)
        shown = "".join(filter(str.isprintable, text))[:_LONGEST_ERROR] or type(error).__name__
        raise MailboxAway(f"{mailbox.host}:{mailbox.port}: {shown}") from error
    finally:
        if server is not None:
            with contextlib.suppress(*_FAULTS):
                server.logout()


def _new_mails(server: imaplib.IMAP4) -> list[str]:
    found = _answer(server.uid("SEARCH", "UNSEEN", "UNDELETED"))
    return found[0].decode("ascii").split() if found and found[0] else []


def _fetch(server: imaplib.IMAP4, uid: str) -> bytes | None:
    """Return the first bytes of a mail without marking it; None if it is gone or unreadable."""
    # Refused or not: one mail must not stop those after it.
    _, parts = server.uid("FETCH", uid, f"(BODY.PEEK[]<0.{notices.MOST_BYTES}>)")
    return next((part[1] for part in parts if isinstance(part, tuple)), None)


def _take(content: bytes, now: datetime) -> bool:
    try:
        return returned.take(content=content, now=now)
    except connections.LOST:
        raise
    except Exception:  # one mail must not stop the others; it stays in the mailbox
        logger.exception("A mail of the bounce mailbox could not be used.")
        return False


def _mark(server: imaplib.IMAP4, uid: str, *, is_used: bool) -> None:
    """Mark a used mail as deleted and another as seen; neither is read again."""
    flag = "(\\Deleted)" if is_used else "(\\Seen)"
    _answer(server.uid("STORE", uid, "+FLAGS.SILENT", flag))


def _answer(reply: tuple[str, list]) -> list:  # type: ignore[type-arg]
    """Return the lines of an answer; raises an `imaplib` error for a refusal."""
    kind, lines = reply
    if kind != "OK":
        raise imaplib.IMAP4.error(lines[0] if lines else kind)
    return lines
