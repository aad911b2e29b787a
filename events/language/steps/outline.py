"""A sequence's steps as they are drawn: from top to bottom, branches beside each other.

Ways that part are drawn until they meet again. A way that ends on its own keeps nobody waiting: the
others go on below it. A step is drawn once; further ways to it say where they go on.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from events.language.steps import graph
from events.language.steps.kinds import Step

# Branches within branches; what is deeper is listed in order, with where each step leads.
DEEPEST = 3


@dataclass(frozen=True, slots=True)
class Column:
    """Steps one below the other; `goes_on_at` is the place of a step, or None where it ends."""

    stops: tuple["DrawnStep", ...]
    goes_on_at: int | None


@dataclass(frozen=True, slots=True)
class Way:
    name: str
    column: Column


@dataclass(frozen=True, slots=True)
class DrawnStep:
    """A step by its place; `jumps_to` says where it goes on if not at the next one drawn."""

    place: int
    ways: tuple[Way, ...] = ()
    jumps_to: int | None = None


@dataclass(frozen=True, slots=True)
class Outline:
    column: Column
    # Steps that no way leads to.
    unreached: tuple[DrawnStep, ...]


def outline(steps: Sequence[Step]) -> Outline:
    return _Drawing(steps).outline()


class _Drawing:
    def __init__(self, steps: Sequence[Step]) -> None:
        self.ways = graph.ways(steps)
        self.end = len(steps)
        self.joins = _joins(self.ways)
        self.drawn: set[int] = set()

    def outline(self) -> Outline:
        column = self.column(0, self.end, depth=0)
        left = [place for place in range(self.end) if place not in self.drawn]
        return Outline(column, tuple(DrawnStep(place, self.named(place)) for place in left))

    def column(self, place: int, stop: int, *, depth: int) -> Column:
        """Draw from a place until another."""
        stops: list[DrawnStep] = []
        while place < self.end and place != stop and place not in self.drawn:
            self.drawn.add(place)
            ways = self.ways[place]
            if len(ways) > 1 and depth == DEEPEST:
                self.drawn.remove(place)
                return Column((*stops, *self.flat(place, stop)), self.shown(stop))
            if len(ways) > 1:
                join = self.joins[place]
                columns = [(name, self.column(to, join, depth=depth + 1)) for name, to in ways]
                stops.append(DrawnStep(place, tuple(Way(name, each) for name, each in columns)))
                place = join
            else:
                stops.append(DrawnStep(place))
                place = ways[0][1] if ways else self.end
        return Column(tuple(stops), self.shown(place))

    def flat(self, first: int, stop: int) -> list[DrawnStep]:
        """List what follows a step and was not drawn, in order."""
        ahead = {first}
        for place in range(first, stop):
            if place in ahead:
                ahead |= {to for _, to in self.ways[place] if to < stop}
        listed = sorted(ahead - self.drawn)
        self.drawn |= ahead
        found = []
        for place, following in zip(listed, [*listed[1:], stop], strict=True):
            to = self.ways[place][0][1] if len(self.ways[place]) == 1 else following
            found.append(DrawnStep(place, self.named(place), None if to == following else to))
        return found

    def named(self, place: int) -> tuple[Way, ...]:
        """Return the ways from a branching step, by where they lead only."""
        ways = self.ways[place]
        if len(ways) < 2:  # noqa: PLR2004 - nothing parts
            return ()
        return tuple(Way(name, Column((), self.shown(to))) for name, to in ways)

    def shown(self, place: int) -> int | None:
        return place if place < self.end else None


def _joins(ways: Sequence[Sequence[tuple[str, int]]]) -> list[int]:
    """Return, for each step, the next one that every way from it comes to, or the end.

    Ways that end do not count, where others go on.
    """
    end = len(ways)
    # For each place: what every way from it comes to, itself included.
    certain = [frozenset({end})] * (end + 1)
    goes_on = [False] * (end + 1)
    for place in reversed(range(end)):
        led_to = {to for _, to in ways[place] if to < end}
        alive = {to for to in led_to if goes_on[to]}
        # The last step goes on to the end of all, others leave.
        goes_on[place] = bool(alive) or (place == end - 1 and bool(ways[place]))
        shared = [certain[to] for to in alive or led_to]
        certain[place] = frozenset.intersection(*shared or [certain[end]]) | {place}
    return [min(certain[place] - {place}) for place in range(end)]
