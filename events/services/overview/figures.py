"""The figures of the home page's cards and charts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Q, QuerySet, Sum

from events.models import Enrollment, EventCount
from events.services import worker_reports
from events.services.counts.roll_ups import first_id_at
from events.services.engine.gauges import MOST_COUNTED
from events.services.overview.periods import Period
from subscribers.models import MailFlow, Subscriber
from subscribers.services.outbox import flow

PENDING = Subscriber.Status.PENDING


@dataclass(frozen=True, slots=True)
class Flow:
    """What came in each bucket of a period, and in the full ones the change on the period before.

    `change` is in percent, None where there was nothing before.
    """

    values: Sequence[int]
    change: int | None

    @property
    def total(self) -> int:
        return sum(self.values)


@dataclass(frozen=True, slots=True)
class People:
    """New people and those of them who have not confirmed, and all who have not; bounded."""

    new: int
    new_pending: int
    pending: int


@dataclass(frozen=True, slots=True)
class Machine:
    """Whether work is done and mail leaves.

    `late_seconds` is how long the longest-due enrollment waits; `next_due_at` is the next one's
    time when nothing is due.
    """

    workers: worker_reports.Health
    late_seconds: float
    next_due_at: datetime | None
    server: str
    is_mail_stopped: bool
    last_sent_at: datetime | None


def events(*, period: Period, workspace_id: UUID | None) -> Flow:
    """Return the events of each bucket; one query, which reads the roll-ups."""
    before = [start - period.length for start in period.starts]
    rows = EventCount.objects.filter(
        _of(workspace_id), unit=period.unit, starts_at__range=(before[0], period.starts[-1])
    )
    counts = dict(rows.order_by().values_list("starts_at").annotate(total=Sum("count")))
    values = [counts.get(start, 0) for start in period.starts]
    # The last bucket is not over, so it is compared with nothing.
    old = sum(counts.get(start, 0) for start in before[:-1])
    return Flow(values, round(100 * (sum(values[:-1]) - old) / old) if old else None)


def people(*, period: Period, workspace_id: UUID | None) -> People:
    """Return how many people came and how many are pending, each at most `MOST_COUNTED`."""
    everybody = Subscriber.objects.filter(_of(workspace_id))
    new = everybody.filter(pk__gte=first_id_at(period.since))
    return People(
        new=_count(new),
        new_pending=_count(new.filter(status=PENDING)),
        pending=_count(everybody.filter(status=PENDING)),
    )


def machine(*, workspace_id: UUID | None, now: datetime) -> Machine:
    """Return the state of workers and mail server; six queries."""
    due_at = [_first_due(lane) for lane in Enrollment.Lane]
    first = min((each for each in due_at if each), default=None)
    late = max((now - first).total_seconds(), 0.0) if first else 0.0
    server = flow.server_name()
    sent = MailFlow.objects.filter(_of(workspace_id), server=server)
    latest = sent.exclude(last_sent_at=None).order_by("-last_sent_at")
    return Machine(
        workers=worker_reports.health(now=now),
        late_seconds=late,
        next_due_at=first if first and not late else None,
        server=server,
        is_mail_stopped=sent.filter(flow.BLOCKED).exists(),
        last_sent_at=latest.values_list("last_sent_at", flat=True).first(),
    )


def _first_due(lane: int) -> datetime | None:
    # The condition and order of the ticker's claim, whose index answers it.
    waiting = Enrollment.objects.filter(
        due_at__isnull=False, lease_token__isnull=True, lane=lane
    ).order_by("due_at")
    return waiting.values_list("due_at", flat=True).first()


def _of(workspace_id: UUID | None) -> Q:
    return Q(workspace=workspace_id) if workspace_id else Q()


def _count(rows: QuerySet[Subscriber]) -> int:
    return rows.order_by()[:MOST_COUNTED].count()
