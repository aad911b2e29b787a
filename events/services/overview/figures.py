"""The figures of the home page's cards and charts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Min, Q, QuerySet, Sum

from events.models import CurrentCount, Enrollment, EventCount
from events.services import worker_reports
from events.services.counts.current import ALL, Current
from events.services.counts.roll_ups import first_id_at
from events.services.engine.gauges import MOST_COUNTED
from events.services.overview.buckets import Buckets
from subscribers.models import MailFlow, Subscriber
from subscribers.services.outbox import flow

PENDING = Subscriber.Status.PENDING


@dataclass(frozen=True, slots=True)
class EventFigures:
    """What came in each bucket of a period, and in the full ones the change on the period before.

    `change` is in percent, None where there was nothing before.
    """

    values: Sequence[int]
    change: int | None

    @property
    def total(self) -> int:
        return sum(self.values)


@dataclass(frozen=True, slots=True)
class NewPeople:
    """People who came in a period, and those of them who have not confirmed; bounded."""

    all: int
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


def events(*, buckets: Buckets, workspace_id: UUID | None) -> EventFigures:
    """Return the events of each bucket; one query, which reads the roll-ups."""
    before = [start - buckets.length for start in buckets.starts]
    rows = EventCount.objects.filter(
        _of(workspace_id), unit=buckets.unit, starts_at__range=(before[0], buckets.starts[-1])
    )
    counts = dict(rows.order_by().values_list("starts_at").annotate(total=Sum("count")))
    values = [counts.get(start, 0) for start in buckets.starts]
    # The last bucket is not over, so it is compared with nothing.
    old = sum(counts.get(start, 0) for start in before[:-1])
    return EventFigures(values, round(100 * (sum(values[:-1]) - old) / old) if old else None)


def new_people(*, buckets: Buckets, workspace_id: UUID | None) -> NewPeople:
    """Return how many people came, each number at most `MOST_COUNTED`; two queries."""
    came = Subscriber.objects.filter(_of(workspace_id), pk__gte=first_id_at(buckets.since))
    return NewPeople(_count(came), _count(came.filter(status=PENDING)))


def pending(*, workspace_id: UUID | None) -> Current:
    """Return how many people have not confirmed, as the worker counted them; one query."""
    return _counted(workspace_id, CurrentCount.Subject.PEOPLE, part=PENDING)


def under_way(*, workspace_id: UUID | None) -> Current:
    """Return how many enrollments are under way, as the worker counted them; one query."""
    return _counted(workspace_id, CurrentCount.Subject.SEQUENCE, part=ALL)


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
        is_mail_stopped=sent.filter(flow.blocked(now=now)).exists(),
        last_sent_at=latest.values_list("last_sent_at", flat=True).first(),
    )


def _first_due(lane: int) -> datetime | None:
    # The condition and order of the ticker's claim, whose index answers it.
    waiting = Enrollment.objects.filter(
        due_at__isnull=False, lease_token__isnull=True, lane=lane
    ).order_by("due_at")
    return waiting.values_list("due_at", flat=True).first()


def _counted(workspace_id: UUID | None, subject: CurrentCount.Subject, *, part: str) -> Current:
    """Add up a part of all rows of a subject, as of the oldest count among them."""
    rows = CurrentCount.objects.filter(_of(workspace_id), subject=subject)
    found = rows.aggregate(
        total=Sum("count", filter=Q(part=part), default=0),
        at=Min("counted_at", filter=Q(part=ALL)),
    )
    return Current(found["total"], found["at"])


def _of(workspace_id: UUID | None) -> Q:
    return Q(workspace=workspace_id) if workspace_id else Q()


def _count(rows: QuerySet[Subscriber]) -> int:
    return rows.order_by()[:MOST_COUNTED].count()
