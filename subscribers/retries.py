"""When what failed is tried again: every schedule of the product, side by side.

Pure values, which both apps use. How often a step is tried is a setting, `STEP_ATTEMPTS`.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """Pauses that grow: `first`, then `factor` times the one before, at most `longest`."""

    first: timedelta
    factor: int = 2
    longest: timedelta
    # How many failures in a row are the last; 0: there is no last one.
    give_up_after: int = 0

    def pause(self, *, failures: int) -> timedelta:
        """Return the pause after so many failures in a row, 1 or more."""
        # Each schedule has its longest pause by then; a bigger number has no timedelta.
        pause: timedelta = self.first * self.factor ** min(failures - 1, 10)
        return min(pause, self.longest)

    def next_at(self, *, failures: int, now: datetime) -> datetime | None:
        """Return when to try again; None: it was the last time."""
        if self.give_up_after and failures >= self.give_up_after:
            return None
        return now + self.pause(failures=failures)


def _seconds(number: int) -> timedelta:
    return timedelta(seconds=number)


def _minutes(number: int) -> timedelta:
    return timedelta(minutes=number)


# A step of an enrollment that raised, or a webhook that was not taken.
STEPS = Backoff(first=_seconds(10), longest=_minutes(60))
# A stage of an event's effects.
STAGES = Backoff(first=_minutes(1), longest=_minutes(6 * 60))
# A mail that the server put off. Over most of a day: servers that see a sender for the first time
# may ask for half an hour.
MAILS = Backoff(first=_seconds(20), factor=3, longest=_minutes(4 * 60), give_up_after=10)
# A confirmation of which nobody knows whether it arrived.
UNKNOWN_CONFIRMATIONS = Backoff(first=_minutes(1), factor=1, longest=_minutes(1), give_up_after=3)
# A mail server, as one process knows it: without a connection, and silent after it took a mail.
NO_MAIL_SERVER = Backoff(first=_seconds(5), longest=_minutes(5))
SILENT_MAIL_SERVER = Backoff(first=_seconds(30), longest=_minutes(5))
# The same for mails that no enrollment drives, whose rows remember nothing of the server.
MAIL_SERVER_AWAY = _seconds(30)
# Mail that a switch holds, or that has no sender yet.
HELD_MAIL = _minutes(5)
# The ticker without a database.
TICKER = Backoff(first=_seconds(1), longest=_seconds(5))
# The ticker or the pool, after it died.
WORKER_PARTS = Backoff(first=_seconds(1), longest=_seconds(30))
# A transaction that the database gave up for another's, at once: of a request, of an import's rows.
REQUEST_ATTEMPTS = 4
ROWS_ATTEMPTS = 6
# What became of a mail, while the database is away: in seconds, for how long and with what pause.
SECONDS_TO_RECORD = 25
SECONDS_BETWEEN_RECORDINGS = 0.5
