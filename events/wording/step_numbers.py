"""What became of people at a step, a phrase for each number that was counted."""

from collections.abc import Iterator

from events.language import steps
from events.services.sequences.step_numbers import StepNumbers
from events.wording.reasons import reason_in_words


def people_here(numbers: StepNumbers) -> str:
    """Return how many are at the step now; "" where that was not counted."""
    if numbers.waiting is None or (not numbers.waiting and not numbers.is_all):
        return ""
    return f"{numbers.waiting:,}{'' if numbers.is_all else '+'} here now"


def phrases(step: steps.Step, numbers: StepNumbers) -> Iterator[str]:
    """Yield such as `96 mailed`, `58% opened`, `2 skipped: the address is suppressed`.

    The ways of a condition or split are left out: they have places of their own.
    """
    if numbers.mailed is not None:
        yield f"{numbers.mailed:,} mailed"
        what_became = {
            "delivered": numbers.delivered, "opened": numbers.opened, "clicked": numbers.clicked,
        }  # fmt: skip
        for word, count in what_became.items():
            if count is not None and numbers.mailed:
                yield f"{percent(count, numbers.mailed)} {word}"
    elif numbers.passed is not None:
        yield f"{numbers.passed:,} went on"
    for reason, count in sorted(numbers.skipped_by_reason.items()):
        yield f"{count:,} skipped: {reason_in_words(reason)}"
    if isinstance(step, steps.WaitForEventStep):
        yield from (f"{count:,} {name}" for name, count in numbers.ways.items())
    if numbers.failed:
        yield f"{numbers.failed:,} failed"
    if numbers.left:
        yield f"{numbers.left:,} left"


def percent(count: int, whole: int) -> str:
    return f"{count / whole:.0%}"
