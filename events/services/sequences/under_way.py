"""Where the people of a sequence are now: under way, by version and by step."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Count

from events.models import Enrollment, Sequence, SequenceVersion

# More are not read: a page shows what was found as "at least".
MOST_READ = 2000


@dataclass(frozen=True, slots=True)
class UnderWay:
    """How many are under way, by the ids of versions and steps; more than that if not `is_all`."""

    by_version: Mapping[UUID | None, int]
    by_step: Mapping[UUID, int]
    count: int
    is_all: bool


def under_way(sequence: Sequence) -> UnderWay:
    """Return how many are where; one query, which reads a bounded part of an index."""
    rows = Enrollment.objects.filter(
        version__in=SequenceVersion.objects.filter(sequence=sequence).values("pk"),
        status__in=Enrollment.UNDER_WAY,
    )
    some = Enrollment.objects.filter(pk__in=rows.values("pk")[:MOST_READ])
    by_version: Counter[UUID | None] = Counter()
    by_step: Counter[UUID] = Counter()
    places = some.values_list("version_id", "step_id").annotate(count=Count("pk"))
    for version_id, step_id, count in places.order_by():
        by_version[version_id] += count
        by_step[step_id] += count
    total = by_version.total()
    return UnderWay(by_version, by_step, total, is_all=total < MOST_READ)
