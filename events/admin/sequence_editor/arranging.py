"""What the editor's buttons do with the posted steps; nothing is stored then.

A step that is added, copied or removed keeps the ways around it: who came to a step still comes to
it, and goes on where people went on before.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from django.utils.datastructures import MultiValueDict

from events.admin.sequence_editor import lines
from events.admin.sequence_editor.row_fields import ARRANGE, ROWS_MARK
from events.admin.sequence_editor.step_forms import FORMS, wire_kind_of
from events.language.steps import EXIT, MOST_STEPS
from events.language.steps.kinds.split import MOST_BRANCHES
from events.wording.steps import branch_name

# Of the step that is added at the end, and of one below a step.
ADD_KIND, NEW_KIND = "_add_kind", "new_kind"
BRANCHES = "branches"
# Kinds that never go on with the step below them.
ENDS = ("exit", "split")


@dataclass(slots=True)
class TypedStep:
    """A step as it was posted; `values` are the fields without their prefix."""

    kind: str
    values: dict[str, list[str]]

    def first(self, name: str) -> str:
        return (self.values.get(name) or [""])[-1]

    @property
    def step_id(self) -> str:
        return self.first("id")

    @property
    def jumps(self) -> dict[str, str]:
        """The steps that it names, by field: `next`, `on_false`, `branches.0` and so on."""
        found = {name: self.first(name) for name in ("next", "on_false") if self.first(name)}
        if self.kind == "condition":
            found.setdefault("on_false", EXIT)
        if self.kind == "split":
            named = enumerate(self._branches())
            found |= {f"{BRANCHES}.{n}": str(each.get("next", "")) for n, each in named}
        return found

    def lead(self, field: str, target: str) -> None:
        """Set where a way leads."""
        name, _, number = field.partition(".")
        if name != BRANCHES:
            self.values[name] = [target]
            return
        branches = self._branches()
        branches[int(number)] = {**branches[int(number)], "next": target}
        self.values[BRANCHES] = [lines.branch_lines(branches)]
        self.values.pop(f"{BRANCHES}{ROWS_MARK}", None)

    @property
    def branch_names(self) -> list[str]:
        """The names of a split's branches."""
        given = enumerate(self._branches())
        return [branch_name(str(each.get("id") or f"branch-{n}")) for n, each in given]

    def _branches(self) -> list[dict[str, object]]:
        if self.kind != "split":
            return []
        widget = FORMS[self.kind].base_fields[BRANCHES].widget
        text = widget.value_from_datadict(MultiValueDict(self.values), MultiValueDict(), BRANCHES)
        try:
            found = lines.branches_from(text or "")
        except lines.UnreadableLine:
            return []
        # Each way of each split is drawn and led anew: of thousands, which no split may have, none.
        return found if len(found) <= 2 * MOST_BRANCHES else []


class Arranged(NamedTuple):
    """The steps after a button; `opened` is the place of one to write in."""

    steps: list[TypedStep]
    opened: int | None = None


def arranged(steps: Sequence[TypedStep], posted: Mapping[str, str]) -> Arranged:
    """Return the steps after one button: `up-2`, `copy-2`, `add-2`, `add-2-on_false`, `add`…"""
    rows = [*steps]
    verb, _, rest = str(posted.get(ARRANGE)).partition("-")
    number, _, way = rest.partition("-")
    place = int(number) if number.isascii() and number.isdigit() and len(number) < 4 else -1  # noqa: PLR2004 - three digits
    if verb == "add" and not rest:
        return _with_new(rows, str(posted.get(ADD_KIND)), len(rows))
    if not 0 <= place < len(rows):
        return Arranged(rows)
    match verb:
        case "add" if way:
            return _with_new_in(rows, place, way)
        case "add":
            return _with_new(rows, rows[place].first(NEW_KIND), place + 1)
        case "copy":
            return _with_new(rows, rows[place].kind, place + 1, values=rows[place].values)
        case "remove":
            return Arranged(_without(rows, place))
        case "up" | "down":
            other = place + (1 if verb == "down" else -1)
            if 0 <= other < len(rows):
                rows[place], rows[other] = rows[other], rows[place]
    return Arranged(rows)


def landing(steps: Sequence[TypedStep], place: int, target: str) -> int:
    """Return the place of a step that is added as the first of a way, which leads to a target."""
    later = (n for n in range(place + 1, len(steps)) if steps[n].step_id == target)
    return next(later, len(steps))


def _with_new(
    rows: list[TypedStep],
    kind: str,
    place: int,
    *,
    values: Mapping[str, list[str]] | None = None,
) -> Arranged:
    """Add a step after the one above it: it goes on where that one went on."""
    new = _made(rows, kind, values or {})
    if new is None:
        return Arranged(rows)
    above = rows[place - 1] if place else None
    new.values.pop("next", None)
    if above and above.first("next"):
        if kind not in ENDS:
            new.values["next"] = [above.first("next")]
        above.lead("next", "")
    return Arranged([*rows[:place], new, *rows[place:]], place)


def _with_new_in(rows: list[TypedStep], owner: int, way: str) -> Arranged:
    """Add the first step of a way, just before the step that the way led to."""
    new = _made(rows, rows[owner].first(NEW_KIND), {})
    if new is None or way not in rows[owner].jumps:
        return Arranged(rows)
    target = rows[owner].jumps[way]
    place = landing(rows, owner, target)
    above = rows[place - 1]
    # Nobody else comes to it.
    if above.kind not in ENDS and not above.first("next"):
        above.lead("next", rows[place].step_id if place < len(rows) else EXIT)
    rows[owner].lead(way, new.step_id)
    # A target that was no later step stays to be seen as the fault that it is.
    if place == len(rows) and target != EXIT and new.kind not in ENDS:
        new.values["next"] = [target]
    return Arranged([*rows[:place], new, *rows[place:]], place)


def _without(rows: list[TypedStep], place: int) -> list[TypedStep]:
    """Remove a step; ways to it lead to where it went on."""
    gone, left = rows[place], rows[:place] + rows[place + 1 :]
    below = left[place].step_id if place < len(left) else EXIT
    after = EXIT if gone.kind == "exit" else gone.first("next") or below
    for row in left:
        for field, target in row.jumps.items():
            if target == gone.step_id:
                row.lead(field, after)
    if place and gone.first("next") and not rows[place - 1].first("next"):
        above = rows[place - 1]
        if above.kind not in ENDS:
            above.lead("next", gone.first("next"))
    return left


def _made(
    rows: Sequence[TypedStep], kind: str, values: Mapping[str, list[str]]
) -> TypedStep | None:
    if kind not in FORMS or len(rows) >= MOST_STEPS:
        return None
    taken = {row.step_id for row in rows}
    number = len(rows) + 1
    word = wire_kind_of(kind)
    while f"{word}-{number}" in taken:
        number += 1
    first = {BRANCHES: ["50 exit a\n50 exit b"]} if kind == "split" else {}
    return TypedStep(kind, {**(values or first), "id": [f"{word}-{number}"]})
