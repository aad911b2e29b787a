"""Runs whole sequences in milliseconds: the engine's own code, at any time that a test wishes.

    travel = TimeTravel(now)
    travel.run_for(timedelta(days=30))

Time is passed in, so nothing is faked: what is due is claimed and advanced as the worker does it,
at the moment that it is due. Mails go to Django's mail outbox of the test. What an application
sends meanwhile is received by the clock of the machine: set it with
`time_machine.travel(travel.now, tick=False)` for the request.
"""

from datetime import datetime, timedelta

from events.models import Enrollment
from events.services import engine
from events.services.engine import claiming
from subscribers.models import OutgoingEmail
from subscribers.services.dispatch import queue as outbox_queue

MOST_ROUNDS = 10_000


class TimeTravel:
    """A clock that stands until `run_until` moves it on."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def clock(self) -> datetime:
        """Return the moment at which the clock stands."""
        return self.now

    def tick(self) -> int:
        """Carry out what is due now, as one round of the worker; returns how many batches."""
        batches = claiming.claim_due(now=self.now, most_batches=10)
        for batch in batches:
            engine.advance(token=batch.token, ids=batch.ids, clock=self.clock)
        queued = outbox_queue.claim_queued(now=self.now)
        if queued:
            outbox_queue.send_queued(token=queued.token, ids=queued.ids, clock=self.clock)
        return len(batches) + (queued is not None)

    def run_until(self, until: datetime) -> None:
        """Go on from due moment to due moment, and stand at `until` in the end."""
        for _ in range(MOST_ROUNDS):
            due_at = self._next_due()
            if due_at is None or due_at > until:
                self.now = max(self.now, until)
                return
            self.now = max(self.now, due_at)
            self.tick()
        raise AssertionError(f"Something stays due: nothing ended after {MOST_ROUNDS} rounds.")

    def run_for(self, length: timedelta) -> None:
        """Go on for a length of time."""
        self.run_until(self.now + length)

    def _next_due(self) -> datetime | None:
        enrollments = Enrollment.objects.filter(due_at__isnull=False, lease_token__isnull=True)
        mails = OutgoingEmail.objects.filter(due_at__isnull=False, lease_token__isnull=True)
        found = [
            rows.order_by("due_at").values_list("due_at", flat=True).first()
            for rows in (enrollments, mails)
        ]
        return min((moment for moment in found if moment is not None), default=None)
