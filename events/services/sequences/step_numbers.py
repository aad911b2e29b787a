"""What became of people at each step of a version, as a page shows it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from events.models import Step
from events.services.sequences.under_way import UnderWay


@dataclass(frozen=True, slots=True, kw_only=True)
class StepNumbers:
    """Counts of a step; None where nothing was counted."""

    # At the step now; at least so many if not `is_all`.
    waiting: int | None = None
    is_all: bool = True
    # Came to the step, and their share of all who entered the sequence (0 to 1).
    came: int | None = None
    share: float | None = None
    passed: int | None = None
    left: int | None = None
    failed: int | None = None
    mailed: int | None = None
    delivered: int | None = None
    opened: int | None = None
    clicked: int | None = None
    # By the words of `events.wording.reasons`.
    skipped_by_reason: Mapping[str, int] = field(default_factory=dict)
    # By the names of the ways: "yes", "no", a branch; "came" and "timed out" of a wait.
    ways: Mapping[str, int] = field(default_factory=dict)


def of_steps(*, rows: Iterable[Step], under_way: UnderWay) -> dict[str, StepNumbers]:
    """Return the numbers of each step, by its key."""
    return {
        row.key: StepNumbers(waiting=under_way.by_step.get(row.pk, 0), is_all=under_way.is_all)
        for row in rows
    }
