"""Where each step of the editor stands: in which branch, how deep, and where its ways lead."""

from collections.abc import Sequence
from dataclasses import dataclass

from events.admin.sequence_editor.arranging import TypedStep, landing
from events.language import steps
from events.language.steps.kinds.split import Branch
from events.language.steps.outline import Column, outline

WAYS = {"yes": "If so", "no": "Otherwise"}


@dataclass(frozen=True, slots=True)
class WayToAdd:
    """A way that a step can be added to; `lands_at` is the number that it will have."""

    # Of the button, such as `2-on_false`.
    value: str
    name: str
    lands_at: int


@dataclass(slots=True)
class StepPlace:
    """`way` names the branch that begins with the step; `ways` are those that it has."""

    depth: int = 0
    way: str = ""
    # Where its ways lead, such as `otherwise step 7`.
    leads: str = ""
    ways: tuple[WayToAdd, ...] = ()


def places_of(typed: Sequence[TypedStep]) -> list[StepPlace]:
    """Return a place for each step, in order."""
    found = [
        StepPlace(leads=_leads(typed, number), ways=_ways_to_add(typed, number))
        for number in range(len(typed))
    ]

    def visit(column: Column, depth: int, way: str) -> None:
        for stop in column.stops:
            found[stop.place].depth, found[stop.place].way = depth, way
            way = ""
            is_condition = typed[stop.place].kind == "condition"
            for each in stop.ways:
                # A branch of a split may be named "yes" as well.
                name = WAYS[each.name] if is_condition else f"Branch {each.name}"
                visit(each.column, depth + 1, name)

    visit(outline(_sketched(typed)).column, 0, "")
    return found


def _leads(typed: Sequence[TypedStep], number: int) -> str:
    one = typed[number]
    names = {"next": "then", "on_false": "otherwise"}
    names |= {f"branches.{n}": f"{name}:" for n, name in enumerate(one.branch_names)}
    numbers = {each.step_id: n for n, each in enumerate(typed, start=1) if n > number + 1}
    ways = (
        f"{names[way]} {f'step {numbers[target]}' if target in numbers else 'end'}"
        for way, target in one.jumps.items()
    )
    return ", ".join(ways)


def _ways_to_add(typed: Sequence[TypedStep], number: int) -> tuple[WayToAdd, ...]:
    one = typed[number]
    after = WayToAdd(str(number), "after it", number + 2)
    jumps = one.jumps
    if one.kind == "condition":
        otherwise = landing(typed, number, jumps["on_false"]) + 1
        return (
            WayToAdd(str(number), "if so", number + 2),
            WayToAdd(f"{number}-on_false", "otherwise", otherwise),
        )
    if one.kind == "split":
        named = ((f"branches.{n}", name) for n, name in enumerate(one.branch_names))
        return tuple(
            WayToAdd(f"{number}-{way}", f"in {name}", landing(typed, number, jumps[way]) + 1)
            for way, name in named
        ) or (after,)
    return (after,)


def _sketched(typed: Sequence[TypedStep]) -> list[steps.Step]:
    """Return steps with nothing but their ways: what is typed may have faults."""
    found: list[steps.Step] = []
    # An id that comes twice, or a jump back, leads nowhere.
    ids = [f"{number} {each.step_id}" for number, each in enumerate(typed)]
    for number, each in enumerate(typed):
        later = {one.step_id: ids[n] for n, one in enumerate(typed) if n > number}
        jumps = {name: later.get(target, "exit") for name, target in each.jumps.items()}
        match each.kind:
            case "exit":
                found.append(steps.ExitStep(id=ids[number]))
            case "split":
                names = each.branch_names
                ways = [jumps[f"branches.{n}"] for n in range(len(names))]
                branches = (
                    Branch(id=name, weight=1, next=way)
                    for name, way in zip(names, ways, strict=True)
                )
                found.append(steps.SplitStep(id=ids[number], branches=tuple(branches)))
            case "condition":
                found.append(
                    steps.ConditionStep(
                        id=ids[number], rules=(), next=jumps.get("next", ""),
                        on_false=jumps["on_false"],
                    )
                )  # fmt: skip
            case _:
                found.append(steps.UpdateTagsStep(id=ids[number], next=jumps.get("next", "")))
    return found
