"""Reads the bounce mailbox each minute, in a thread of the ticker's process.

A mail server that hangs holds this thread alone: not the ticker, and no process that sends mail.
"""

import logging
import threading
from datetime import UTC, datetime

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection

from config.mail_env import Mailbox
from events.services.database_faults import brief

logger = logging.getLogger("cueline.bounces")

SECONDS_BETWEEN_RUNS = 60.0


class MailboxReader:
    def __init__(self) -> None:
        self._thread: threading.Thread | None = None
        self._due = 0.0
        self._is_failing = False

    def start(self, *, moment: float) -> None:
        """Start a run if one is due and none is under way; `moment` is of the monotonic clock."""
        mailbox: Mailbox | None = settings.BOUNCE_MAILBOX
        if mailbox is None or moment < self._due or self.is_running:
            return
        self._due = moment + SECONDS_BETWEEN_RUNS
        self._thread = threading.Thread(target=self.run, args=(mailbox,), daemon=True)
        self._thread.start()

    @property
    def is_running(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def join(self) -> None:
        """Wait for the run that is under way."""
        if self._thread is not None:
            self._thread.join()

    def run(self, mailbox: Mailbox) -> None:
        """Read the mailbox once; a fault is logged when it begins, and its end too."""
        # Most installations have no mailbox, and the ticker starts without it.
        from subscribers.services.dispatch import bounce_mailbox  # noqa: PLC0415 - as above

        try:
            run = bounce_mailbox.read(mailbox=mailbox, clock=_clock)
        except bounce_mailbox.MailboxAway as error:
            if not self._is_failing:
                logger.warning("The bounce mailbox cannot be read: %s", error)
            self._is_failing = True
        except (DatabaseError, InterfaceError) as error:
            logger.warning("Bounces wait, the database failed: %s", brief(error))
        except Exception:  # the next run tries again
            logger.exception("Reading the bounce mailbox failed.")
        else:
            if self._is_failing:
                logger.info("The bounce mailbox can be read again.")
            self._is_failing = False
            if run.used:
                logger.info("Mails that came back: %s of %s were used.", run.used, run.read)
        finally:
            connection.close()


def _clock() -> datetime:
    return datetime.now(tz=UTC)
