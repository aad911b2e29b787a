"""Whether mail flows, and how many mails wait and why; every count is bounded and uses an index."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from events.models import Enrollment, Step
from events.services.engine.gauges import MOST_COUNTED
from subscribers.models import OutgoingEmail
from subscribers.services.outbox import flow

# A failure that nobody tried again, although nothing waits, says nothing any more.
FORGOTTEN_AFTER = timedelta(minutes=15)
DUE = "due"
REASONS = (
    "mail_server_away", "mail_login_refused", "mail_deferred", "mail_paused", "mail_cap",
    "no_sender", "confirmations_delayed",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class MailGauges:
    """Why mail does not leave, the longest first, and the mails that wait by reason.

    `waiting` has every reason; `due` is that of mails that only wait for a worker.
    """

    stops: Sequence[flow.Stop]
    blocked_seconds: float
    waiting: Mapping[str, int]

    @property
    def all_waiting(self) -> int:
        return sum(self.waiting.values())


def read(*, now: datetime) -> MailGauges:
    waiting = _waiting()
    latest = now - FORGOTTEN_AFTER
    stops = [stop for stop in flow.stops(now=now) if waiting.total() or stop.tried_at > latest]
    seconds = max(((now - stop.since).total_seconds() for stop in stops), default=0.0)
    return MailGauges(stops, max(seconds, 0.0), waiting)


def count_waiting() -> int:
    return _waiting().total()


def waiting_enrollments(*, workspace_id: UUID | None = None) -> Counter[str]:
    """Count the enrollments whose step is a mail that could leave now, by reason; likewise."""
    # A condition of each row: joined, SQLite walks all enrollments of the steps, ended ones too.
    mail = Step.objects.filter(pk=OuterRef("step"), kind=Step.Kind.EMAIL)
    active = Enrollment.objects.filter(Exists(mail), status=Enrollment.Status.ACTIVE)
    return _by_reason(active.filter(_of(workspace_id)))


def queued_mails(*, workspace_id: UUID | None = None) -> Counter[str]:
    """Count all queued mails by reason, those of enrollments too; of a workspace or all."""
    queued = OutgoingEmail.objects.filter(status=OutgoingEmail.Status.QUEUED)
    return _by_reason(queued.filter(_of(workspace_id)))


def _waiting() -> Counter[str]:
    """Count the mails of enrollments, and those that no enrollment waits for."""
    queued = OutgoingEmail.objects.filter(status=OutgoingEmail.Status.QUEUED, due_at__isnull=False)
    found = waiting_enrollments()
    found.update(_by_reason(queued))
    return found


def _of(workspace_id: UUID | None) -> Q:
    return Q(workspace=workspace_id) if workspace_id else Q()


def _by_reason(rows: QuerySet[Any]) -> Counter[str]:
    counts = {reason: Count("pk", filter=Q(reason=reason)) for reason in REASONS}
    found = rows.order_by()[:MOST_COUNTED].aggregate(total=Count("pk"), **counts)
    return Counter({DUE: found.pop("total") - sum(found.values()), **found})
