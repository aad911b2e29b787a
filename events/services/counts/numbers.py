"""Reads the roll-ups of sequences for pages: what was counted, never the rows themselves.

Days are those of UTC. Two dates are a range of whole days, the last included.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from typing import Any
from uuid import UUID

from django.db.models import QuerySet, Sum

from events.models import Sequence as SequenceRow
from events.models import SequenceCount, SequenceCountMark, Step
from events.services.counts import current
from events.services.counts.current import NOT_COUNTED, Current
from subscribers.models import Workspace

Unit = SequenceCount.Unit
Measure = SequenceCount.Measure
COMPLETED = "completed"
# What a visit of a step comes to; exactly one of them.
OF_VISITS = (
    Measure.MAILED, Measure.QUEUED, Measure.SKIPPED, Measure.FAILED, Measure.DONE, Measure.CAME,
    Measure.TIMED_OUT, Measure.MET, Measure.UNMET, Measure.BRANCH, Measure.STEP_SKIPPED,
    Measure.STEP_FAILED,
)  # fmt: skip
OF_MAILS = (Measure.MAILED, Measure.QUEUED, Measure.SKIPPED, Measure.FAILED)
AFTER_SENDING = (
    Measure.DELIVERED, Measure.OPENED, Measure.CLICKED, Measure.BOUNCED, Measure.COMPLAINED,
)  # fmt: skip


@dataclass(slots=True)
class Numbers:
    """Counts by measure and reason."""

    counts: Counter[tuple[str, str]] = field(default_factory=Counter)

    def of(self, *measures: str) -> int:
        return sum(n for (measure, _), n in self.counts.items() if measure in measures)

    def by_reason(self, measure: str) -> dict[str, int]:
        """Return the counts of a measure by its reason, the largest first."""
        found = {reason: n for (of, reason), n in self.counts.items() if of == measure}
        return dict(sorted(found.items(), key=lambda pair: (-pair[1], pair[0])))

    @property
    def left(self) -> int:
        """How many enrollments ended here before the end of the sequence."""
        ended = self.by_reason(Measure.ENDED).items()
        return sum(n for reason, n in ended if reason.partition(":")[0] != COMPLETED)


@dataclass(slots=True, kw_only=True)
class StepNumbers(Numbers):
    """The numbers of a step; `position` is that in the current version, None: it is not there."""

    key: str
    position: int | None
    kind: str = ""
    # Enrollments that are at the step now.
    waiting: int = 0

    @property
    def reached(self) -> int:
        """How many visits of the step came to something, or to the enrollment's end before."""
        return self.of(*OF_VISITS, Measure.LEFT)


@dataclass(frozen=True, slots=True)
class SequenceNumbers:
    """The whole, and the steps in order; those of earlier versions come last."""

    whole: Numbers
    steps: Sequence[StepNumbers]
    under_way: Current
    # When the roll-ups were counted; None: never yet.
    counted_at: datetime | None


@dataclass(frozen=True, slots=True)
class SequenceTotals:
    numbers: Numbers
    under_way: Current


def of_sequence(*, sequence: SequenceRow, since: date, until: date) -> SequenceNumbers:
    """Return a sequence's numbers of some days, by step; four queries."""
    current_steps = Step.objects.filter(version=sequence.current_version_id).order_by("position")
    steps = {
        key: StepNumbers(key=key, position=position, kind=kind)
        for key, position, kind in current_steps.values_list("key", "position", "kind")
    }
    whole = Numbers()
    days = _days(since, until).filter(sequence_id=sequence.pk)
    for key, measure, reason, number in _summed(days, "step_key", "measure", "reason"):
        whole.counts[measure, reason] += number
        if key:
            step = steps.setdefault(key, StepNumbers(key=key, position=None))
            step.counts[measure, reason] += number
    found = current.of(subject=current.Subject.SEQUENCE, ids=[sequence.pk])
    under_way = found.get(sequence.pk, NOT_COUNTED)
    for key, waiting in under_way.parts.items():
        steps.setdefault(key, StepNumbers(key=key, position=None)).waiting = waiting
    return SequenceNumbers(whole, list(steps.values()), under_way, counted_at())


def of_sequences(*, ids: Collection[UUID], since: date, until: date) -> dict[UUID, SequenceTotals]:
    """Return the numbers of some days and those of now for each sequence; two queries."""
    numbers: defaultdict[UUID, Numbers] = defaultdict(Numbers)
    days = _days(since, until).filter(sequence_id__in=ids)
    for sequence_id, measure, reason, number in _summed(days, "sequence_id", "measure", "reason"):
        numbers[sequence_id].counts[measure, reason] += number
    under_way = current.of(subject=current.Subject.SEQUENCE, ids=ids)
    return {each: SequenceTotals(numbers[each], under_way.get(each, NOT_COUNTED)) for each in ids}


def by_day(
    *, since: date, until: date, sequence: SequenceRow | None = None, step_key: str | None = None
) -> Mapping[date, Numbers]:
    """Return the numbers of each day that has some, of one sequence, one step, or all."""
    days = _days(since, until)
    if sequence is not None:
        days = days.filter(sequence_id=sequence.pk)
    if step_key is not None:
        days = days.filter(step_key=step_key)
    found: defaultdict[date, Numbers] = defaultdict(Numbers)
    for starts_at, measure, reason, number in _summed(days, "starts_at", "measure", "reason"):
        found[starts_at.date()].counts[measure, reason] += number
    return dict(found)


def mails(
    *,
    since: datetime,
    until: datetime,
    unit: SequenceCount.Unit,
    workspace: Workspace | None = None,
) -> Mapping[datetime, Numbers]:
    """Return what became of all mails by hour or by day, confirmations too; one query.

    Hours and days that begin at `since` or later and before `until`; hours are kept for 8 days.
    """
    rows = SequenceCount.objects.filter(
        unit=unit, starts_at__gte=since, starts_at__lt=until, measure__in=OF_MAILS
    )
    if workspace is not None:
        rows = rows.filter(workspace=workspace)
    found: defaultdict[datetime, Numbers] = defaultdict(Numbers)
    for starts_at, measure, reason, number in _summed(rows, "starts_at", "measure", "reason"):
        found[starts_at].counts[measure, reason] += number
    return dict(found)


def mails_by_sequence(
    *, since: date, until: date, workspace_id: UUID | None
) -> Mapping[UUID, Numbers]:
    """Return what became of the mails of some days for each sequence, and for `NO_SEQUENCE`; one
    query.
    """
    rows = _days(since, until).filter(measure__in=(*OF_MAILS, *AFTER_SENDING))
    if workspace_id:
        rows = rows.filter(workspace=workspace_id)
    found: defaultdict[UUID, Numbers] = defaultdict(Numbers)
    for sequence_id, measure, reason, number in _summed(rows, "sequence_id", "measure", "reason"):
        found[sequence_id].counts[measure, reason] += number
    return dict(found)


def counted_at() -> datetime | None:
    """Return when the roll-ups were counted; None: never yet."""
    return SequenceCountMark.objects.values_list("counted_at", flat=True).first()


def _days(since: date, until: date) -> QuerySet[SequenceCount]:
    return SequenceCount.objects.filter(
        unit=Unit.DAY, starts_at__gte=_midnight(since), starts_at__lte=_midnight(until)
    )


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=UTC)


def _summed(rows: QuerySet[SequenceCount], *columns: str) -> Iterable[tuple[Any, ...]]:
    return rows.order_by().values_list(*columns).annotate(number=Sum("count"))
