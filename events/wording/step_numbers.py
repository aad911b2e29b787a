"""What became of people in a sequence and at its steps, a phrase for each number."""

from collections.abc import Iterator, Mapping

from events.language import steps
from events.models import Enrollment
from events.services.counts.numbers import Measure, Numbers
from events.services.sequences.under_way import UnderWay
from events.wording.reasons import reason_in_words

# Who opened or clicked, by the reasons of these measures.
BY_WHOM = {"human": "", "machine": " by machines", "unknown": ", perhaps by machines"}
OF_MAIL = {
    Measure.BOUNCED: "bounced",
    Measure.COMPLAINED: "complained",
    Measure.UNSUBSCRIBED: "unsubscribed",
    Measure.QUEUED: "queued",
}
OF_OTHERS = {
    Measure.CAME: "came",
    Measure.TIMED_OUT: "timed out",
    Measure.DONE: "done",
}


def people(count: int, found: UnderWay) -> str:
    """Return a count of people under way: at least so many where not all were read."""
    return f"{count:,}{'' if found.is_all else '+'}"


def phrases(step: steps.Step, numbers: Numbers) -> Iterator[str]:
    """Yield such as `96 mailed`, `58% opened`, `2 skipped: the address is suppressed`.

    The ways of a condition or split are left out: they have places of their own.
    """
    if isinstance(step, steps.EmailStep):
        mailed = numbers.of(Measure.MAILED)
        yield f"{mailed:,} mailed"
        if mailed:
            yield from _shares(numbers, mailed)
    words = OF_MAIL if isinstance(step, steps.EmailStep) else OF_OTHERS
    for measure, word in words.items():
        if count := numbers.of(measure):
            yield f"{count:,} {word}"
    for measure in (Measure.SKIPPED, Measure.STEP_SKIPPED):
        for reason, count in numbers.by_reason(measure).items():
            yield f"{count:,} skipped{reason and f': {reason_in_words(reason)}'}"
    if failed := numbers.of(Measure.FAILED, Measure.STEP_FAILED):
        yield f"{failed:,} failed"
    if numbers.left:
        yield f"{numbers.left:,} left"


def ways(step: steps.Step, numbers: Numbers) -> Mapping[str, int]:
    """Return how many went each way of a condition or split, by its name; empty for nobody."""
    match step:
        case steps.ConditionStep():
            found = {"yes": numbers.of(Measure.MET), "no": numbers.of(Measure.UNMET)}
        case steps.SplitStep():
            by_branch = numbers.by_reason(Measure.BRANCH)
            found = {each.id: by_branch.get(each.id, 0) for each in step.branches}
        case _:
            found = {}
    return found if any(found.values()) else {}


def of_sequence(numbers: Numbers) -> Iterator[str]:
    """Yield how many entered, and how their enrollments ended."""
    yield f"{numbers.of(Measure.ENTERED):,} entered"
    for reason, count in numbers.by_reason(Measure.ENDED).items():
        status, _, why = reason.partition(": ")
        word = Enrollment.Status(status).label if status in Enrollment.Status else status
        yield f"{count:,} {word.lower()}{why and f': {reason_in_words(why)}'}"


def percent(count: int, whole: int) -> str:
    return f"{count / whole:.0%}"


def _shares(numbers: Numbers, mailed: int) -> Iterator[str]:
    if delivered := numbers.of(Measure.DELIVERED):
        yield f"{percent(delivered, mailed)} delivered"
    for measure, word in ((Measure.OPENED, "opened"), (Measure.CLICKED, "clicked")):
        counts = numbers.by_reason(measure)
        for whom, words in BY_WHOM.items():
            if counts.get(whom):
                yield f"{percent(counts[whom], mailed)} {word}{words}"
