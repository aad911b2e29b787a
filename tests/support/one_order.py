"""Finds out whether calls that ran at the same time can have run one after another.

Each call says when it began and ended, and how it would change the state, or that its answer
contradicts the state. An order must keep calls apart that did not overlap (linearizability; the
search is Wing and Gong's, with the states that were already tried, as Lowe proposed).
"""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

State = TypeVar("State", bound=Hashable)


class Contradicted(Exception):
    """The call cannot have answered so in this state."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Timed(Generic[State]):
    """A call that was answered; `apply` returns the state after it, or raises `Contradicted`.

    `only_reads`: it changes no state, whichever it meets.
    """

    what: str
    began: float
    ended: float
    only_reads: bool
    apply: Callable[[State], State]


def assert_some_order(
    calls: Sequence[Timed[State]], *, start: State, is_end: Callable[[State], bool]
) -> None:
    """Find an order that explains every answer and the end; say how far the best one came."""
    waiting = sorted(calls, key=lambda each: each.began)
    everything = (1 << len(waiting)) - 1
    seen: set[tuple[int, State]] = set()
    best = (0, start)
    untried = [best]
    while untried:
        done, state = untried.pop()
        if done == everything and is_end(state):
            return
        if (done, state) not in seen:
            seen.add((done, state))
            best = max(best, (done, state), key=lambda each: each[0].bit_count())
            untried.extend(_next(waiting, done, state))
    done, state = best
    lines = [
        f"{'x' if done >> place & 1 else '.'} {each.began:.3f} {each.ended:.3f} {each.what}"
        for place, each in enumerate(waiting)
    ]
    raise AssertionError("\n".join(["No order explains the calls; at best:", str(state), *lines]))


def _next(waiting: Sequence[Timed[State]], done: int, state: State) -> list[tuple[int, State]]:
    """Return what each call leads to that can be the next one; the likeliest last."""
    found: list[tuple[int, State]] = []
    for place in _possible(waiting, done):
        try:
            after = waiting[place].apply(state)
        except Contradicted:
            continue
        if waiting[place].only_reads:
            # If any order goes on from here, one that begins with this call does.
            return [(done | 1 << place, state)]
        found.append((done | 1 << place, after))
    return found


def _possible(waiting: Sequence[Timed[State]], done: int) -> list[int]:
    """Return the calls that began before any other waiting one ended, the first to end last."""
    found: list[int] = []
    first_end = float("inf")
    # All before the lowest bit that is not set are done.
    place = (~done & (done + 1)).bit_length() - 1
    while place < len(waiting) and waiting[place].began <= first_end:
        if not done >> place & 1:
            found.append(place)
            first_end = min(first_end, waiting[place].ended)
        place += 1
    found = [each for each in found if waiting[each].began <= first_end]
    return sorted(found, key=lambda each: -waiting[each].ended)
