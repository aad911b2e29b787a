"""Where the people of a sequence are now: under way, by version and by step."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from events.models import Enrollment, Sequence, SequenceVersion

# More are not read: a page shows what was found as "at least".
MOST_READ = 5000


@dataclass(frozen=True, slots=True)
class UnderWay:
    """How many are under way, by the ids of versions and steps; more than that if not `is_all`."""

    by_version: Mapping[UUID | None, int]
    by_step: Mapping[UUID, int]
    is_all: bool

    @property
    def count(self) -> int:
        return sum(self.by_version.values())


def under_way(sequence: Sequence) -> UnderWay:
    """Return how many are where; one query, by the index `enrollment_by_version`."""
    rows = Enrollment.objects.filter(
        version__in=SequenceVersion.objects.filter(sequence=sequence).values("pk"),
        status__in=Enrollment.UNDER_WAY,
    )
    found = list(rows.values_list("version_id", "step_id")[: MOST_READ + 1])
    return UnderWay(
        by_version=Counter(version_id for version_id, _ in found[:MOST_READ]),
        by_step=Counter(step_id for _, step_id in found[:MOST_READ]),
        is_all=len(found) <= MOST_READ,
    )
