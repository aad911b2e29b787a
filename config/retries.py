"""The schedules of every retry of the product, side by side.

Pure values, for both apps. Settings say how often a step is tried (`STEP_ATTEMPTS`), and for how
long mails and webhooks are (`MAIL_RETRY_HOURS`, `WEBHOOK_RETRY_HOURS`).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """Pauses that grow: `first`, then `factor` times the one before, at most `longest`."""

    first: timedelta
    factor: int = 2
    longest: timedelta
    # So many failures in a row end the attempts; 0: never.
    give_up_after: int = 0

    def pause(self, *, failures: int) -> timedelta:
        """Return the pause after so many failures in a row, 1 or more."""
        # Each schedule has reached its longest pause by 10; timedelta has a limit.
        pause: timedelta = self.first * self.factor ** min(failures - 1, 10)
        return min(pause, self.longest)

    def next_at(self, *, failures: int, now: datetime) -> datetime | None:
        """Return the time of the next attempt; None after the last one."""
        if self.give_up_after and failures >= self.give_up_after:
            return None
        return now + self.pause(failures=failures)

    def next_before(self, *, failures: int, ends_at: datetime, now: datetime) -> datetime | None:
        """Return the time of the next attempt, `ends_at` for the last; None from then on."""
        return min(now + self.pause(failures=failures), ends_at) if now < ends_at else None


# A step of an enrollment that raised.
STEPS = Backoff(first=timedelta(seconds=10), longest=timedelta(hours=1))
# A stage of an event's effects.
STAGES = Backoff(first=timedelta(minutes=1), longest=timedelta(hours=6))
# A mail that the server deferred, for `MAIL_RETRY_HOURS`.
MAILS = Backoff(first=timedelta(seconds=20), factor=3, longest=timedelta(hours=4))
# A receiver of webhooks, as one process sees it; and the longest pause that it may ask for.
NO_RECEIVER = Backoff(first=timedelta(seconds=5), longest=timedelta(minutes=5))
LONGEST_RETRY_AFTER = timedelta(hours=1)
# A webhook that its receiver did not take: the next pause is as long as it has failed by now.
WEBHOOKS_FIRST, WEBHOOKS_LONGEST = timedelta(seconds=10), timedelta(hours=1)
# A confirmation that may have arrived, or not.
_MINUTE = timedelta(minutes=1)
UNKNOWN_CONFIRMATIONS = Backoff(first=_MINUTE, factor=1, longest=_MINUTE, give_up_after=3)
# A mail server, as one process sees it: no connection, and no answer to a mail.
NO_MAIL_SERVER = Backoff(first=timedelta(seconds=5), longest=timedelta(minutes=5))
SILENT_MAIL_SERVER = Backoff(first=timedelta(seconds=30), longest=timedelta(minutes=5))
# The same for mails of no enrollment, whose rows keep no count of failures.
MAIL_SERVER_AWAY = timedelta(seconds=30)
# Mail that a setting pauses, or that has no sender yet.
HELD_MAIL = timedelta(minutes=5)
# The ticker without a database.
TICKER = Backoff(first=timedelta(seconds=1), longest=timedelta(seconds=5))
# The ticker's or the pool's process, after it ended; under `up` the web's and the worker's too.
WORKER_PARTS = Backoff(first=timedelta(seconds=1), longest=timedelta(seconds=30))
# Attempts at a transaction that the database aborted for another: a request, an import's rows.
REQUEST_ATTEMPTS = 4
ROWS_ATTEMPTS = 6
# Recording the outcome of a mail while the database is away.
SECONDS_TO_RECORD = 25
SECONDS_BETWEEN_RECORDINGS = 0.5
