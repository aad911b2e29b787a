"""Which step may follow which: an ordered list of steps, with jumps forwards."""

from collections.abc import Sequence

from events.language.steps.kinds import DelayStep, ExitStep, SplitStep, Step


def edges(steps: Sequence[Step]) -> dict[str, set[str]]:
    """Return the ids of the steps that may follow each step, by its id.

    A jump to a step that is not there is left out: a stored row may be of another release.
    """
    place_of = {step.id: place for place, step in enumerate(steps)}

    def after(place: int) -> int:
        step = steps[place]
        return place_of.get(step.next, len(steps)) if step.next else place + 1

    found = {}
    for place, step in enumerate(steps):
        places = {place_of[target] for target in step.jumps.values() if target in place_of}
        if not isinstance(step, ExitStep | SplitStep):
            places.add(following := after(place))
            if isinstance(step, DelayStep) and step.may_skip and following < len(steps):
                places.add(after(following))
        found[step.id] = {steps[each].id for each in places if each < len(steps)}
    return found


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
