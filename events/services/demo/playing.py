"""Plays the lives of a demo through the product's own services, in the order of time.

Half a day is one short transaction, so that other processes can write in between. At its end the
demo leases all due rows under a token of its own, and its workspace's mail is paused: no worker
claims a row of the demo before it is complete.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID, uuid4

from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now

from events.intake.payloads import Limits
from events.models import Enrollment
from events.services import engine
from events.services.demo.acting import Actor
from events.services.demo.imports import Report
from events.services.demo.lives import CONFIRMATION, Life
from events.services.demo.mail_server import Clock, MailServer
from subscribers import ids
from subscribers.models import OutgoingEmail, Workspace
from subscribers.services.consent import deadlines
from subscribers.services.dispatch import queue as outbox_queue

SLICE = timedelta(hours=12)
# Between two steps: what fails is not tried again at the same moment.
ROUND = timedelta(seconds=1)
# Longer than a demo takes; after that a worker takes over what a dead process left.
LEASE = timedelta(hours=1)


@dataclass(frozen=True, slots=True, order=True)
class _Due:
    at: datetime
    row_id: UUID
    is_mail: bool


@dataclass(slots=True, kw_only=True)
class Play:
    """A demo while it is made; `workspace` has the settings of the finished demo in memory.

    `sequence_ids` are all of its sequences.
    """

    workspace: Workspace
    lives: Sequence[Life]
    limits: Limits
    random: Random
    clock: Clock
    sequence_ids: Sequence[UUID]
    token: UUID = field(default_factory=uuid4)
    _due: _Due | None = None
    _mails: MailServer = field(init=False)
    _confirmations: MailServer = field(init=False)

    def __post_init__(self) -> None:
        fates = {life.email: life.fates for life in self.lives}
        self._mails = MailServer(self.clock, fates)
        asked = {email: {1: of[CONFIRMATION]} for email, of in fates.items() if CONFIRMATION in of}
        self._confirmations = MailServer(self.clock, asked)

    def until(self, end: datetime, *, report: Report | None = None) -> None:
        """Play all that happens until a moment; what is due later stays due."""
        actor = Actor(
            workspace=self.workspace, limits=self.limits, random=self.random, clock=self.clock
        )
        moments = [(at, life, what) for life in self.lives for at, what in life.moments(until=end)]
        coming = deque(sorted(moments, key=lambda each: (each[0], each[1].number)))
        with ids.made_at(self.clock):
            while self.clock.now < end:
                until = min(self.clock.now + SLICE, end)
                with transaction.atomic():
                    Workspace.objects.filter(pk=self.workspace.pk).update(is_mail_paused=False)
                    deadlines.remind_in(workspace=self.workspace, now=self.clock.now)
                    deadlines.give_up_in(workspace=self.workspace, now=self.clock.now)
                    self._due = self._first_due()
                    while coming and coming[0][0] <= until:
                        at, life, what = coming.popleft()
                        self._work_until(at)
                        self.clock.reach(at)
                        if actor.act(life, what):
                            self._due = self._first_due()
                    self._work_until(until)
                    self.clock.reach(until)
                    self._lease_waiting()
                if report:
                    report(1)

    def release(self) -> None:
        """Store the settings of the finished demo and free its leases; in a transaction."""
        self.workspace.save(update_fields=["is_mail_paused", "reminder_hours", "give_up_days"])
        for rows in self._waiting():
            rows.update(lease_token=None, lease_expires_at=None)

    def _lease_waiting(self) -> None:
        """Lease what workers would claim once the slice is committed."""
        for rows in self._waiting():
            rows.update(**self._lease())
        Workspace.objects.filter(pk=self.workspace.pk).update(is_mail_paused=True)

    def _work_until(self, moment: datetime) -> None:
        """Send and advance what is due, one at a time, at its time."""
        while (due := self._due) and due.at <= moment:
            self.clock.reach(due.at)
            alone, clock = [due.row_id], self.clock
            mails, enrollments = self._waiting()
            if due.is_mail:
                mails.filter(pk=due.row_id).update(**self._lease())
                outbox_queue.send_queued(
                    token=self.token, ids=alone, clock=clock, mailer=self._confirmations
                )
            else:
                enrollments.filter(pk=due.row_id).update(**self._lease())
                engine.advance(token=self.token, ids=alone, clock=clock, mailer=self._mails)
            self.clock.reach(self.clock.now + ROUND)
            self._due = self._first_due()

    def _first_due(self) -> _Due | None:
        due = [
            _Due(at, row_id, is_mail=rows.model is OutgoingEmail)
            for rows in self._waiting()
            for at, row_id in rows.order_by("due_at", "id").values_list("due_at", "pk")[:1]
            if at
        ]
        return min(due, default=None)

    def _waiting(self) -> tuple[QuerySet[OutgoingEmail], QuerySet[Enrollment]]:
        mails = OutgoingEmail.objects.filter(
            workspace=self.workspace, status=OutgoingEmail.Status.QUEUED, due_at__isnull=False
        )
        # By sequence, along an index.
        enrollments = Enrollment.objects.filter(
            sequence__in=self.sequence_ids, due_at__isnull=False
        )
        return mails, enrollments

    def _lease(self) -> dict[str, Any]:
        return {"lease_token": self.token, "lease_expires_at": Now() + LEASE}
