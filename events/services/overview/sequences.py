"""What mails and sequences did in a period; from the roll-ups."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Case, QuerySet, Sum, Value, When

from events.models import CurrentCount, SequenceCount
from events.models import Sequence as SequenceRow
from events.services.counts import current, numbers
from events.services.counts.current import NOT_COUNTED, Current
from events.services.overview.buckets import Buckets, Unit
from subscribers.models import Workspace

Mails = Mapping[str, Sequence[int]]
MOST_SEQUENCES = 20
Measure = SequenceCount.Measure
UNITS = {
    Unit.HOUR_OF_RECEIPT: SequenceCount.Unit.HOUR,
    Unit.DAY_OF_OCCURRENCE: SequenceCount.Unit.DAY,
}
OF_MAILS = (Measure.MAILED, Measure.SKIPPED, Measure.FAILED)
SHOWN = (Measure.ENTERED, *OF_MAILS, Measure.OPENED, Measure.CLICKED)
# The reason of opens and clicks says by whom.
BY_MACHINE = "machine"
# What runs comes first, what is archived is left out.
ORDER = (SequenceRow.Status.ACTIVE, SequenceRow.Status.PAUSED, SequenceRow.Status.DRAFT)


@dataclass(frozen=True, slots=True)
class SequenceLine:
    sequence: SequenceRow
    under_way: Current
    counts: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class SequenceLines:
    lines: Sequence[SequenceLine]
    has_more: bool


def mails(*, buckets: Buckets, workspace: Workspace | None) -> Mails:
    """Return how many mails left, were skipped and failed in each bucket; one query."""
    unit = UNITS[buckets.unit]
    found = numbers.mails(since=buckets.since, until=buckets.until, unit=unit, workspace=workspace)
    by_bucket = [found.get(start, numbers.Numbers()) for start in buckets.starts]
    return {measure: [each.of(measure) for each in by_bucket] for measure in OF_MAILS}


def lines(*, buckets: Buckets, workspace_id: UUID | None) -> SequenceLines:
    """Return the first sequences, those that run before others; three queries."""
    rows = SequenceRow.objects.exclude(status=SequenceRow.Status.ARCHIVED)
    if workspace_id:
        rows = rows.filter(workspace=workspace_id)
    place = Case(*(When(status=status, then=Value(n)) for n, status in enumerate(ORDER)))
    ordered = rows.select_related("workspace").order_by(place, "name", "pk")
    found = list(ordered[: MOST_SEQUENCES + 1])
    shown = found[:MOST_SEQUENCES]
    ids = [row.pk for row in shown]
    counts = _counts_by_sequence(buckets, ids)
    now = current.of(subject=CurrentCount.Subject.SEQUENCE, ids=ids)
    return SequenceLines(
        [SequenceLine(row, now.get(row.pk, NOT_COUNTED), counts[row.pk]) for row in shown],
        has_more=len(found) > len(shown),
    )


def _counted(buckets: Buckets) -> QuerySet[SequenceCount]:
    unit = UNITS[buckets.unit]
    return SequenceCount.objects.filter(
        unit=unit, starts_at__gte=buckets.since, starts_at__lt=buckets.until
    ).order_by()


def _counts_by_sequence(buckets: Buckets, ids: Sequence[UUID]) -> Mapping[UUID, Counter[str]]:
    rows = _counted(buckets).filter(sequence_id__in=ids, measure__in=SHOWN)
    found: defaultdict[UUID, Counter[str]] = defaultdict(Counter)
    by_people = rows.exclude(reason=BY_MACHINE).values_list("sequence_id", "measure")
    for sequence_id, measure, total in by_people.annotate(total=Sum("count")):
        found[sequence_id][measure] = total
    return found
