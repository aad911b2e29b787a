"""Which step may follow which: an ordered list of steps, with jumps forwards."""

from collections.abc import Mapping, Sequence
from functools import partial

from events.language.steps.kinds import ConditionStep, DelayStep, ExitStep, SplitStep, Step


def edges(steps: Sequence[Step]) -> dict[str, set[str]]:
    """Return the ids of the steps that may follow each step, by its id.

    A jump to a step that is not there is left out: a stored row may be of another release.
    """
    place_of = {step.id: place for place, step in enumerate(steps)}
    after = partial(_after, steps, place_of)
    found = {}
    for place, step in enumerate(steps):
        places = {place_of[target] for target in step.jumps.values() if target in place_of}
        if not isinstance(step, ExitStep | SplitStep):
            places.add(following := after(place))
            if isinstance(step, DelayStep) and step.may_skip and following < len(steps):
                places.add(after(following))
        found[step.id] = {steps[each].id for each in places if each < len(steps)}
    return found


def ways(steps: Sequence[Step]) -> list[list[tuple[str, int]]]:
    """Return where each step leads, by its place: the name of each way, and a later place.

    The number of steps is the end. One way without a name, or those of a condition or split; an
    exit has none.
    """
    end = len(steps)
    place_of = {step.id: place for place, step in enumerate(steps)}

    def ways_of(place: int, step: Step) -> list[tuple[str, int]]:
        after = _after(steps, place_of, place)
        match step:
            case ExitStep():
                return []
            case SplitStep():
                return [(branch.id, place_of.get(branch.next, end)) for branch in step.branches]
            case ConditionStep():
                return [("yes", after), ("no", place_of.get(step.on_false, end))]
            case _:
                return [("", after)]

    return [ways_of(place, step) for place, step in enumerate(steps)]


def reachable(steps: Sequence[Step]) -> dict[str, set[str]]:
    """Return the ids of all steps that may come after each step, by its id."""
    next_ids = edges(steps)
    found: dict[str, set[str]] = {}
    for step in reversed(steps):
        ahead = next_ids[step.id]
        found[step.id] = ahead.union(*(found.get(each, set()) for each in ahead))
    return found


def unreachable(steps: Sequence[Step]) -> list[str]:
    """Return the ids of the steps that no way leads to, in order."""
    if not steps:
        return []
    first = steps[0].id
    ahead = reachable(steps)[first]
    return [step.id for step in steps if step.id != first and step.id not in ahead]


def _after(steps: Sequence[Step], place_of: Mapping[str, int], place: int) -> int:
    step = steps[place]
    return place_of.get(step.next, len(steps)) if step.next else place + 1
