"""Steps as they are drawn: branches beside each other until they meet, and every step once."""

import random
from typing import Any

import pytest

from events.language.steps import parse_steps
from events.language.steps.outline import Column, DrawnStep, outline


def mail(step_id: str, **rest: Any) -> dict[str, Any]:
    return {"type": "email", "id": step_id, "subject": step_id, "text": "Hello", **rest}


def check(step_id: str, on_false: str = "exit", **rest: Any) -> dict[str, Any]:
    rules = [{"type": "tag", "tag": "vip"}]
    return {"type": "condition", "id": step_id, "rules": rules, "onFalse": on_false, **rest}


def split(step_id: str, *targets: str) -> dict[str, Any]:
    branches = [{"id": f"to-{each}", "weight": 1, "next": each} for each in targets]
    return {"type": "split", "id": step_id, "branches": branches}


def column_text(column: Column) -> str:
    """Return a column such as `1 2(yes: 3 >5 | no: 4 >5) 5 end`, numbers as on screen."""
    parts = [stop_text(stop) for stop in column.stops]
    return " ".join([*parts, "end" if column.goes_on_at is None else f">{column.goes_on_at + 1}"])


def stop_text(stop: DrawnStep) -> str:
    ways = " | ".join(f"{way.name}: {column_text(way.column)}" for way in stop.ways)
    jump = "" if stop.jumps_to is None else f">{stop.jumps_to + 1}"
    return f"{stop.place + 1}{f'({ways})' if ways else ''}{jump}"


def drawn(*raw: dict[str, Any]) -> str:
    found = outline(parse_steps(list(raw)))
    unreached = "".join(f" +{stop_text(stop)}" for stop in found.unreached)
    return column_text(found.column) + unreached


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ([], "end"),
        ([mail("a"), mail("b")], "1 2 end"),
        ([mail("a"), check("b"), mail("c")], "1 2(yes: >3 | no: end) 3 end"),
        ([check("a")], "1(yes: end | no: end) end"),
        (
            [check("a", "c"), mail("b", next="d"), mail("c"), mail("d")],
            "1(yes: 2 >4 | no: 3 >4) 4 end",
        ),
        # A way that ends: the other goes on below.
        (
            [check("a", "d"), mail("b"), {"type": "exit", "id": "c"}, mail("d"), mail("e")],
            "1(yes: 2 3 end | no: >4) 4 5 end",
        ),
        ([mail("a", next="c"), mail("b"), mail("c")], "1 3 end +2"),
        ([mail("a", next="exit"), check("b", "c"), mail("c")], "1 end +2(yes: >3 | no: >3) +3"),
        (
            [split("a", "b", "c", "exit"), mail("b", next="d"), mail("c"), mail("d")],
            "1(to-b: 2 >4 | to-c: 3 >4 | to-exit: end) 4 end",
        ),
        # Both ways to step 3 before they meet: it is drawn once.
        (
            [check("a", "c"), check("b", "d"), mail("c", next="e"), mail("d"), mail("e")],
            "1(yes: 2(yes: 3 >5 | no: 4 >5) >5 | no: >3) 5 end",
        ),
        # All ways end, but both pass step 3.
        (
            [check("a", "c"), mail("b"), mail("c"), {"type": "exit", "id": "d"}],
            "1(yes: 2 >3 | no: >3) 3 4 end",
        ),
    ],
)
def test_branches_are_drawn_until_they_meet(raw: list[dict[str, Any]], expected: str) -> None:
    assert drawn(*raw) == expected


def test_what_is_nested_too_deep_is_listed_with_its_jumps() -> None:
    raw = [check(f"s{number}", "last") for number in range(5)]

    found = drawn(*raw, mail("a", next="last"), mail("b"), mail("last"))

    deepest = "4(yes: >5 | no: >8) 5(yes: >6 | no: >8) 6 >8"
    assert found == (f"1(yes: 2(yes: 3(yes: {deepest} | no: >8) >8 | no: >8) >8 | no: >8) 8 end +7")


def places(column: Column) -> list[int]:
    found = []
    for stop in column.stops:
        found.append(stop.place)
        for way in stop.ways:
            found += places(way.column)
    return found


@pytest.mark.parametrize("seed", range(60))
def test_every_step_is_drawn_once(seed: int) -> None:
    chosen = random.Random(seed)  # noqa: S311 - not for secrets
    count = chosen.randint(1, 30)
    raw = []
    for place in range(count):
        later = ["exit", *(f"s{each}" for each in range(place + 1, count))]
        ways = chosen.sample(later, k=min(3, len(later)))
        made = {
            "mail": mail(f"s{place}", **({"next": chosen.choice(later)} if seed % 2 else {})),
            "check": check(f"s{place}", chosen.choice(later)),
            "split": split(f"s{place}", *ways) if len(ways) > 1 else mail(f"s{place}"),
            "exit": {"type": "exit", "id": f"s{place}"},
        }
        raw.append(made[chosen.choice(["mail", "mail", "check", "split", "exit"])])

    found = outline(parse_steps(raw))

    listed = [*places(found.column), *(stop.place for stop in found.unreached)]
    assert sorted(listed) == list(range(count))
